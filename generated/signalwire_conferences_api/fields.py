# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""The fields that a caller may give, as the contract has them."""

from datetime import date, datetime
from typing import Literal, Required, TypedDict

from .models import (
    ConferenceSize,
    VideoLayout,
    VideoQuality,
)
from .table import Keep


class ConferenceChanges(TypedDict, total=False):
    """What an update may change. `None` clears a field."""

    display_name: str | Keep
    "Name that people see."
    description: str | Keep | None
    "What the conference is for."
    join_from: datetime | date | str | Keep | None
    "New participants are let in from this time on."
    join_until: datetime | date | str | Keep | None
    "New participants are let in until this time; those inside may stay."
    quality: VideoQuality | Literal["720p", "1080p"] | Keep | None
    "Resolution of the conference."
    layout: (
        VideoLayout
        | Literal[
            "grid-responsive",
            "grid-responsive-mobile",
            "highlight-1-responsive",
            "1x1",
            "2x1",
            "2x2",
            "5up",
            "3x3",
            "4x4",
            "5x5",
            "6x6",
            "8x8",
            "10x10",
        ]
        | Keep
        | None
    )
    "Layout at the start."
    size: ConferenceSize | Literal["small", "medium", "large"] | Keep | None
    "How large the conference may become."
    record_on_start: bool | Keep | None
    "Recording starts with the session."
    tone_on_entry_and_exit: bool | Keep | None
    "A tone is played when somebody enters or leaves."
    room_join_video_off: bool | Keep | None
    "Participants join with video off, set for the room."
    user_join_video_off: bool | Keep | None
    "Participants join with video off, set by the user."
    enable_room_previews: bool | Keep | None
    "A preview video of the content is made."
    enable_chat: bool | Keep | None
    "Participants can use the group chat."
    dark_primary: str | Keep | None
    "CTA buttons and selected items, dark theme."
    dark_background: str | Keep | None
    "Main background, dark theme."
    dark_foreground: str | Keep | None
    "Main text and foreground, dark theme."
    dark_success: str | Keep | None
    "Success indications, dark theme."
    dark_negative: str | Keep | None
    "Error indications, dark theme."
    light_primary: str | Keep | None
    "CTA buttons and selected items, light theme."
    light_background: str | Keep | None
    "Main background, light theme."
    light_foreground: str | Keep | None
    "Main text and foreground, light theme."
    light_success: str | Keep | None
    "Success indications, light theme."
    light_negative: str | Keep | None
    "Error indications, light theme."


class ConferenceFields(TypedDict, total=False):
    """What a create may set. `None` leaves a field out."""

    name: str | Keep | None
    "Unique name in the space. The server generates one if it is left out."
    display_name: Required[str | Keep]
    "Name that people see."
    description: str | Keep | None
    "What the conference is for."
    join_from: datetime | date | str | Keep | None
    "New participants are let in from this time on."
    join_until: datetime | date | str | Keep | None
    "New participants are let in until this time; those inside may stay."
    quality: VideoQuality | Literal["720p", "1080p"] | Keep | None
    "Resolution of the conference."
    layout: (
        VideoLayout
        | Literal[
            "grid-responsive",
            "grid-responsive-mobile",
            "highlight-1-responsive",
            "1x1",
            "2x1",
            "2x2",
            "5up",
            "3x3",
            "4x4",
            "5x5",
            "6x6",
            "8x8",
            "10x10",
        ]
        | Keep
        | None
    )
    "Layout at the start."
    size: ConferenceSize | Literal["small", "medium", "large"] | Keep | None
    "How large the conference may become."
    record_on_start: bool | Keep | None
    "Recording starts with the session."
    enable_room_previews: bool | Keep | None
    "A preview video of the content is made."
    enable_chat: bool | Keep | None
    "Participants can use the group chat."
    dark_primary: str | Keep | None
    "CTA buttons and selected items, dark theme."
    dark_background: str | Keep | None
    "Main background, dark theme."
    dark_foreground: str | Keep | None
    "Main text and foreground, dark theme."
    dark_success: str | Keep | None
    "Success indications, dark theme."
    dark_negative: str | Keep | None
    "Error indications, dark theme."
    light_primary: str | Keep | None
    "CTA buttons and selected items, light theme."
    light_background: str | Keep | None
    "Main background, light theme."
    light_foreground: str | Keep | None
    "Main text and foreground, light theme."
    light_success: str | Keep | None
    "Success indications, light theme."
    light_negative: str | Keep | None
    "Error indications, light theme."


class ListQuery(TypedDict, total=False):
    """What a list may be narrowed by."""

    starts_after: str
    "Only conferences whose `join_from` is at or after this time, an RFC 3339 date-time or a Unix timestamp in seconds. Our reading: a conference without `join_from` is left out."
    ends_before: str
    "Only conferences whose `join_until` is at or before this time, an RFC 3339 date-time or a Unix timestamp in seconds. Our reading: a conference without `join_until` is left out."
    include_active_session: bool
    "Whether the answer includes the current session, if there is one."
    page_number: int
    "Number of the page. Above 0 it needs `page_token`."
    page_size: int
    "Maximum number of conferences on one page."
    page_token: str
    "Cursor taken from `links`; required if `page_number` is above 0."
