"""`python -m signalwire_conferences_testing` runs the mock."""

import sys

try:
    from .mock.command import main
except ImportError as error:
    sys.exit(str(error))

sys.exit(main())
