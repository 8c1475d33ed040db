# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.conference_size import ConferenceSize
from ..models.video_layout import VideoLayout
from ..models.video_quality import VideoQuality
from ..types import UNSET, Unset

T = TypeVar("T", bound="ConferenceCreate")


@_attrs_define
class ConferenceCreate:
    """Body of a create. Nothing in it may be null."""

    display_name: str
    """ Name that people see. """
    name: str | Unset = UNSET
    """ Unique name in the space. The server generates one if it is left out. """
    description: str | Unset = UNSET
    """ What the conference is for. """
    join_from: datetime.date | datetime.datetime | Unset = UNSET
    """ An RFC 3339 date-time with any offset, fraction or leap second, or a date alone, which means its midnight in
    UTC. """
    join_until: datetime.date | datetime.datetime | Unset = UNSET
    """ An RFC 3339 date-time with any offset, fraction or leap second, or a date alone, which means its midnight in
    UTC. """
    quality: VideoQuality | Unset = UNSET
    """ Resolution. """
    layout: VideoLayout | Unset = UNSET
    """ Arrangement of the participants on the screen. """
    size: ConferenceSize | Unset = UNSET
    """ How many members fit: small 10, medium 50, large 300. """
    record_on_start: bool | Unset = UNSET
    enable_room_previews: bool | Unset = UNSET
    enable_chat: bool | Unset = UNSET
    dark_primary: str | Unset = UNSET
    dark_background: str | Unset = UNSET
    dark_foreground: str | Unset = UNSET
    dark_success: str | Unset = UNSET
    dark_negative: str | Unset = UNSET
    light_primary: str | Unset = UNSET
    light_background: str | Unset = UNSET
    light_foreground: str | Unset = UNSET
    light_success: str | Unset = UNSET
    light_negative: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        display_name = self.display_name

        name = self.name

        description = self.description

        join_from: str | Unset
        if isinstance(self.join_from, Unset):
            join_from = UNSET
        elif isinstance(self.join_from, datetime.datetime):
            join_from = self.join_from.isoformat()
        else:
            join_from = self.join_from.isoformat()

        join_until: str | Unset
        if isinstance(self.join_until, Unset):
            join_until = UNSET
        elif isinstance(self.join_until, datetime.datetime):
            join_until = self.join_until.isoformat()
        else:
            join_until = self.join_until.isoformat()

        quality: str | Unset = UNSET
        if not isinstance(self.quality, Unset):
            quality = self.quality.value

        layout: str | Unset = UNSET
        if not isinstance(self.layout, Unset):
            layout = self.layout.value

        size: str | Unset = UNSET
        if not isinstance(self.size, Unset):
            size = self.size.value

        record_on_start = self.record_on_start

        enable_room_previews = self.enable_room_previews

        enable_chat = self.enable_chat

        dark_primary = self.dark_primary

        dark_background = self.dark_background

        dark_foreground = self.dark_foreground

        dark_success = self.dark_success

        dark_negative = self.dark_negative

        light_primary = self.light_primary

        light_background = self.light_background

        light_foreground = self.light_foreground

        light_success = self.light_success

        light_negative = self.light_negative

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "display_name": display_name,
            }
        )
        if name is not UNSET:
            field_dict["name"] = name
        if description is not UNSET:
            field_dict["description"] = description
        if join_from is not UNSET:
            field_dict["join_from"] = join_from
        if join_until is not UNSET:
            field_dict["join_until"] = join_until
        if quality is not UNSET:
            field_dict["quality"] = quality
        if layout is not UNSET:
            field_dict["layout"] = layout
        if size is not UNSET:
            field_dict["size"] = size
        if record_on_start is not UNSET:
            field_dict["record_on_start"] = record_on_start
        if enable_room_previews is not UNSET:
            field_dict["enable_room_previews"] = enable_room_previews
        if enable_chat is not UNSET:
            field_dict["enable_chat"] = enable_chat
        if dark_primary is not UNSET:
            field_dict["dark_primary"] = dark_primary
        if dark_background is not UNSET:
            field_dict["dark_background"] = dark_background
        if dark_foreground is not UNSET:
            field_dict["dark_foreground"] = dark_foreground
        if dark_success is not UNSET:
            field_dict["dark_success"] = dark_success
        if dark_negative is not UNSET:
            field_dict["dark_negative"] = dark_negative
        if light_primary is not UNSET:
            field_dict["light_primary"] = light_primary
        if light_background is not UNSET:
            field_dict["light_background"] = light_background
        if light_foreground is not UNSET:
            field_dict["light_foreground"] = light_foreground
        if light_success is not UNSET:
            field_dict["light_success"] = light_success
        if light_negative is not UNSET:
            field_dict["light_negative"] = light_negative

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        display_name = d.pop("display_name")

        name = d.pop("name", UNSET)

        description = d.pop("description", UNSET)

        def _parse_join_from(data: object) -> datetime.date | datetime.datetime | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_join_time_type_0 = datetime.datetime.fromisoformat(
                    data
                )

                return componentsschemas_join_time_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            componentsschemas_join_time_type_1 = datetime.date.fromisoformat(data)

            return componentsschemas_join_time_type_1

        join_from = _parse_join_from(d.pop("join_from", UNSET))

        def _parse_join_until(
            data: object,
        ) -> datetime.date | datetime.datetime | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_join_time_type_0 = datetime.datetime.fromisoformat(
                    data
                )

                return componentsschemas_join_time_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            componentsschemas_join_time_type_1 = datetime.date.fromisoformat(data)

            return componentsschemas_join_time_type_1

        join_until = _parse_join_until(d.pop("join_until", UNSET))

        _quality = d.pop("quality", UNSET)
        quality: VideoQuality | Unset
        if isinstance(_quality, Unset):
            quality = UNSET
        else:
            quality = VideoQuality(_quality)

        _layout = d.pop("layout", UNSET)
        layout: VideoLayout | Unset
        if isinstance(_layout, Unset):
            layout = UNSET
        else:
            layout = VideoLayout(_layout)

        _size = d.pop("size", UNSET)
        size: ConferenceSize | Unset
        if isinstance(_size, Unset):
            size = UNSET
        else:
            size = ConferenceSize(_size)

        record_on_start = d.pop("record_on_start", UNSET)

        enable_room_previews = d.pop("enable_room_previews", UNSET)

        enable_chat = d.pop("enable_chat", UNSET)

        dark_primary = d.pop("dark_primary", UNSET)

        dark_background = d.pop("dark_background", UNSET)

        dark_foreground = d.pop("dark_foreground", UNSET)

        dark_success = d.pop("dark_success", UNSET)

        dark_negative = d.pop("dark_negative", UNSET)

        light_primary = d.pop("light_primary", UNSET)

        light_background = d.pop("light_background", UNSET)

        light_foreground = d.pop("light_foreground", UNSET)

        light_success = d.pop("light_success", UNSET)

        light_negative = d.pop("light_negative", UNSET)

        conference_create = cls(
            display_name=display_name,
            name=name,
            description=description,
            join_from=join_from,
            join_until=join_until,
            quality=quality,
            layout=layout,
            size=size,
            record_on_start=record_on_start,
            enable_room_previews=enable_room_previews,
            enable_chat=enable_chat,
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
        )

        conference_create.additional_properties = d
        return conference_create

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
