# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""What the contract says of each operation and field, as a table."""

import enum
from typing import Any, NamedTuple


class Kind(enum.Enum):
    """How values of a field are compared."""

    EXACT = "exact"
    INSTANT = "instant"
    COLOR = "color"
    UUID = "uuid"


class Omission(enum.Enum):
    """What a field becomes that a request body leaves out, and on whose word."""

    REQUIRED = "it cannot be left out"
    DOCUMENTED_DEFAULT = "its documented default"
    NULL = "null"
    SERVER_CHOICE = "whatever the server chooses"


class Keep(enum.Enum):
    """A field given as `KEEP` is not named: for who holds a value or nothing."""

    KEEP = "keep"

    def __repr__(self) -> str:
        return "KEEP"


class Operation(NamedTuple):
    """Where an operation of the contract lives."""

    method: str
    path: str


OPERATIONS: dict[str, Operation] = {
    "list_video_conferences": Operation("GET", "/api/video/conferences"),
    "create_video_conference": Operation("POST", "/api/video/conferences"),
    "get_video_conference": Operation("GET", "/api/video/conferences/{id}"),
    "update_video_conference": Operation("PUT", "/api/video/conferences/{id}"),
    "delete_video_conference": Operation("DELETE", "/api/video/conferences/{id}"),
}
"By id."

FIELDS: dict[str, dict[str, dict[str, Any]]] = {
    "ConferenceUpdate": {
        "display_name": {
            "kind": Kind.EXACT,
            "omission": Omission.REQUIRED,
            "default": None,
            "rule": "must be a string of at most 200 characters",
            "schema": {"type": "string", "maxLength": 200},
        },
        "description": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string of at most 3000 characters",
            "schema": {"type": "string", "maxLength": 3000},
        },
        "join_from": {
            "kind": Kind.INSTANT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be an RFC 3339 date-time with any offset, fraction or leap second, or a date alone, which means its midnight in UTC",
            "schema": {
                "anyOf": [
                    {"type": "string", "format": "date-time"},
                    {"type": "string", "format": "date"},
                ]
            },
        },
        "join_until": {
            "kind": Kind.INSTANT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be an RFC 3339 date-time with any offset, fraction or leap second, or a date alone, which means its midnight in UTC",
            "schema": {
                "anyOf": [
                    {"type": "string", "format": "date-time"},
                    {"type": "string", "format": "date"},
                ]
            },
        },
        "quality": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "720p",
            "rule": "must be one of 720p, 1080p",
            "schema": {"type": "string", "enum": ["720p", "1080p"]},
        },
        "layout": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "grid-responsive",
            "rule": "must be one of grid-responsive, grid-responsive-mobile, highlight-1-responsive, 1x1, 2x1, 2x2, 5up, 3x3, 4x4, 5x5, 6x6, 8x8, 10x10",
            "schema": {
                "type": "string",
                "enum": [
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
                ],
            },
        },
        "size": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "medium",
            "rule": "must be one of small, medium, large",
            "schema": {"type": "string", "enum": ["small", "medium", "large"]},
        },
        "record_on_start": {
            "kind": Kind.EXACT,
            "omission": Omission.SERVER_CHOICE,
            "default": False,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "tone_on_entry_and_exit": {
            "kind": Kind.EXACT,
            "omission": Omission.SERVER_CHOICE,
            "default": False,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "room_join_video_off": {
            "kind": Kind.EXACT,
            "omission": Omission.SERVER_CHOICE,
            "default": False,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "user_join_video_off": {
            "kind": Kind.EXACT,
            "omission": Omission.SERVER_CHOICE,
            "default": False,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "enable_room_previews": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "enable_chat": {
            "kind": Kind.EXACT,
            "omission": Omission.SERVER_CHOICE,
            "default": False,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "dark_primary": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_background": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_foreground": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_success": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_negative": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_primary": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_background": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_foreground": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_success": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_negative": {
            "kind": Kind.COLOR,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
    },
    "ConferenceCreate": {
        "name": {
            "kind": Kind.EXACT,
            "omission": Omission.SERVER_CHOICE,
            "default": None,
            "rule": "must be a string of at most 100 characters that matches ^[A-Za-z0-9_-]+$",
            "schema": {
                "type": "string",
                "maxLength": 100,
                "pattern": "^[A-Za-z0-9_-]+$",
            },
        },
        "display_name": {
            "kind": Kind.EXACT,
            "omission": Omission.REQUIRED,
            "default": None,
            "rule": "must be a string of at most 200 characters",
            "schema": {"type": "string", "maxLength": 200},
        },
        "description": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string of at most 3000 characters",
            "schema": {"type": "string", "maxLength": 3000},
        },
        "join_from": {
            "kind": Kind.INSTANT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be an RFC 3339 date-time with any offset, fraction or leap second, or a date alone, which means its midnight in UTC",
            "schema": {
                "anyOf": [
                    {"type": "string", "format": "date-time"},
                    {"type": "string", "format": "date"},
                ]
            },
        },
        "join_until": {
            "kind": Kind.INSTANT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be an RFC 3339 date-time with any offset, fraction or leap second, or a date alone, which means its midnight in UTC",
            "schema": {
                "anyOf": [
                    {"type": "string", "format": "date-time"},
                    {"type": "string", "format": "date"},
                ]
            },
        },
        "quality": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "720p",
            "rule": "must be one of 720p, 1080p",
            "schema": {"type": "string", "enum": ["720p", "1080p"]},
        },
        "layout": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "grid-responsive",
            "rule": "must be one of grid-responsive, grid-responsive-mobile, highlight-1-responsive, 1x1, 2x1, 2x2, 5up, 3x3, 4x4, 5x5, 6x6, 8x8, 10x10",
            "schema": {
                "type": "string",
                "enum": [
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
                ],
            },
        },
        "size": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "medium",
            "rule": "must be one of small, medium, large",
            "schema": {"type": "string", "enum": ["small", "medium", "large"]},
        },
        "record_on_start": {
            "kind": Kind.EXACT,
            "omission": Omission.SERVER_CHOICE,
            "default": False,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "enable_room_previews": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "enable_chat": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": True,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "dark_primary": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#044EF4",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_background": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#FFFFFF",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_foreground": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#1D2127",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_success": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#17BB58",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "dark_negative": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#F42C50",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_primary": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#044EF4",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_background": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#FFFFFF",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_foreground": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#1D2127",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_success": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#17BB58",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
        "light_negative": {
            "kind": Kind.COLOR,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": "#F42C50",
            "rule": "must be a string that matches ^#[0-9a-fA-F]{6}$",
            "schema": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        },
    },
    "list_video_conferences": {
        "starts_after": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string",
            "schema": {"type": "string"},
        },
        "ends_before": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string",
            "schema": {"type": "string"},
        },
        "include_active_session": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        },
        "page_number": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": 0,
            "rule": "must be an integer from 0",
            "schema": {"type": "integer", "format": "int32", "minimum": 0},
        },
        "page_size": {
            "kind": Kind.EXACT,
            "omission": Omission.DOCUMENTED_DEFAULT,
            "default": 50,
            "rule": "must be an integer from 1 to 1000",
            "schema": {
                "type": "integer",
                "format": "int32",
                "minimum": 1,
                "maximum": 1000,
            },
        },
        "page_token": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a string",
            "schema": {"type": "string"},
        },
    },
    "create_video_conference": {},
    "get_video_conference": {
        "include_active_session": {
            "kind": Kind.EXACT,
            "omission": Omission.NULL,
            "default": None,
            "rule": "must be a boolean",
            "schema": {"type": "boolean"},
        }
    },
    "update_video_conference": {},
    "delete_video_conference": {},
}
"Request body, or operation with a query -> field or parameter -> what it is."

