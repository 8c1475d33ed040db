"""Change SignalWire video conferences without resetting the settings that you did not name."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery
    from signalwire_conferences_api.models import ConferenceSize, VideoLayout, VideoQuality

    from .aio import AsyncRestClient
    from .base import RequestOptions
    from .client import RestClient
    from .contract import KEEP
    from .errors import (
        ApiError,
        AuthenticationError,
        ConferencesError,
        ConfigurationError,
        Conflict,
        ConflictError,
        Difference,
        InvalidChangeError,
        InvalidResponseError,
        JournalError,
        NotFoundError,
        PermissionDeniedError,
        Problem,
        RateLimitError,
        ServerError,
        SignalWireRestError,
        SignalWireRestTransportError,
        TransportError,
        UnsafeUpdateError,
        ValidationError,
        VerificationError,
    )
    from .events import CallBegan, CallEnded, Event, RequestBegan, RequestEnded, Waiting
    from .fleet import ChangeSetResult, ConferenceResult, UndoPlans
    from .history import Entry
    from .plan import Change, ServerChoice, UpdatePlan
    from .results import Conference, ConferencePage, UpdatedConference, UpdateReport

    __version__: str

__all__ = [
    "KEEP",
    "ApiError",
    "AsyncRestClient",
    "AuthenticationError",
    "CallBegan",
    "CallEnded",
    "Change",
    "ChangeSetResult",
    "Conference",
    "ConferenceChanges",
    "ConferenceFields",
    "ConferencePage",
    "ConferenceResult",
    "ConferenceSize",
    "ConferencesError",
    "ConfigurationError",
    "Conflict",
    "ConflictError",
    "Difference",
    "Entry",
    "Event",
    "InvalidChangeError",
    "InvalidResponseError",
    "JournalError",
    "ListQuery",
    "NotFoundError",
    "PermissionDeniedError",
    "Problem",
    "RateLimitError",
    "RequestBegan",
    "RequestEnded",
    "RequestOptions",
    "RestClient",
    "ServerChoice",
    "ServerError",
    "SignalWireRestError",
    "SignalWireRestTransportError",
    "TransportError",
    "UndoPlans",
    "UnsafeUpdateError",
    "UpdatePlan",
    "UpdateReport",
    "UpdatedConference",
    "ValidationError",
    "VerificationError",
    "VideoLayout",
    "VideoQuality",
    "Waiting",
    "__version__",
]


# Imported when it is asked for: the command line can then catch a Ctrl-C at any moment, and most programs do without
# the slow ones.
_WHERE = {
    name: module
    for module, names in {
        ".aio": ("AsyncRestClient",),
        ".base": ("RequestOptions",),
        ".client": ("RestClient",),
        ".contract": ("KEEP",),
        ".events": ("CallBegan", "CallEnded", "Event", "RequestBegan", "RequestEnded", "Waiting"),
        ".fleet": ("ChangeSetResult", "ConferenceResult", "UndoPlans"),
        ".history": ("Entry",),
        ".plan": ("Change", "ServerChoice", "UpdatePlan"),
        ".results": ("Conference", "ConferencePage", "UpdatedConference", "UpdateReport"),
        "signalwire_conferences_api.fields": ("ConferenceChanges", "ConferenceFields", "ListQuery"),
        "signalwire_conferences_api.models": ("ConferenceSize", "VideoLayout", "VideoQuality"),
    }.items()
    for name in names
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = importlib.import_module(".wire", __name__).version()
    elif name in __all__:
        value = getattr(importlib.import_module(_WHERE.get(name, ".errors"), __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
