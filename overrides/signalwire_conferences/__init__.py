"""Change SignalWire video conferences without resetting the settings that you did not name."""

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
    from .aio import AsyncRestClient

__all__ = [
    "KEEP",
    "ApiError",
    "AsyncRestClient",
    "AuthenticationError",
    "Change",
    "ChangeSetResult",
    "Conference",
    "ConferencePage",
    "ConferenceResult",
    "ConferencesError",
    "ConfigurationError",
    "Conflict",
    "ConflictError",
    "Difference",
    "Entry",
    "InvalidChangeError",
    "InvalidResponseError",
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
]


def __getattr__(name: str) -> Any:
    # anyio and asyncio are imported by those who use them.
    if name == "AsyncRestClient":
        from .aio import AsyncRestClient  # noqa: PLC0415 - see above

        globals()[name] = AsyncRestClient
        return AsyncRestClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
