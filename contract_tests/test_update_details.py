"""The safe update step by step: what is done in which order, and what each ending says."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import define, evolve, field

from signalwire_conferences import (
    ApiError,
    ConferencesError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    RateLimitError,
    ServerChoice,
    ServerError,
    TransportError,
    UnsafeUpdateError,
    ValidationError,
    VerificationError,
)
from signalwire_conferences.changes import checked_changes
from signalwire_conferences.comparison import MISSING, Verdict, flaws, flaws_to_build_on, survival, verify
from signalwire_conferences.outcomes import Answer, NoAnswer, outcome_of
from signalwire_conferences.plan import Change, Intent, UpdatePlan, changed_fields, expected_after
from signalwire_conferences.settings import settings
from signalwire_conferences.steps import Acquire, Done, Policy, Record, Refused, Request, Settle, Wait
from signalwire_conferences.target import Target, read
from signalwire_conferences.update import SafeUpdate
from signalwire_conferences_testing import schemas
from strategies import CARRIED_AS_NULL, COLORS, WRITABLE, Server, drive, is_free_choice, ok

EXAMPLE: dict[str, Any] = schemas.resolve({"$ref": "#/components/schemas/Conference"})["examples"][0]
ID: str = EXAMPLE["id"]
OTHER_ID = "11111111-1111-4111-8111-111111111111"
FREE = next(name for name in WRITABLE if is_free_choice(name))
LIKELY = WRITABLE[FREE]["x-assumed-default"]
COLOR = COLORS[0]
POLICY = Policy(timeout=30.0, retries=2, jitter=lambda: 1.0)
PATH = f"/api/video/conferences/{ID}"

UNKNOWN = "A PUT was sent, and it is unknown whether it was carried out. It may still land."
SEEN = "The PUT was carried out; the values shown were read after it."
ANSWERED = "The values shown are from the answer to the PUT; reading the conference again failed."

Script = Callable[["World", Request], Any]


@define
class World:
    """A server, a lock, a clock and a journal, which note every step.

    Attributes:
        server: the conference.
        puts: what becomes of the first PUTs; those after them go well.
        gets: the same of the reads.
        waits: what happens during the first waits.
        etag: the ETag of each read.
        steps: all that was done.
    """

    server: Server = field(factory=lambda: Server(copy.deepcopy(EXAMPLE)))
    puts: list[Script] = field(factory=list)
    gets: list[Script] = field(factory=list)
    waits: list[Callable[[World], object]] = field(factory=list)
    etag: Callable[[int], str | None] = lambda _: None
    steps: list[Any] = field(factory=list)

    def __call__(self, step: Any) -> Any:
        self.steps.append(step)
        match step:
            case Request():
                script = self.puts if step.method == "PUT" else self.gets
                outcome = script.pop(0)(self, step) if script else self.server(step)
                tag = self.etag(self.methods.count("GET"))
                if isinstance(outcome, Answer) and tag is not None:
                    return evolve(outcome, headers={**outcome.headers, "etag": tag})
                return outcome
            case Wait() if self.waits:
                self.waits.pop(0)(self)
            case Record():
                return len(self.of(Record))
        return None

    def of(self, kind: type[Any]) -> list[Any]:
        return [step for step in self.steps if isinstance(step, kind)]

    @property
    def methods(self) -> list[str]:
        return [step.method for step in self.of(Request)]

    @property
    def story(self) -> list[str]:
        return [getattr(step, "method", type(step).__name__) for step in self.steps]

    def write(self, **fields: Any) -> None:
        self.server.state.update(fields)


def answered(status: int, headers: Mapping[str, str] | None = None, body: Any = None) -> Script:
    """Refused by the server, which does nothing."""
    return lambda _world, _request: ok(body or {}, status, headers)


def dropped(*, applied: bool = False, **theirs: Any) -> Script:
    """No answer came, whether or not the request was carried out; then somebody else writes."""

    def run(world: World, request: Request) -> NoAnswer:
        if applied:
            world.server(request)
        world.write(**theirs)
        return NoAnswer(TimeoutError("nothing came"), sent=True)

    return run


def safe_update(asked: Mapping[str, Any], *, allow_reset: Any = (), base: Any = None, **target: Any) -> SafeUpdate:
    checked = checked_changes(asked, allow_reset, ID)
    return SafeUpdate(evolve(Target(ID, POLICY), **target), Intent(*checked, base=base))


def failure(update: SafeUpdate, world: World) -> ConferencesError:
    with pytest.raises(ConferencesError) as caught:
        drive(update.steps(), world)
    return caught.value


# --- the order of things --------------------------------------------------------------------------------


def test_the_lock_is_held_from_read_to_verification_and_the_journal_written_before_the_put() -> None:
    world = World()
    drive(safe_update({"size": "large"}, locked=True, journaled=True, confirm=2.5).steps(), world)
    assert world.story == ["Acquire", "GET", "Record", "PUT", "Settle", "Release", "Wait", "GET"]
    assert world.of(Acquire) == [Acquire(ID)]
    assert world.of(Wait) == [Wait(2.5)]
    assert world.of(Record) == [Record(ID, EXAMPLE, {"size": "large"})]
    assert world.of(Settle) == [Settle(1, True, {"size": "large"})]


def test_without_lock_journal_and_confirm_there_is_a_read_and_a_write() -> None:
    world = World()
    drive(safe_update({"size": "large"}).steps(), world)
    assert world.story == ["GET", "PUT"]
    assert world.steps[1].content == json.dumps({**body_of(EXAMPLE), "size": "large"}).encode()
    assert (world.steps[0].path, world.steps[1].path) == (PATH, PATH)
    assert world.steps[1].headers == {}


def body_of(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: image[name] for name in WRITABLE if image[name] is not None}


def test_a_change_that_is_there_already_is_journaled_as_such_and_not_confirmed() -> None:
    world = World()
    asked = {"size": EXAMPLE["size"]}
    drive(safe_update(asked, locked=True, journaled=True, confirm=2.5).steps(), world)
    assert world.story == ["Acquire", "GET", "Record", "Release"]
    assert world.of(Record) == [Record(ID, EXAMPLE, {}, outcome="unchanged")]


def test_the_lock_has_one_key_for_every_spelling_of_a_uuid_and_other_ids_as_they_are() -> None:
    spellings = (ID, ID.upper(), f"{{{ID}}}", ID.replace("-", ""))
    assert {Target(spelling, POLICY).key for spelling in spellings} == {ID}
    assert Target("Conference-Id", POLICY).key == "Conference-Id"


def test_a_target_takes_what_the_clients_settings_say() -> None:
    said: dict[str, Any] = {"project": "p", "token": "t", "host": "example.signalwire.com"}
    said |= {"timeout": 30.0, "retries": 3, "lock": None, "confirm": None, "journal": None}
    bare = settings(**said)
    assert Target.of(ID, bare) == Target(ID, bare.policy, locked=False, confirm=None, journaled=False)
    whole = settings(**{**said, "lock": threading.Lock, "confirm": 2.5, "journal": "x.sqlite"})
    assert Target.of(ID, whole) == Target(ID, whole.policy, locked=True, confirm=2.5, journaled=True)


def test_a_settled_update_awaits_a_cleared_field_in_the_journal_as_it_is_assumed_to_become() -> None:
    world = World()
    world.server.state[FREE] = not LIKELY
    drive(safe_update({FREE: None}, journaled=True).steps(), world)
    assert world.of(Record)[0].after == {FREE: LIKELY}


# --- ETags ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "sent"),
    [
        *((tag, {"If-Match": tag}) for tag in ('"7"', '""', '"!#~"')),
        *((tag, {}) for tag in ('W/"7"', '"é"', "7", "", None)),
        *((tag, {}) for tag in ('"7', '"', '"7", "8"', '"7\x01"', '"7\t"', '"7 8"', '"7"\n')),
    ],
)
def test_only_a_strong_etag_that_a_header_can_carry_makes_the_put_conditional(
    tag: str | None, sent: dict[str, str]
) -> None:
    world = World(etag=lambda _: tag)
    drive(safe_update({"size": "large"}).steps(), world)
    assert world.steps[1].headers == sent


def test_a_failed_match_is_tried_again_only_if_there_was_an_etag() -> None:
    world = World(puts=[answered(412)])
    error = failure(safe_update({"size": "large"}), world)
    assert isinstance(error, ApiError)
    assert world.methods == ["GET", "PUT", "GET"]
    assert error.state == "The conference is unchanged by this call."


def test_a_failed_match_is_not_tried_again_while_the_etag_stays() -> None:
    world = World(puts=[answered(412)] * 5, etag=lambda _: '"same"')
    assert isinstance(failure(safe_update({"size": "large"}), world), ApiError)
    assert world.methods == ["GET", "PUT"] * 2 + ["GET"]


def test_what_somebody_else_did_after_a_failed_match_is_not_claimed_as_ours() -> None:
    def overtaken(world: World, _request: Request) -> Answer:
        world.write(size="large", meta={"theirs": True})
        return ok({}, 412)

    world = World(puts=[overtaken], etag=lambda number: f'"{number}"')
    body, report = drive(safe_update({"size": "large"}).steps(), world)
    assert body["meta"] == {"theirs": True}
    assert (report.written, report.puts, report.changes) == (False, 1, {})
    assert report.changed_by_others == {"size": ("medium", "large")}


def test_a_failed_match_is_not_tried_again_once_there_is_no_etag_any_more() -> None:
    world = World(puts=[answered(412)] * 5, etag=lambda number: '"first"' if number == 1 else None)
    assert isinstance(failure(safe_update({"size": "large"}), world), ApiError)
    assert world.methods == ["GET", "PUT"] * 2 + ["GET"]


@pytest.mark.parametrize(("status", "again"), [(400, []), (409, ["GET"]), (423, ["GET"]), (425, ["GET"])])
def test_only_a_failed_match_moves_on_where_there_is_an_etag(status: int, again: list[str]) -> None:
    world = World(puts=[answered(status)], etag=lambda number: f'"{number}"')
    error = failure(safe_update({"size": "large"}), world)
    assert isinstance(error, ApiError)
    assert error.state == "The conference is unchanged by this call."
    assert world.methods == ["GET", "PUT", *again]


def test_after_sixteen_others_came_first_it_is_given_up() -> None:
    world = World(puts=[answered(412)] * 100, etag=lambda number: f'"{number}"')
    error = failure(safe_update({"size": "large"}, journaled=True), world)
    assert isinstance(error, ApiError)
    assert world.methods == ["GET", "PUT"] * 17 + ["GET"]
    assert [step.applied for step in world.of(Settle)] == [False] * 17
    world = World(puts=[answered(412)] * 16, etag=lambda number: f'"{number}"')
    _, report = drive(safe_update({"size": "large"}).steps(), world)
    assert (report.puts, report.written) == (17, True)
    assert world.of(Wait) == []


# --- outcomes that are not known --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "known"),
    [
        (dropped(), [(1, False), (2, True)]),
        # Carried out, and taken back by somebody.
        (dropped(applied=True, size=EXAMPLE["size"]), [(2, True)]),
    ],
    ids=["not carried out", "taken back"],
)
def test_a_put_is_noted_as_not_carried_out_only_where_nothing_was_written_since(
    lost: Script, known: list[tuple[int, bool]]
) -> None:
    world = World(puts=[lost])
    drive(safe_update({"size": "large"}, journaled=True).steps(), world)
    assert world.methods == ["GET", "PUT", "GET", "PUT"]
    assert [(step.entry, step.applied) for step in world.of(Settle)] == known


def test_the_waits_grow_and_the_puts_are_counted() -> None:
    world = World(puts=[dropped()] * 9)
    error = failure(safe_update({"size": "large"}), world)
    assert isinstance(error, TransportError)
    assert world.of(Wait) == [Wait(0.25), Wait(0.5), Wait(1.0)]
    assert world.methods == ["GET", "PUT"] * 3 + ["GET"]
    assert error.state == (
        "The conference was read again and lacks the change. The PUT whose outcome is unknown may still land."
    )
    assert error.advice == "Read the conference before you call again."


@pytest.mark.parametrize(
    ("status", "may_land"),
    [(500, True), (502, True), (503, True), (504, True), (202, True), (408, False), (429, False), (303, False)],
)
def test_what_a_server_failed_at_or_only_accepted_may_still_land(status: int, may_land: bool) -> None:
    world = World(puts=[answered(status)] * 9)
    error = failure(safe_update({"size": "large"}, journaled=True), world)
    assert error.state.startswith("The conference was read again and lacks the change.")
    assert ("may still land" in error.state) is may_land
    # The journal does not call the last one not applied as long as it may still land.
    assert [step.applied for step in world.of(Settle)] == [False] * (2 if may_land else 3)


def test_each_try_has_an_entry_and_what_was_not_carried_out_is_noted_before_the_next() -> None:
    world = World(puts=[dropped(), dropped(applied=True)])
    _, report = drive(safe_update({"size": "large"}, journaled=True).steps(), world)
    again = "Wait", "GET", "Settle"
    assert world.story == ["GET", "Record", "PUT", *again, "Record", "PUT", *again]
    assert world.of(Settle) == [Settle(1, False), Settle(2, True, {"size": "large"})]
    assert (report.puts, report.written, report.changes) == (2, True, {"size": ("medium", "large")})


def test_a_refusal_after_a_put_of_unknown_outcome_leaves_the_outcome_unknown() -> None:
    world = World(puts=[dropped(), answered(422)])
    error = failure(safe_update({"size": "large"}, journaled=True), world)
    assert isinstance(error, ValidationError)
    assert error.state == UNKNOWN
    assert world.of(Settle) == [Settle(1, False)]


def test_a_refusal_is_noted_and_nothing_else_is_sent() -> None:
    world = World(puts=[answered(422)])
    error = failure(safe_update({"size": "large"}, journaled=True), world)
    assert (error.conference_id, error.state) == (ID, "The conference is unchanged by this call.")
    assert world.story == ["GET", "Record", "PUT", "Settle"]
    assert world.of(Settle) == [Settle(1, False)]


def test_a_put_that_never_left_is_tried_again_and_no_other_way_of_not_knowing_is_told() -> None:
    world = World(puts=[lambda _world, _request: NoAnswer(ConnectionError("refused"), sent=False)] * 9)
    error = failure(safe_update({"size": "large"}), world)
    assert world.methods.count("PUT") == 3
    assert error.advice == "Nothing was sent; check the host and the network."


def test_a_server_that_puts_off_for_too_long_is_not_waited_for_and_has_done_nothing() -> None:
    world = World(puts=[answered(429, {"retry-after": "31"})])
    error = failure(safe_update({"size": "large"}), world)
    assert isinstance(error, RateLimitError)
    assert error.state == "The server asked to retry the PUT later, so it was most likely not carried out."
    assert error.advice == "Wait and call again, or slow down."
    assert world.story == ["GET", "PUT"]


def test_a_server_that_fails_and_asks_for_too_long_a_wait_leaves_the_outcome_unknown() -> None:
    error = failure(safe_update({"size": "large"}), World(puts=[answered(503, {"retry-after": "31"})]))
    assert isinstance(error, ServerError)
    assert error.state == UNKNOWN


def test_a_server_that_puts_off_after_an_unknown_outcome_does_not_make_it_known() -> None:
    world = World(puts=[dropped(), answered(429, {"retry-after": "31"})])
    error = failure(safe_update({"size": "large"}), world)
    assert error.state == UNKNOWN


def test_a_redirection_of_the_put_is_read_after_and_not_followed() -> None:
    world = World(puts=[lambda world, request: (world.server(request), ok({}, 303))[1]])
    drive(safe_update({"size": "large"}).steps(), world)
    assert world.methods == ["GET", "PUT", "GET"]


def test_an_answer_that_is_no_object_is_an_unknown_outcome() -> None:
    world = World(puts=[answered(200, body=[1])] * 9)
    error = failure(safe_update({"size": "large"}), world)
    assert isinstance(error, InvalidResponseError)
    assert f"PUT {PATH}" in error.message
    assert error.conference_id == ID
    assert world.methods == ["GET", "PUT"] * 3 + ["GET"]


def test_what_the_put_did_is_read_again_before_an_alarm_and_told_as_it_is_now() -> None:
    world = World()
    world.server.tell = lambda state: {**state, "meta": {"wiped": True}}
    error = failure(safe_update({"size": "large"}, journaled=True), world)
    assert isinstance(error, VerificationError)
    assert error.state == SEEN
    assert world.methods == ["GET", "PUT", "GET"]
    assert (error.conference_id, error.before) == (ID, EXAMPLE)
    assert world.of(Settle) == [Settle(1, True, {"size": "large"})]


def test_what_a_put_of_unknown_outcome_did_to_the_rest_is_verified_by_the_next_read() -> None:
    world = World(puts=[dropped(applied=True, meta={"wiped": True})])
    error = failure(safe_update({"size": "large"}, journaled=True), world)
    assert isinstance(error, VerificationError)
    assert [each.field for each in error.differences] == ["meta"]
    assert error.before == EXAMPLE
    assert error.conference_id == ID
    assert error.state == SEEN
    assert world.of(Settle) == [Settle(1, True, {"size": "large"})]


def test_what_an_unknown_field_became_meanwhile_is_noticed_by_the_next_read() -> None:
    world = World(puts=[dropped(applied=True, participants=4)])
    world.write(participants=3)
    _, report = drive(safe_update({"size": "large"}).steps(), world)
    assert report.noticed == {"participants": (3, 4)}


def test_a_cleared_field_that_moved_after_an_unknown_outcome_was_carried_out() -> None:
    server = Server({**copy.deepcopy(EXAMPLE), FREE: LIKELY}, {FREE: not LIKELY})
    world = World(server, puts=[dropped(applied=True)])
    body, report = drive(safe_update({FREE: None}).steps(), world)
    assert world.methods == ["GET", "PUT", "GET"]
    assert body[FREE] is (not LIKELY)
    assert report.changes == {FREE: (LIKELY, not LIKELY)}


def test_a_cleared_field_at_its_likely_value_after_an_unknown_outcome_needs_no_other_put() -> None:
    world = World(Server({**copy.deepcopy(EXAMPLE), FREE: LIKELY}), puts=[dropped(applied=True)])
    drive(safe_update({FREE: None}).steps(), world)
    assert world.methods == ["GET", "PUT", "GET"]


def test_a_cleared_field_that_did_not_move_after_an_unknown_outcome_is_cleared_again() -> None:
    world = World(Server({**copy.deepcopy(EXAMPLE), FREE: not LIKELY}), puts=[dropped()])
    body, _ = drive(safe_update({FREE: None}).steps(), world)
    assert world.methods == ["GET", "PUT"] * 2
    assert body[FREE] is LIKELY


def test_a_loss_that_turns_up_after_an_unknown_outcome_says_that_it_is_unknown() -> None:
    error = failure(safe_update({"display_name": "x"}), World(puts=[dropped(size=None)]))
    assert isinstance(error, UnsafeUpdateError)
    assert error.state == UNKNOWN


def test_the_answer_of_another_conference_leaves_the_outcome_unknown() -> None:
    world = World()
    world.server.tell = lambda state: {**state, "id": OTHER_ID}
    error = failure(safe_update({"size": "large"}, journaled=True), world)
    assert isinstance(error, InvalidResponseError)
    assert f"it is of conference '{OTHER_ID}'" in error.message
    assert error.conference_id == ID
    assert error.state.startswith("A PUT was sent, and it is unknown whether it was carried out.")
    assert world.of(Settle) == []


def test_a_field_that_is_gone_after_the_put_is_named_though_nothing_can_be_built_on_the_read() -> None:
    world = World()
    world.server.tell = lambda state: {name: value for name, value in state.items() if name != "layout"}
    error = failure(safe_update({"size": "large"}), world)
    assert isinstance(error, VerificationError)
    assert error.differences[0].actual is MISSING
    assert "the server has no such field" in str(error)
    assert error.state == ANSWERED


# --- reads that fail --------------------------------------------------------------------------------------


def test_a_read_that_fails_names_the_conference_and_leaves_it_unchanged() -> None:
    error = failure(safe_update({"size": "large"}), World(gets=[answered(500)] * 9))
    assert isinstance(error, ServerError)
    assert (error.conference_id, error.state) == (ID, "The conference is unchanged by this call.")


def test_an_unusable_read_names_the_conference_and_the_request() -> None:
    error = failure(safe_update({"size": "large"}), World(gets=[answered(200, body={"id": OTHER_ID})]))
    assert isinstance(error, InvalidResponseError)
    assert (error.conference_id, error.state) == (ID, "The conference is unchanged by this call.")
    assert f"GET {PATH}" in error.message
    without_meta = {name: value for name, value in EXAMPLE.items() if name != "meta"}
    world = World(gets=[answered(200, body=without_meta)])
    assert "it lacks meta" in failure(safe_update({"size": "large"}), world).message
    assert world.methods == ["GET"]


def test_a_conference_that_is_not_there_is_unchanged_and_one_that_went_is_gone() -> None:
    never = failure(safe_update({"size": "large"}), World(gets=[answered(404)]))
    assert never.state == "The conference is unchanged by this call."
    later: list[Script] = [lambda world, request: world.server(request), answered(404)]
    gone = failure(safe_update({"size": "large"}), World(puts=[dropped()], gets=list(later)))
    assert isinstance(gone, NotFoundError)
    assert gone.state == f"{UNKNOWN} The conference is gone."
    confirmed = failure(safe_update({"size": "large"}, confirm=1.0), World(gets=list(later)))
    assert confirmed.state == "The change was made and verified earlier in this call. The conference is gone."


def test_where_the_outcome_cannot_be_read_the_error_of_the_put_is_raised_from_that_of_the_read() -> None:
    gets: list[Script] = [lambda world, request: world.server(request), *[answered(500)] * 9]
    error = failure(safe_update({"size": "large"}), World(puts=[dropped()], gets=gets))
    assert isinstance(error, TransportError)
    assert isinstance(error.__cause__, ServerError)
    assert error.state == (f"{UNKNOWN} Reading it again failed too: {error.__cause__.message}")


# --- other writers ----------------------------------------------------------------------------------------


def test_a_conflict_says_what_is_known_and_what_to_do() -> None:
    error = failure(safe_update({"size": "large"}, base={**EXAMPLE, "size": "small"}), World())
    assert isinstance(error, ConflictError)
    assert (error.field, error.before, error.theirs, error.ours) == ("size", "small", "medium", "large")
    assert error.state == "The conference is unchanged by this call."
    assert error.conference_id == ID
    assert error.advice.startswith("Compare the two values")


def test_an_overwritten_change_is_redone_under_the_lock_five_times_and_no_more() -> None:
    def overwrite(world: World) -> None:
        world.write(size="medium")

    world = World(waits=[overwrite] * 100)
    error = failure(safe_update({"size": "large"}, locked=True, confirm=1.0), world)
    assert isinstance(error, ConflictError)
    [conflict] = error.conflicts
    assert (conflict.field, conflict.before, conflict.theirs) == ("size", "medium", "medium")
    assert conflict.ours == "large"
    assert error.state == "The change was made and verified earlier in this call."
    assert error.advice == "Somebody keeps writing the old value; find out who."
    assert world.story == ["Acquire", "GET", "PUT", "Release", "Wait", "GET"] * 6
    world = World(waits=[overwrite] * 5)
    _, report = drive(safe_update({"size": "large"}, confirm=1.0).steps(), world)
    assert report.puts == 6
    assert report.changes == {"size": ("medium", "large")}


def test_a_third_value_found_later_is_a_conflict_for_which_no_lock_is_taken_again() -> None:
    world = World(waits=[lambda world: world.write(size="small")])
    error = failure(safe_update({"size": "large"}, locked=True, confirm=1.0), world)
    assert isinstance(error, ConflictError)
    assert (error.field, error.before, error.theirs, error.ours) == ("size", "medium", "small", "large")
    assert world.story == ["Acquire", "GET", "PUT", "Release", "Wait", "GET"]


def test_what_the_server_chose_for_a_cleared_field_is_what_has_to_stay() -> None:
    server = Server({**copy.deepcopy(EXAMPLE), FREE: LIKELY}, {FREE: not LIKELY})
    world = World(server, waits=[lambda world: world.write(**{FREE: LIKELY})])
    body, _ = drive(safe_update({FREE: None}, confirm=1.0).steps(), world)
    assert body[FREE] is (not LIKELY)
    assert json.loads(world.of(Request)[-2].content)[FREE] is (not LIKELY)


def test_what_became_null_is_cleared_again_when_it_was_overwritten() -> None:
    name = CARRIED_AS_NULL[0]
    world = World(waits=[lambda world: world.write(**{name: EXAMPLE[name]})])
    body, _ = drive(safe_update({name: None}, confirm=1.0).steps(), world)
    assert body[name] is None
    assert world.methods.count("PUT") == 2


def test_the_report_tells_ours_from_theirs() -> None:
    base = copy.deepcopy(EXAMPLE)
    world = World()
    world.write(layout="5up")
    _, report = drive(safe_update({"size": "large"}, base=base).steps(), world)
    assert report.changes == {"size": ("medium", "large")}
    assert report.changed_by_others == {"layout": (EXAMPLE["layout"], "5up")}


def test_the_same_update_can_be_carried_out_again_from_its_start() -> None:
    world = World()
    world.write(size=None)
    update = safe_update({FREE: None}, allow_reset=["size"])
    base = copy.deepcopy(world.server.state)
    assert isinstance(update.intent, Intent)
    update.intent.base = base
    for _ in range(2):
        body, _ = drive(SafeUpdate(update.target, update.intent).steps(), world)
        assert body["size"] == "medium"
    assert world.methods.count("PUT") == 1
    world.write(layout="5up")
    with pytest.raises(ConflictError):
        drive(safe_update({"layout": "3x3"}, base=EXAMPLE).steps(), world)


def test_a_reading_keeps_the_body_and_the_etag() -> None:
    image = drive(read(Target(ID, POLICY)), World(etag=lambda _: '"7"'))
    assert (image.body, image.etag) == (EXAMPLE, '"7"')


# --- the plan ---------------------------------------------------------------------------------------------


def plan_of(asked: Mapping[str, Any], *, allow_reset: Any = (), **state: Any) -> UpdatePlan[Any]:
    world = World()
    world.write(**state)
    return drive(safe_update(asked, allow_reset=allow_reset).plan(), world)


def test_a_plan_reads_like_a_diff() -> None:
    plan = plan_of({"display_name": "Grüße", FREE: None}, size=None, display_name="\ud800")
    before, after = (json.dumps(value) for value in (EXAMPLE[FREE], LIKELY))
    kept = len(WRITABLE) - 3
    assert sorted(str(plan).splitlines()) == sorted(
        [
            f"conference {ID}",
            '- display_name: "\\ud800"',
            '+ display_name: "Grüße"',
            f"- {FREE}: {before}",
            f"+ {FREE}: whatever the server chooses (we assume {after})",
            '! size: is null, which a PUT cannot send; left out it becomes "medium"',
            ("  will be refused. Name a value for each in the call, or pass allow_reset=['size'] to let it be reset."),
            f"  {kept} fields keep their value",
        ]
    )
    kinds = [line.kind for line in plan.lines()]
    assert kinds == ["head", "before", "after", "before", "after", "risk", "risk", "kept"]
    values = {line.text[0]: line.value for line in plan_of({"size": "large"}).lines()}
    assert values == {"c": None, "-": "medium", "+": "large", " ": None}


def test_a_plan_without_changes_says_that_no_put_is_needed() -> None:
    lines = str(plan_of({"size": EXAMPLE["size"]})).splitlines()
    assert lines == [
        f"conference {ID}",
        "  nothing to change; no PUT is needed",
        f"  {len(WRITABLE)} fields keep their value",
    ]
    assert [line.kind for line in plan_of({"size": EXAMPLE["size"]}).lines()] == ["head", "kept", "kept"]


def test_a_plan_without_changes_puts_nothing_at_risk() -> None:
    for asked in ({}, {"display_name": EXAMPLE["display_name"]}):
        assert str(plan_of(asked, size=None)).splitlines() == [
            f"conference {ID}",
            "  nothing to change; no PUT is needed",
            f"  {len(WRITABLE)} fields keep their value",
        ]


def test_one_field_keeps_its_value_and_others_keep_theirs() -> None:
    names = list(WRITABLE)
    plan = UpdatePlan[Any](ID, EXAMPLE, dict.fromkeys(names[1:], Change(1, 2)), {}, {})
    assert plan.kept == (names[0],)
    assert str(plan).splitlines()[-1] == "  1 field keeps its value"


def test_a_plan_gives_what_its_client_makes_of_it_and_does_not_show_the_client() -> None:
    plan = plan_of({"size": "large"})
    applied = UpdatePlan[str](ID, EXAMPLE, plan.changes, plan.body, {}, (), lambda: "applied")
    assert applied.apply() == "applied"
    assert repr(applied) == repr(plan)


def test_a_plan_without_a_client_cannot_be_applied() -> None:
    with pytest.raises(TypeError, match="has no client"):
        plan_of({"size": "large"}).apply()


def test_a_loss_names_the_ways_out() -> None:
    error = failure(safe_update({FREE: None}), world := World(server=Server({**EXAMPLE, "size": None})))
    assert isinstance(error, UnsafeUpdateError)
    assert error.advice == "Name a value for each in the call, or pass allow_reset=['size'] to let it be reset."
    assert error.state == "The conference is unchanged by this call."
    assert (error.conference_id, world.methods) == (ID, ["GET"])
    error = failure(safe_update({FREE: None}), World(server=Server({**EXAMPLE, "display_name": None})))
    assert isinstance(error, UnsafeUpdateError)
    assert error.advice == "Name a value for each in the call."
    assert error.at_risk == {"display_name": "is null, which a PUT cannot send and requires"}


def test_what_may_be_lost_is_told_as_a_change() -> None:
    plan = plan_of({"layout": "5up"}, allow_reset=["size"], size=None)
    assert plan.changes == {"layout": (EXAMPLE["layout"], "5up"), "size": (None, "medium")}
    assert "size" not in plan.body
    assert dict(plan.at_risk) == {}


def test_a_null_switch_that_may_be_lost_becomes_what_the_server_chooses() -> None:
    plan = plan_of({"layout": "5up"}, **{FREE: None})
    assert plan.at_risk == {
        FREE: "is null, which a PUT cannot send; left out it becomes "
        f"whatever the server chooses (we assume {json.dumps(LIKELY)})"
    }
    plan = plan_of({"layout": "5up"}, allow_reset=[FREE], **{FREE: None})
    assert plan.changes[FREE] == (None, ServerChoice(LIKELY))


def test_what_a_put_requires_cannot_be_let_go() -> None:
    plan = plan_of({"layout": "5up"}, allow_reset=["display_name"], display_name=None)
    assert plan.at_risk.keys() == {"display_name"}
    assert plan.changes.keys() == {"layout"}


def test_a_null_that_a_put_restores_is_no_risk() -> None:
    plan = plan_of({"layout": "5up"}, **{CARRIED_AS_NULL[0]: None})
    assert dict(plan.at_risk) == {}
    assert plan.changes.keys() == {"layout"}
    assert CARRIED_AS_NULL[0] not in plan.body


def test_another_spelling_of_a_colour_is_no_change_and_no_conflict() -> None:
    respelled = {**EXAMPLE, COLOR: "#ABCDEF"}
    assert changed_fields({**EXAMPLE, COLOR: "#abcdef"}, respelled) == {}
    assert dict(plan_of({COLOR: "#abcdef"}, **{COLOR: "#ABCDEF"}).changes) == {}
    world = World(server=Server(copy.deepcopy(respelled)))
    drive(safe_update({COLOR: "#000001"}, base={**EXAMPLE, COLOR: "#abcdef"}).steps(), world)
    assert world.server.state[COLOR] == "#000001"


def test_clearing_what_is_at_its_documented_default_or_null_changes_nothing() -> None:
    plan = plan_of({"size": None, CARRIED_AS_NULL[0]: None}, size="medium", **{CARRIED_AS_NULL[0]: None})
    assert dict(plan.changes) == {}


def test_resetting_alone_changes_nothing() -> None:
    plan = plan_of({"layout": EXAMPLE["layout"]}, allow_reset=["size"], size=None)
    assert (dict(plan.changes), dict(plan.body)) == ({}, {})


def test_clearing_what_somebody_set_to_the_likely_value_is_no_conflict() -> None:
    base = {**EXAMPLE, FREE: not LIKELY}
    world = World(server=Server({**copy.deepcopy(EXAMPLE), FREE: LIKELY}))
    body, _ = drive(safe_update({FREE: None}, base=base).steps(), world)
    assert body[FREE] is LIKELY


def test_clearing_what_somebody_set_to_something_else_is_a_conflict() -> None:
    base = {**EXAMPLE, FREE: LIKELY}
    world = World(server=Server({**copy.deepcopy(EXAMPLE), FREE: not LIKELY}))
    assert isinstance(failure(safe_update({FREE: None}, base=base), world), ConflictError)


def test_what_differs_is_told_without_what_is_not_there() -> None:
    after = {**EXAMPLE, "size": "large", "meta": {"other": 1}}
    assert changed_fields(EXAMPLE, after) == {"size": "large"}
    del after["size"]
    assert changed_fields(EXAMPLE, after) == {}


def test_a_body_leads_to_what_it_says_to_null_or_to_the_documented_default() -> None:
    expected = expected_after({"display_name": "x"})
    assert expected["display_name"] == "x"
    assert expected["size"] == "medium"
    assert expected[CARRIED_AS_NULL[0]] is None
    assert FREE not in expected


def test_a_value_that_the_server_chose_to_be_null_is_nobody_elses_change() -> None:
    world = World(Server(copy.deepcopy(EXAMPLE), chosen={FREE: None}))
    world.server.state[FREE] = not LIKELY
    body, report = drive(safe_update({FREE: None}, confirm=2.5).steps(), world)
    assert body[FREE] is None
    assert report.puts == 1
    assert world.story == ["GET", "PUT", "Wait", "GET"]
    world = World(Server(copy.deepcopy(EXAMPLE), chosen={FREE: None}))
    world.server.state[FREE] = not LIKELY
    world.waits = [lambda each: each.write(**{FREE: not LIKELY})]
    body, report = drive(safe_update({FREE: None}, confirm=2.5).steps(), world)
    assert (body[FREE], report.puts) == (None, 2)


# --- verification -----------------------------------------------------------------------------------------


def test_a_verdict_names_the_writable_first_and_then_what_the_server_owns() -> None:
    before = {**EXAMPLE, "participants": 3, "x-lost": 1, "x-null": None}
    body = body_of(EXAMPLE)
    after = {**before, "size": "large", "meta": {"wiped": True}, "participants": 4}
    del after["x-lost"]
    verdict = verify(before, body, after)
    told = {each.field: (each.expected, each.actual) for each in verdict.differences}
    assert list(told) == ["size", "meta", "x-lost"]
    assert told["size"] == ("medium", "large")
    assert told["meta"] == (EXAMPLE["meta"], {"wiped": True})
    assert told["x-lost"] == (1, MISSING)
    assert verdict.noticed == {"participants": (3, 4)}


def test_a_field_that_the_server_may_choose_has_to_be_told() -> None:
    body = {name: value for name, value in body_of(EXAMPLE).items() if name != FREE}
    after = {name: value for name, value in EXAMPLE.items() if name != FREE}
    [difference] = verify(EXAMPLE, body, after).differences
    assert (difference.field, difference.expected, difference.actual) == (FREE, "any value", MISSING)


def test_what_was_not_there_before_need_not_survive() -> None:
    before = {name: value for name, value in EXAMPLE.items() if name != "meta"}
    assert survival(before, EXAMPLE).differences == ()
    assert survival(EXAMPLE, before).differences[0].actual is MISSING


def test_what_the_server_owns_is_not_lost_even_where_it_was_null() -> None:
    before = {**EXAMPLE, "meta": None}
    assert survival(before, before).differences == ()
    [difference] = survival(before, {name: before[name] for name in before if name != "meta"}).differences
    assert (difference.field, difference.expected, difference.actual) == ("meta", None, MISSING)


def test_a_session_that_a_server_tells_unasked_is_neither_kept_nor_noticed() -> None:
    before = {**EXAMPLE, "active_session": {"id": "one"}}
    for after in ({**EXAMPLE, "active_session": {"id": "another"}}, EXAMPLE):
        assert survival(before, after) == Verdict((), {})


def test_what_was_there_must_not_be_nulled_and_what_changed_back_and_forth_is_not_noticed() -> None:
    before = {**EXAMPLE, "participants": 3}
    [difference] = survival(before, {**before, "participants": None}).differences
    assert (difference.field, difference.expected, difference.actual) == ("participants", 3, None)
    assert survival(before, before).noticed == {}


def test_a_null_that_stays_null_and_one_that_got_a_value_are_no_loss() -> None:
    before = {**EXAMPLE, "x-null": None, "x-filled": None}
    verdict = survival(before, {**before, "x-filled": 1})
    assert verdict.differences == ()
    assert verdict.noticed == {"x-filled": (None, 1)}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "it is not a JSON object but list"),
        ({**EXAMPLE, "id": OTHER_ID}, f"it is of conference '{OTHER_ID}'"),
        ({**EXAMPLE, "id": 5}, "it has no id"),
        ({name: EXAMPLE[name] for name in EXAMPLE if name not in ("size", "meta")}, "it lacks size"),
        ({name: EXAMPLE[name] for name in EXAMPLE if name not in ("id", "size")}, "it has no id; it lacks size"),
    ],
)
def test_an_answer_that_is_not_the_conference_says_why(body: Any, reason: str) -> None:
    for about in (ID, ID.upper()):
        outcome = outcome_of(Request("GET", "/x", "conference", about=about), ok(body))
        assert isinstance(outcome, Refused)
        assert outcome.error.message == f"The answer to GET /x, a 200, is not usable: {reason}."
        assert outcome.error.conference_id == about


@pytest.mark.parametrize("lacking", ["meta", "created_at", "name"])
def test_a_read_that_lacks_what_has_to_survive_a_put_is_not_built_on(lacking: str) -> None:
    bare = {name: value for name, value in EXAMPLE.items() if name != lacking}
    assert outcome_of(Request("GET", "/x", "conference", about=ID), ok(bare)) == Done(bare)
    with pytest.raises(InvalidResponseError, match=f"is not usable: it lacks {lacking}"):
        drive(read(Target(ID, POLICY)), World(Server(bare)))


def test_a_number_that_cannot_be_sent_back_is_not_built_on() -> None:
    huge = {**EXAMPLE, "layout": float("inf")}
    assert flaws_to_build_on(huge) == ["it holds a number that cannot be sent back"]
    assert flaws(huge, "conference", ID, whole=True) == []