KINDS: dict[str, Kind] = {
    "id": Kind.UUID,
    "name": Kind.EXACT,
    "display_name": Kind.EXACT,
    "description": Kind.EXACT,
    "join_from": Kind.INSTANT,
    "join_until": Kind.INSTANT,
    "quality": Kind.EXACT,
    "layout": Kind.EXACT,
    "size": Kind.EXACT,
    "record_on_start": Kind.EXACT,
    "tone_on_entry_and_exit": Kind.EXACT,
    "user_join_video_off": Kind.EXACT,
    "room_join_video_off": Kind.EXACT,
    "enable_chat": Kind.EXACT,
    "enable_room_previews": Kind.EXACT,
    "dark_primary": Kind.COLOR,
    "dark_background": Kind.COLOR,
    "dark_foreground": Kind.COLOR,
    "dark_success": Kind.COLOR,
    "dark_negative": Kind.COLOR,
    "light_primary": Kind.COLOR,
    "light_background": Kind.COLOR,
    "light_foreground": Kind.COLOR,
    "light_success": Kind.COLOR,
    "light_negative": Kind.COLOR,
    "meta": Kind.EXACT,
    "created_at": Kind.INSTANT,
    "updated_at": Kind.INSTANT,
    "active_session": Kind.EXACT,
}
"Property of a conference in an answer -> how its values are compared."

KEPT: dict[str, Kind] = {
    "id": Kind.UUID,
    "name": Kind.EXACT,
    "meta": Kind.EXACT,
    "created_at": Kind.INSTANT,
}
"The same of those that no request can write and every write has to keep."
