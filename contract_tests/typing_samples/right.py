"""Right uses, and the types that they have."""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Iterator, Sequence
from typing import Any, assert_never, assert_type
from uuid import UUID

import httpx

from signalwire_conferences import (
    KEEP,
    AsyncRestClient,
    CallBegan,
    CallEnded,
    ChangeSetResult,
    Conference,
    ConferenceChanges,
    ConferencePage,
    ConferencesError,
    ConferenceSize,
    Entry,
    Event,
    RequestBegan,
    RequestEnded,
    RestClient,
    UndoPlans,
    UpdatedConference,
    UpdatePlan,
    UpdateReport,
    VideoLayout,
    VideoQuality,
    Waiting,
)
from signalwire_conferences.results import ActiveSession, PageLinks
from signalwire_conferences_api.types import Unset


def the_vendors_example(client: RestClient) -> None:
    conf = client.video.conferences.update("conference-id", display_name="Team Meeting v2")
    assert_type(conf, UpdatedConference)


def every_way_to_name_a_value(client: RestClient) -> None:
    client.video.conferences.update("id", layout="5up", size=ConferenceSize.LARGE, quality=VideoQuality.HD_720P)
    client.video.conferences.update("id", layout=VideoLayout.FIVE_UP, enable_chat=False, description=None)
    client.video.conferences.update("id", join_from=datetime.date(2022, 1, 1), join_until="2022-12-31")
    client.video.conferences.update(UUID(int=1), join_from=datetime.datetime.now(datetime.UTC), size=None)
    client.video.conferences.update("id", dark_primary="#044EF4", allow_reset=["size"])
    client.video.conferences.update("id", display_name=KEEP, size=KEEP, description=None)


def changes_with_their_types(client: RestClient) -> None:
    changes: ConferenceChanges = {"layout": "5up", "size": KEEP}
    client.video.conferences.update("id", **changes)


def changes_of_the_callers_own(client: RestClient, changes: dict[str, Any]) -> None:
    client.video.conferences.update("id", **changes)
    client.video.conferences.replace("id", changes)


def attributes(conf: Conference) -> None:
    assert_type(conf.display_name, str | None)
    assert_type(conf.description, str | None)
    assert_type(conf.id, UUID)
    assert_type(conf.layout, VideoLayout)
    assert_type(conf.size, ConferenceSize | None)
    assert_type(conf.join_from, datetime.datetime | None)
    assert_type(conf.created_at, datetime.datetime)
    assert_type(conf.enable_chat, bool)
    assert_type(conf.enable_room_previews, bool | None)
    assert_type(conf.active_session, ActiveSession | Unset)
    assert_type(conf.report, UpdateReport | None)
    assert_type(conf["display_name"], Any)
    assert_type(conf.to_dict(), dict[str, Any])
    assert_type(conf | {"layout": "5up"}, dict[str, Any])
    assert_type(conf.copy(), dict[str, Any])


def the_other_operations(client: RestClient) -> None:
    assert_type(client.video.conferences.get("id", include_active_session=True), Conference)
    assert_type(client.video.conferences.create(display_name="x", name="x", size="small"), Conference)
    assert_type(client.video.conferences.replace("id", {"display_name": "x"}), Conference)
    page = client.video.conferences.list(page_size=10, starts_after="2022-01-01T00:00:00Z")
    assert_type(page, ConferencePage)
    assert_type(page.data, list[Conference])
    assert_type(page.links, PageLinks)
    assert_type(client.video.conferences.paginate(page_size=10), Iterator[Conference])
    client.video.conferences.delete("id")


def changes_of_many(client: RestClient) -> None:
    theme = {"dark_primary": "#112233", "layout": "5up"}
    client.video.conferences.update_many(changes=theme)
    client.video.conferences.update_many(changes={"layout": "5up", "enable_chat": True, "size": None})
    client.video.conferences.update_many(changes=lambda each: {"description": f"{each}: {theme}"})
    for _, plan in client.video.conferences.plan_many(changes=theme):
        assert_type(plan, UpdatePlan | Exception)


