# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""A client library for accessing SignalWire video conferences"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
