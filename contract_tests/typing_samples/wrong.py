"""Wrong uses. Each is flagged: where it were not, mypy would call its `type: ignore` unused."""

from __future__ import annotations

import httpx

from signalwire_conferences import AsyncRestClient, CallBegan, Conference, Event, RestClient


def wrong_fields(client: RestClient) -> None:
    client.video.conferences.update("id", displayname="x")  # type: ignore[call-arg]  # no such name
    client.video.conferences.update("id", name="x")  # type: ignore[call-arg]  # no such name
    client.video.conferences.update("id", meta={})  # type: ignore[call-arg]  # no such name
    client.video.conferences.plan("id", updated_at="2022-01-01")  # type: ignore[call-arg]  # no such name
    client.video.conferences.create(display_name="x", tone_on_entry_and_exit=True)  # type: ignore[call-arg]  # no such name
    client.video.conferences.list(limit=5)  # type: ignore[call-arg]  # no such name


def wrong_values(client: RestClient) -> None:
    client.video.conferences.update("id", display_name=None)  # type: ignore[arg-type]  # no such value
    client.video.conferences.update("id", display_name=5)  # type: ignore[arg-type]  # no such value
    client.video.conferences.update("id", layout="5-up")  # type: ignore[arg-type]  # no such value
    client.video.conferences.update("id", size="huge")  # type: ignore[arg-type]  # no such value
    client.video.conferences.update("id", quality=720)  # type: ignore[arg-type]  # no such value
    client.video.conferences.update("id", enable_chat="yes")  # type: ignore[arg-type]  # no such value
    client.video.conferences.update("id", join_from=1640995200)  # type: ignore[arg-type]  # no such value
    client.video.conferences.plan("id", display_name=None)  # type: ignore[arg-type]  # no such value
    client.video.conferences.create(display_name=None)  # type: ignore[arg-type]  # no such value
    client.video.conferences.list(page_size="50")  # type: ignore[arg-type]  # no such value


def missing(client: RestClient) -> None:
    client.video.conferences.create(description="x")  # type: ignore[call-arg]  # one is missing, or no id
    client.video.conferences.update(display_name="x")  # type: ignore[call-arg]  # one is missing, or no id
    client.video.conferences.update(5, display_name="x")  # type: ignore[arg-type]  # one is missing, or no id


def wrong_clients() -> None:
    RestClient(5)  # type: ignore[arg-type]  # no such argument
    RestClient(timeout="30")  # type: ignore[arg-type]  # no such argument
    RestClient(lock=object())  # type: ignore[arg-type]  # no such argument
    RestClient(http_client=httpx.AsyncClient())  # type: ignore[arg-type]  # no such argument
    AsyncRestClient(http_client=httpx.Client())  # type: ignore[arg-type]  # no such argument
    RestClient(base_url=5)  # type: ignore[arg-type]  # no such argument
    RestClient(allow_http="yes")  # type: ignore[arg-type]  # no such argument
    RestClient(on_event=lambda: None)  # type: ignore[arg-type,misc]  # no such argument


def wrong_options(client: RestClient, event: Event) -> None:
    client.with_options(timeout=None)  # type: ignore[arg-type]  # no such option
    client.with_options(token="PTother")  # type: ignore[call-arg]  # no such option
    client.with_options(journal="x.sqlite")  # type: ignore[call-arg]  # no such option
    event.seconds  # type: ignore[union-attr]  # not every event has it  # noqa: B018 - to read it is the use
    CallBegan("x").operation = "y"  # type: ignore[misc]  # it is frozen


def wrong_reading(conf: Conference) -> None:
    conf.displayname  # type: ignore[attr-defined]  # may be null, or no such name  # noqa: B018 - to read it is the use
    conf.join_from.year  # type: ignore[union-attr]  # may be null, or no such name  # noqa: B018 - to read it is the use
    conf.size.value  # type: ignore[union-attr]  # may be null, or no such name  # noqa: B018 - to read it is the use


def writing_to_a_result(conf: Conference) -> None:
    conf["layout"] = "5up"  # type: ignore[index,assignment]  # it is read-only
    del conf["layout"]  # type: ignore[arg-type]  # it is read-only
    conf.update(layout="5up")  # type: ignore[attr-defined]  # it is read-only
