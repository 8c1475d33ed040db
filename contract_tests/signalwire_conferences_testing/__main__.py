"""`python -m signalwire_conferences_testing` runs the mock."""

import sys

try:
    from .mock.command import main
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed: pip install 'signalwire-conferences[mock]'")

sys.exit(main())
