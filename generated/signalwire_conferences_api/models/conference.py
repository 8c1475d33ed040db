# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.conference_size import ConferenceSize
from ..models.video_layout import VideoLayout
from ..models.video_quality import VideoQuality
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.active_session import ActiveSession
    from ..models.metadata import Metadata


T = TypeVar("T", bound="Conference")


@_attrs_define
class Conference:
    """A conference as the server returns it."""

    id: UUID
    name: str
    """ Unique name in the space, set at creation. """
    display_name: None | str
    """ Name that people see. """
    description: None | str
    """ What the conference is for. """
    join_from: datetime.datetime | None
    """ New participants are let in from this time on. """
    join_until: datetime.datetime | None
    """ New participants are let in until this time; those inside may stay. """
    quality: VideoQuality
    """ Resolution. """
    layout: VideoLayout
    """ Arrangement of the participants on the screen. """
    size: ConferenceSize | None
    """ How large the conference may become. """
    record_on_start: bool
    """ Recording starts with the session. """
    tone_on_entry_and_exit: bool
    """ A tone is played when somebody enters or leaves. """
    user_join_video_off: bool
    """ Participants join with video off, set by the user. """
    room_join_video_off: bool
    """ Participants join with video off, set for the room. """
    enable_chat: bool
    """ Participants can use the group chat. """
    enable_room_previews: bool | None
    """ A preview video of the content is made. """
    dark_primary: None | str
    """ CTA buttons and selected items, dark theme. """
    dark_background: None | str
    """ Main background, dark theme. """
    dark_foreground: None | str
    """ Main text and foreground, dark theme. """
    dark_success: None | str
    """ Success indications, dark theme. """
    dark_negative: None | str
    """ Error indications, dark theme. """
    light_primary: None | str
    """ CTA buttons and selected items, light theme. """
    light_background: None | str
    """ Main background, light theme. """
    light_foreground: None | str
    """ Main text and foreground, light theme. """
    light_success: None | str
    """ Success indications, light theme. """
    light_negative: None | str
    """ Error indications, light theme. """
    meta: Metadata | None
    """ Data of the user's own. No documented request can write it. """
    created_at: datetime.datetime
    updated_at: datetime.datetime
    active_session: ActiveSession | Unset = UNSET
    """ The session of a conference. Every property is optional, none is null. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.metadata import Metadata  # noqa: PLC0415

        id = str(self.id)

        name = self.name

        display_name: None | str
        display_name = self.display_name

        description: None | str
        description = self.description

        join_from: None | str
        if isinstance(self.join_from, datetime.datetime):
            join_from = self.join_from.isoformat()
        else:
            join_from = self.join_from

        join_until: None | str
        if isinstance(self.join_until, datetime.datetime):
            join_until = self.join_until.isoformat()
        else:
            join_until = self.join_until

        quality = self.quality.value

        layout = self.layout.value

        size: None | str
        if isinstance(self.size, ConferenceSize):
            size = self.size.value
        else:
            size = self.size

        record_on_start = self.record_on_start

        tone_on_entry_and_exit = self.tone_on_entry_and_exit

        user_join_video_off = self.user_join_video_off

        room_join_video_off = self.room_join_video_off

        enable_chat = self.enable_chat

        enable_room_previews: bool | None
        enable_room_previews = self.enable_room_previews

        dark_primary: None | str
        dark_primary = self.dark_primary

        dark_background: None | str
        dark_background = self.dark_background

        dark_foreground: None | str
        dark_foreground = self.dark_foreground

        dark_success: None | str
        dark_success = self.dark_success

        dark_negative: None | str
        dark_negative = self.dark_negative

        light_primary: None | str
        light_primary = self.light_primary

        light_background: None | str
        light_background = self.light_background

        light_foreground: None | str
        light_foreground = self.light_foreground

        light_success: None | str
        light_success = self.light_success

        light_negative: None | str
        light_negative = self.light_negative

        meta: dict[str, Any] | None
        if isinstance(self.meta, Metadata):
            meta = self.meta.to_dict()
        else:
            meta = self.meta

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        active_session: dict[str, Any] | Unset = UNSET
        if not isinstance(self.active_session, Unset):
            active_session = self.active_session.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "name": name,
                "display_name": display_name,
                "description": description,
                "join_from": join_from,
                "join_until": join_until,
                "quality": quality,
                "layout": layout,
                "size": size,
                "record_on_start": record_on_start,
                "tone_on_entry_and_exit": tone_on_entry_and_exit,
                "user_join_video_off": user_join_video_off,
                "room_join_video_off": room_join_video_off,
                "enable_chat": enable_chat,
                "enable_room_previews": enable_room_previews,
                "dark_primary": dark_primary,
                "dark_background": dark_background,
                "dark_foreground": dark_foreground,
                "dark_success": dark_success,
                "dark_negative": dark_negative,
                "light_primary": light_primary,
                "light_background": light_background,
                "light_foreground": light_foreground,
                "light_success": light_success,
                "light_negative": light_negative,
                "meta": meta,
                "created_at": created_at,
                "updated_at": updated_at,
            }
        )
        if active_session is not UNSET:
            field_dict["active_session"] = active_session

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.active_session import ActiveSession  # noqa: PLC0415
        from ..models.metadata import Metadata  # noqa: PLC0415

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        name = d.pop("name")

        def _parse_display_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        display_name = _parse_display_name(d.pop("display_name"))

        def _parse_description(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        description = _parse_description(d.pop("description"))

        def _parse_join_from(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                join_from_type_0 = datetime.datetime.fromisoformat(data)

                return join_from_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        join_from = _parse_join_from(d.pop("join_from"))

        def _parse_join_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                join_until_type_0 = datetime.datetime.fromisoformat(data)

                return join_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        join_until = _parse_join_until(d.pop("join_until"))

        quality = VideoQuality(d.pop("quality"))

        layout = VideoLayout(d.pop("layout"))

        def _parse_size(data: object) -> ConferenceSize | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                size_type_0 = ConferenceSize(data)

                return size_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ConferenceSize | None, data)

        size = _parse_size(d.pop("size"))

        record_on_start = d.pop("record_on_start")

        tone_on_entry_and_exit = d.pop("tone_on_entry_and_exit")

        user_join_video_off = d.pop("user_join_video_off")

        room_join_video_off = d.pop("room_join_video_off")

        enable_chat = d.pop("enable_chat")

        def _parse_enable_room_previews(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        enable_room_previews = _parse_enable_room_previews(
            d.pop("enable_room_previews")
        )

        def _parse_dark_primary(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        dark_primary = _parse_dark_primary(d.pop("dark_primary"))

        def _parse_dark_background(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        dark_background = _parse_dark_background(d.pop("dark_background"))

        def _parse_dark_foreground(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        dark_foreground = _parse_dark_foreground(d.pop("dark_foreground"))

        def _parse_dark_success(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        dark_success = _parse_dark_success(d.pop("dark_success"))

        def _parse_dark_negative(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        dark_negative = _parse_dark_negative(d.pop("dark_negative"))

        def _parse_light_primary(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        light_primary = _parse_light_primary(d.pop("light_primary"))

        def _parse_light_background(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        light_background = _parse_light_background(d.pop("light_background"))

        def _parse_light_foreground(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        light_foreground = _parse_light_foreground(d.pop("light_foreground"))

        def _parse_light_success(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        light_success = _parse_light_success(d.pop("light_success"))

        def _parse_light_negative(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        light_negative = _parse_light_negative(d.pop("light_negative"))

        def _parse_meta(data: object) -> Metadata | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                meta_type_0 = Metadata.from_dict(data)

                return meta_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Metadata | None, data)

        meta = _parse_meta(d.pop("meta"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        _active_session = d.pop("active_session", UNSET)
        active_session: ActiveSession | Unset
        if isinstance(_active_session, Unset):
            active_session = UNSET
        else:
            active_session = ActiveSession.from_dict(_active_session)

        conference = cls(
            id=id,
            name=name,
            display_name=display_name,
            description=description,
            join_from=join_from,
            join_until=join_until,
            quality=quality,
            layout=layout,
            size=size,
            record_on_start=record_on_start,
            tone_on_entry_and_exit=tone_on_entry_and_exit,
            user_join_video_off=user_join_video_off,
            room_join_video_off=room_join_video_off,
            enable_chat=enable_chat,
            enable_room_previews=enable_room_previews,
            dark_primary=dark_primary,
            dark_background=dark_background,
            dark_foreground=dark_foreground,
            dark_success=dark_success,
            dark_negative=dark_negative,
            light_primary=light_primary,
            light_background=light_background,
            light_foreground=light_foreground,
            light_success=light_success,
            light_negative=light_negative,
            meta=meta,
            created_at=created_at,
            updated_at=updated_at,
            active_session=active_session,
        )

        conference.additional_properties = d
        return conference

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
