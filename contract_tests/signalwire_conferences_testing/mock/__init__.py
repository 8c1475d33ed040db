"""A stateful mock of the conference resource, in memory.

`MockServer` serves it from a thread, `ConferencesMock` is the same without a socket, `create_app` returns
the bare ASGI application, and `Fault` has the kinds of faults.
"""

try:
    from .app import App, create_app
    from .base import ConferencesMock
    from .exchange import Call, Reply
    from .faults import Faults, Fired, Rule
    from .kinds import Fault
    from .log import LoggedRequest
    from .operations import Operations
    from .server import MockServer
    from .store import Store
    from .transport import InProcessTransport
except ModuleNotFoundError as error:
    raise ImportError(
        f"{error.name} is not installed: pip install 'signalwire-conferences[mock]'", name=error.name
    ) from error

__all__ = [
    "App",
    "Call",
    "ConferencesMock",
    "Fault",
    "Faults",
    "Fired",
    "InProcessTransport",
    "LoggedRequest",
    "MockServer",
    "Operations",
    "Reply",
    "Rule",
    "Store",
    "create_app",
]
