"""`python -m signalwire_conferences_testing` runs the mock."""

import sys

from .mock.command import main

sys.exit(main())
