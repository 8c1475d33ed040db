# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""A client library for accessing SignalWire video conferences"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client


__all__ = (
    "AuthenticatedClient",
    "Client",
)

_MODULES = {"AuthenticatedClient": "client", "Client": "client"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
