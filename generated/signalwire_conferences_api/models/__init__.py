# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""Contains all the data models used in inputs/outputs"""

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
