"""Change SignalWire video conferences without resetting the settings that you did not name."""

import importlib
from typing import TYPE_CHECKING, Any

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
    NotFoundError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    SignalWireRestError,
    TransportError,
    UnsafeUpdateError,
    ValidationError,
    VerificationError,
)
from .fleet import ChangeSetResult, ConferenceResult
from .history import Entry
from .plan import Change, ServerChoice, UpdatePlan
from .results import Conference, ConferencePage, UpdateReport

if TYPE_CHECKING:
    from signalwire_conferences_api.fields import ConferenceChanges, ConferenceFields, ListQuery
    from signalwire_conferences_api.models import ConferenceSize, VideoLayout, VideoQuality

    from .aio import AsyncRestClient

    __version__: str

# What is imported when it is asked for: it takes long, and most programs do without.
_LATER = {
    "AsyncRestClient": "signalwire_conferences.aio",
    **dict.fromkeys(("ConferenceChanges", "ConferenceFields", "ListQuery"), "signalwire_conferences_api.fields"),
    **dict.fromkeys(("ConferenceSize", "VideoLayout", "VideoQuality"), "signalwire_conferences_api.models"),
}

__all__ = [
    "KEEP",
    "ApiError",
    "AsyncRestClient",
    "AuthenticationError",
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
    "InvalidChangeError",
    "InvalidResponseError",
    "ListQuery",
    "NotFoundError",
    "PermissionDeniedError",
    "Problem",
    "RateLimitError",
    "RestClient",
    "ServerChoice",
    "ServerError",
    "SignalWireRestError",
    "TransportError",
    "UnsafeUpdateError",
    "UpdatePlan",
    "UpdateReport",
    "ValidationError",
    "VerificationError",
    "VideoLayout",
    "VideoQuality",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = importlib.import_module("signalwire_conferences.wire").version()
    elif name in _LATER:
        value = getattr(importlib.import_module(_LATER[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
