"""Test kit for the conference resource: a stateful mock, and checks of the contract."""
