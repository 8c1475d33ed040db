# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""Contains all the data models used in inputs/outputs"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .active_session import ActiveSession
    from .bad_request_body import BadRequestBody
    from .bad_request_body_error import BadRequestBodyError
    from .conference import Conference
    from .conference_create import ConferenceCreate
    from .conference_page import ConferencePage
    from .conference_size import ConferenceSize
    from .conference_update import ConferenceUpdate
    from .forbidden_body import ForbiddenBody
    from .forbidden_body_error import ForbiddenBodyError
    from .frames_per_second import FramesPerSecond
    from .internal_server_error_body import InternalServerErrorBody
    from .internal_server_error_body_error import InternalServerErrorBodyError
    from .metadata import Metadata
    from .not_found_body import NotFoundBody
    from .not_found_body_error import NotFoundBodyError
    from .page_links import PageLinks
    from .session_status import SessionStatus
    from .too_many_requests_body import TooManyRequestsBody
    from .unauthorized_body import UnauthorizedBody
    from .unauthorized_body_error import UnauthorizedBodyError
    from .validation_error_item import ValidationErrorItem
    from .validation_errors import ValidationErrors
    from .video_layout import VideoLayout
    from .video_quality import VideoQuality


__all__ = (
    "ActiveSession",
    "BadRequestBody",
    "BadRequestBodyError",
    "Conference",
    "ConferenceCreate",
    "ConferencePage",
    "ConferenceSize",
    "ConferenceUpdate",
    "ForbiddenBody",
    "ForbiddenBodyError",
    "FramesPerSecond",
    "InternalServerErrorBody",
    "InternalServerErrorBodyError",
    "Metadata",
    "NotFoundBody",
    "NotFoundBodyError",
    "PageLinks",
    "SessionStatus",
    "TooManyRequestsBody",
    "UnauthorizedBody",
    "UnauthorizedBodyError",
    "ValidationErrorItem",
    "ValidationErrors",
    "VideoLayout",
    "VideoQuality",
)

_MODULES = {
    "ActiveSession": "active_session",
    "BadRequestBody": "bad_request_body",
    "BadRequestBodyError": "bad_request_body_error",
    "Conference": "conference",
    "ConferenceCreate": "conference_create",
    "ConferencePage": "conference_page",
    "ConferenceSize": "conference_size",
    "ConferenceUpdate": "conference_update",
    "ForbiddenBody": "forbidden_body",
    "ForbiddenBodyError": "forbidden_body_error",
    "FramesPerSecond": "frames_per_second",
    "InternalServerErrorBody": "internal_server_error_body",
    "InternalServerErrorBodyError": "internal_server_error_body_error",
    "Metadata": "metadata",
    "NotFoundBody": "not_found_body",
    "NotFoundBodyError": "not_found_body_error",
    "PageLinks": "page_links",
    "SessionStatus": "session_status",
    "TooManyRequestsBody": "too_many_requests_body",
    "UnauthorizedBody": "unauthorized_body",
    "UnauthorizedBodyError": "unauthorized_body_error",
    "ValidationErrorItem": "validation_error_item",
    "ValidationErrors": "validation_errors",
    "VideoLayout": "video_layout",
    "VideoQuality": "video_quality",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
