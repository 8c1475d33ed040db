# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.frames_per_second import FramesPerSecond
from ..models.session_status import SessionStatus
from ..models.video_quality import VideoQuality
from ..types import UNSET, Unset

T = TypeVar("T", bound="ActiveSession")


@_attrs_define
class ActiveSession:
    """The session of a conference. Every property is optional, none is null."""

    id: str | Unset = UNSET
    """ Id of the session. """
    room_id: str | Unset = UNSET
    """ Id of the room that the session was made from. """
    name: str | Unset = UNSET
    """ Name of the session. """
    display_name: str | Unset = UNSET
    """ Name that people see. """
    join_from: datetime.datetime | Unset = UNSET
    join_until: datetime.datetime | Unset = UNSET
    remove_at: datetime.datetime | Unset = UNSET
    remove_after_seconds_elapsed: int | Unset = UNSET
    """ Seconds after which a member is removed. """
    layout: str | Unset = UNSET
    """ Layout at the start. """
    max_members: int | Unset = UNSET
    """ The most members at a time. """
    fps: FramesPerSecond | Unset = UNSET
    quality: VideoQuality | Unset = UNSET
    """ Resolution. """
    start_time: datetime.datetime | Unset = UNSET
    end_time: datetime.datetime | Unset = UNSET
    duration: int | Unset = UNSET
    """ Seconds that the session lasted. """
    status: SessionStatus | Unset = UNSET
    record_on_start: bool | Unset = UNSET
    """ Recording started with the session. """
    enable_room_previews: bool | Unset = UNSET
    """ A preview video of the content is made. """
    preview_url: str | Unset = UNSET
    """ Where the preview video is. """
    audio_video_sync: bool | Unset = UNSET
    """ Audio and video are kept in step. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        room_id = self.room_id

        name = self.name

        display_name = self.display_name

        join_from: str | Unset = UNSET
        if not isinstance(self.join_from, Unset):
            join_from = self.join_from.isoformat()

        join_until: str | Unset = UNSET
        if not isinstance(self.join_until, Unset):
            join_until = self.join_until.isoformat()

        remove_at: str | Unset = UNSET
        if not isinstance(self.remove_at, Unset):
            remove_at = self.remove_at.isoformat()

        remove_after_seconds_elapsed = self.remove_after_seconds_elapsed

        layout = self.layout

        max_members = self.max_members

        fps: int | Unset = UNSET
        if not isinstance(self.fps, Unset):
            fps = self.fps.value

        quality: str | Unset = UNSET
        if not isinstance(self.quality, Unset):
            quality = self.quality.value

        start_time: str | Unset = UNSET
        if not isinstance(self.start_time, Unset):
            start_time = self.start_time.isoformat()

        end_time: str | Unset = UNSET
        if not isinstance(self.end_time, Unset):
            end_time = self.end_time.isoformat()

        duration = self.duration

        status: str | Unset = UNSET
        if not isinstance(self.status, Unset):
            status = self.status.value

        record_on_start = self.record_on_start

        enable_room_previews = self.enable_room_previews

        preview_url = self.preview_url

        audio_video_sync = self.audio_video_sync

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if id is not UNSET:
            field_dict["id"] = id
        if room_id is not UNSET:
            field_dict["room_id"] = room_id
        if name is not UNSET:
            field_dict["name"] = name
        if display_name is not UNSET:
            field_dict["display_name"] = display_name
        if join_from is not UNSET:
            field_dict["join_from"] = join_from
        if join_until is not UNSET:
            field_dict["join_until"] = join_until
        if remove_at is not UNSET:
            field_dict["remove_at"] = remove_at
        if remove_after_seconds_elapsed is not UNSET:
            field_dict["remove_after_seconds_elapsed"] = remove_after_seconds_elapsed
        if layout is not UNSET:
            field_dict["layout"] = layout
        if max_members is not UNSET:
            field_dict["max_members"] = max_members
        if fps is not UNSET:
            field_dict["fps"] = fps
        if quality is not UNSET:
            field_dict["quality"] = quality
        if start_time is not UNSET:
            field_dict["start_time"] = start_time
        if end_time is not UNSET:
            field_dict["end_time"] = end_time
        if duration is not UNSET:
            field_dict["duration"] = duration
        if status is not UNSET:
            field_dict["status"] = status
        if record_on_start is not UNSET:
            field_dict["record_on_start"] = record_on_start
        if enable_room_previews is not UNSET:
            field_dict["enable_room_previews"] = enable_room_previews
        if preview_url is not UNSET:
            field_dict["preview_url"] = preview_url
        if audio_video_sync is not UNSET:
            field_dict["audio_video_sync"] = audio_video_sync

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id", UNSET)

        room_id = d.pop("room_id", UNSET)

        name = d.pop("name", UNSET)

        display_name = d.pop("display_name", UNSET)

        _join_from = d.pop("join_from", UNSET)
        join_from: datetime.datetime | Unset
        if isinstance(_join_from, Unset):
            join_from = UNSET
        else:
            join_from = datetime.datetime.fromisoformat(_join_from)

        _join_until = d.pop("join_until", UNSET)
        join_until: datetime.datetime | Unset
        if isinstance(_join_until, Unset):
            join_until = UNSET
        else:
            join_until = datetime.datetime.fromisoformat(_join_until)

        _remove_at = d.pop("remove_at", UNSET)
        remove_at: datetime.datetime | Unset
        if isinstance(_remove_at, Unset):
            remove_at = UNSET
        else:
            remove_at = datetime.datetime.fromisoformat(_remove_at)

        remove_after_seconds_elapsed = d.pop("remove_after_seconds_elapsed", UNSET)

        layout = d.pop("layout", UNSET)

        max_members = d.pop("max_members", UNSET)

        _fps = d.pop("fps", UNSET)
        fps: FramesPerSecond | Unset
        if isinstance(_fps, Unset):
            fps = UNSET
        else:
            fps = FramesPerSecond(_fps)

        _quality = d.pop("quality", UNSET)
        quality: VideoQuality | Unset
        if isinstance(_quality, Unset):
            quality = UNSET
        else:
            quality = VideoQuality(_quality)

        _start_time = d.pop("start_time", UNSET)
        start_time: datetime.datetime | Unset
        if isinstance(_start_time, Unset):
            start_time = UNSET
        else:
            start_time = datetime.datetime.fromisoformat(_start_time)

        _end_time = d.pop("end_time", UNSET)
        end_time: datetime.datetime | Unset
        if isinstance(_end_time, Unset):
            end_time = UNSET
        else:
            end_time = datetime.datetime.fromisoformat(_end_time)

        duration = d.pop("duration", UNSET)

        _status = d.pop("status", UNSET)
        status: SessionStatus | Unset
        if isinstance(_status, Unset):
            status = UNSET
        else:
            status = SessionStatus(_status)

        record_on_start = d.pop("record_on_start", UNSET)

        enable_room_previews = d.pop("enable_room_previews", UNSET)

        preview_url = d.pop("preview_url", UNSET)

        audio_video_sync = d.pop("audio_video_sync", UNSET)

        active_session = cls(
            id=id,
            room_id=room_id,
            name=name,
            display_name=display_name,
            join_from=join_from,
            join_until=join_until,
            remove_at=remove_at,
            remove_after_seconds_elapsed=remove_after_seconds_elapsed,
            layout=layout,
            max_members=max_members,
            fps=fps,
            quality=quality,
            start_time=start_time,
            end_time=end_time,
            duration=duration,
            status=status,
            record_on_start=record_on_start,
            enable_room_previews=enable_room_previews,
            preview_url=preview_url,
            audio_video_sync=audio_video_sync,
        )

        active_session.additional_properties = d
        return active_session

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
