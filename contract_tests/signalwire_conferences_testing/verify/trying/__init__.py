"""What tries a promise: the bench of a check, what it sends, what it created and what shows a finding."""