def the_report_of_an_update(client: RestClient, plan: UpdatePlan) -> None:
    assert_type(client.video.conferences.update("id", layout="5up").report, UpdateReport)
    assert_type(client.video.conferences.edit("id", lambda _: {"layout": "5up"}).report.puts, int)
    assert_type(client.video.conferences.undo("id").report.written, bool)
    assert_type(plan.apply().report, UpdateReport)
    as_it_was_named_before(plan)


def as_it_was_named_before(plan: UpdatePlan[Conference]) -> None:
    assert_type(plan.apply(), Conference)


def a_plan(client: RestClient) -> None:
    plan = client.video.conferences.plan("id", display_name="x")
    assert_type(plan, UpdatePlan[UpdatedConference])
    assert_type(plan.apply(), UpdatedConference)
    assert_type(UpdatePlan.from_json(client, plan.to_json()).apply(), UpdatedConference)
    assert_type(str(plan), str)


def undone(client: RestClient) -> None:
    assert_type(client.video.conferences.history("id", change_set="x"), Sequence[Entry])
    assert_type(client.video.conferences.undo("id", change_set="x"), UpdatedConference)
    assert_type(client.video.conferences.undo(entry=1), UpdatedConference)
    assert_type(client.video.conferences.undo(change_set="x"), ChangeSetResult)
    assert_type(client.video.conferences.plan_undo("id"), UpdatePlan[UpdatedConference])
    assert_type(client.video.conferences.plan_undo(change_set="x"), UndoPlans[UpdatedConference])
    client.video.conferences.undo(change_set="x", on_progress=lambda one: print(one.outcome))
    client.video.conferences.plan_undo(change_set="x", on_progress=lambda pair: print(*pair))


async def undone_awaited(client: AsyncRestClient) -> None:
    assert_type(await client.video.conferences.undo("id"), UpdatedConference)
    assert_type(await client.video.conferences.undo(change_set="x"), ChangeSetResult)
    plan = await client.video.conferences.plan_undo(entry=1)
    assert_type(await plan.apply(), UpdatedConference)
    assert_type(await UpdatePlan.from_json(client, plan.to_json()).apply(), UpdatedConference)


def options(client: RestClient) -> None:
    assert_type(client.with_options(timeout=5, retries=0, confirm=None, on_event=None), RestClient)
    assert_type(client.with_options(retries=KEEP), RestClient)
    with httpx.Client() as http:
        RestClient("project", "token", http_client=http, base_url="https://gateway.example/").close()
        RestClient("project", "token", base_url="http://10.0.0.1", allow_http=True).close()


async def options_awaited(client: AsyncRestClient) -> None:
    assert_type(client.with_options(timeout=5), AsyncRestClient)
    async with httpx.AsyncClient() as http, AsyncRestClient(http_client=http) as own:
        assert_type(await own.with_options(retries=1).video.conferences.get("id"), Conference)


def events() -> None:
    told: list[Event] = []

    def told_in_short(event: Event) -> str:
        match event:
            case CallBegan():
                return event.operation
            case RequestBegan():
                return f"{event.call.operation} {event.method}"
            case RequestEnded():
                assert_type(event.status, int | None)
                return event.began.method
            case Waiting():
                return f"{event.seconds:.1f}"
            case CallEnded():
                assert_type(event.changed, tuple[str, ...])
                return event.outcome
            case never:
                assert_never(never)

    RestClient(on_event=told.append).close()
    RestClient(on_event=told_in_short).close()


def ids_of_requests(conf: Conference, page: ConferencePage, report: UpdateReport, error: ConferencesError) -> None:
    assert_type(conf.request_id, str | None)
    assert_type(page.request_id, str | None)
    assert_type(report.request_id, str | None)
    assert_type(error.request_id, str | None)


def locks() -> None:
    lock = threading.Lock()
    RestClient(lock=lambda _: lock).close()
    RestClient(lock=lambda _: contextlib.nullcontext()).close()
    with RestClient("project", "token", "host", timeout=5, retries=0, journal="journal.sqlite3") as client:
        assert_type(client, RestClient)
