"""A stateful mock of the conference resource, in memory.

`MockServer` serves it from a thread, `create_app` gives the bare ASGI application, `Fault` names
what can go wrong.
"""

from .app import LoggedRequest, create_app
from .exchange import Call, Reply
from .faults import Faults, Fired, Rule
from .kinds import Fault
from .server import MockServer
from .store import Store

__all__ = [
    "Call",
    "Fault",
    "Faults",
    "Fired",
    "LoggedRequest",
    "MockServer",
    "Reply",
    "Rule",
    "Store",
    "create_app",
]
