"""Schemathesis finds nothing wrong with the mock, in all its phases and with all its checks; and it
finds what is wrong with a mock that breaks the contract.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from attrs import define, field, frozen
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.engine import events, from_schema
from schemathesis.openapi.checks import RejectedPositiveData
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conftest import LONG
from signalwire_conferences import contract
from signalwire_conferences_testing import schemas
from signalwire_conferences_testing.mock import Reply, Store, create_app

PROJECT, TOKEN = "project", "token"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Schemathesis may end its stateful phase early, so that several short runs try more than a long one.
EXAMPLES = 1000 if LONG else 60
STATEFUL_EXAMPLES = 200 if LONG else 15
LEAST_STATEFUL_SEEDS, STATEFUL_SEEDS = 3 if LONG else 1, 20
SHIFT = int(os.environ.get("SIGNALWIRE_CONFERENCES_SEED", "0"))  # of the seeds, to try something new

OPERATIONS = {
    said["operationId"]: (method.upper(), {**said, "label": f"{method.upper()} {path}"})
    for path, item in schemas.document()["paths"].items()
    for method, said in item.items()
    if "operationId" in said
}
# The mock refuses nobody who gives the right credentials, has no rate limit, and must not fail.
NEVER = {"403", "429", "500"}


# --- what Schemathesis calls a fault and is none --------------------------------------------------


@frozen
class Excuse:
    """A failure that is none, and why."""

    failure: type[Failure]
    operation_id: str | None
    holds: Callable[[Any, Any, Store], bool]
    reason: str


def refused_attributes(response: Any) -> set[str]:
    return {entry["attribute"] for entry in response.json()["errors"]} if response.status_code == 422 else set()


def is_time(text: str) -> bool:
    """Whether a filter has to take it: a time as in a body, or a Unix timestamp of our millennia."""
    in_a_body = contract.fields(contract.UPDATE)["join_from"]
    return in_a_body.accepts(text) or re.fullmatch(r"-?[0-9]{1,11}(\.[0-9]+)?", text) is not None


def refused_for_what_only_words_say(case: Any, response: Any, _store: Store) -> bool:
    query = case.query or {}
    free = set()
    for name in ("starts_after", "ends_before"):
        if not is_time(str(query.get(name, "0"))):
            free.add(name)
    if "page_token" in query or int(query.get("page_number", 0)) > 0:
        free |= {"page_token", "page_number"}
    refused = refused_attributes(response)
    return bool(refused) and refused <= free


def refused_because_the_name_is_taken(case: Any, response: Any, store: Store) -> bool:
    return refused_attributes(response) == {"name"} and store.has_name(case.body["name"])


def credentials_were_sent_after_all(case: Any, response: Any, _store: Store) -> bool:
    mutations = getattr(case.meta.phase.data, "mutations", ())
    harmless = [("header", {"required"}), ("query", {"additionalProperties"}), ("header", {"additionalProperties"})]
    return (
        any(mutation.parameter_location.value == "header" for mutation in mutations)
        and all((each.parameter_location.value, set(each.keywords)) in harmless for each in mutations)
        and "Authorization" in response.request.headers
    )


EXCUSES = [
    Excuse(
        RejectedPositiveData,
        "list_video_conferences",
        refused_for_what_only_words_say,
        "the filters and the token are strings in the contract, as with the vendor; that they are times, or "
        "come from a link, and that a page above 0 needs the token, is said in words",
    ),
    Excuse(
        RejectedPositiveData,
        "create_video_conference",
        refused_because_the_name_is_taken,
        "that a name is unique cannot be said in a schema",
    ),
    Excuse(
        AcceptedNegativeData,
        None,
        credentials_were_sent_after_all,
        "it counts the Authorization header as left out, and then sends it",
    ),
]


# --- running it -----------------------------------------------------------------------------------


@define
class Run:
    """What a run of Schemathesis did and found."""

    failures: list[str] = field(factory=list)
    checks: set[str] = field(factory=set)
    errors: list[str] = field(factory=list)
    statuses: dict[str, Counter[str]] = field(factory=dict)
    modes: Counter[str] = field(factory=Counter)
    links: set[str] = field(factory=set)
    excused: Counter[str] = field(factory=Counter)


def config(phases: tuple[str, ...], examples: int, seed: int) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "cache": {"enabled": False},
            "warnings": False,
            # Without it an operation is left at its first failure, which hides the rest.
            "continue-on-failure": True,
            "auth": {"basic": {"username": PROJECT, "password": TOKEN}},
            "generation": {
                "mode": "all",
                "deterministic": True,
                "max-examples": examples,
                "database": "none",
                "no-shrink": True,
            },
            # The mock is no part of the contract: its own literals would be a hint.
            "analysis": {"constants": {"enabled": False}},
            "checks": {"enabled": True},
            "output": {"sanitization": {"enabled": False}},
            "phases": {
                **{phase: {"enabled": phase in phases} for phase in PHASES},
                # The contract's own links, and none that are guessed from names.
                "stateful": {"enabled": "stateful" in phases, "inference": {"algorithms": []}},
            },
        }
    )


def run(app: ASGIApp, store: Store, *phases: str, examples: int = 20, only: str | None = None, seed: int = 1) -> Run:
    """Runs these phases over the application, for one operation or all."""
    document = copy.deepcopy(dict(schemas.document()))
    schema: Any = schemathesis.openapi.from_dict(document, config=config(phases, examples, seed))
    if only is not None:
        schema = schema.include(operation_id=only)
    schema.app = app
    result = Run()

    def filter_failure(_context: Any, failure: Failure, case: Any, response: Any) -> bool:
        operation_id = case.operation.definition.raw["operationId"]
        for excuse in EXCUSES:
            about = excuse.operation_id in (None, operation_id)
            if about and isinstance(failure, excuse.failure) and excuse.holds(case, response, store):
                result.excused[excuse.reason] += 1
                return False
        return True

    schema.hook(filter_failure)
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            result.errors.append(str(event))
        elif isinstance(event, events.ScenarioFinished):
            record(event.recorder, result)
    return result


def record(recorder: Any, result: Run) -> None:
    for case_id, node in recorder.cases.items():
        case, interaction = node.value, recorder.interactions.get(case_id)
        operation_id = case.operation.definition.raw["operationId"]
        if case.meta is not None:
            result.modes[case.meta.generation.mode.value] += 1
        if node.transition is not None and node.transition.id:
            result.links.add(node.transition.id)
        if interaction is not None and interaction.response is not None:
            status = str(interaction.response.status_code)
            result.statuses.setdefault(operation_id, Counter())[status] += 1
        for check in recorder.checks.get(case_id, ()):
            result.checks.add(check.name)
            if check.failure_info is not None:
                failure = check.failure_info.failure
                said = interaction.response.content[:300] if interaction and interaction.response else b""
                result.failures.append(f"{check.name}: {failure}\n{case!r}\n{said!r}")


def failed_checks(result: Run) -> set[str]:
    return {failure.split(":")[0] for failure in result.failures}


# --- the mock keeps the contract --------------------------------------------------------------------


def sound(*phases: str, examples: int, seed: int) -> Run:
    """A run over the mock, which finds nothing wrong."""
    store = Store()
    app = create_app(store, project=PROJECT, token=TOKEN)
    result = run(app, store, *phases, examples=examples, seed=seed)
    assert result.errors == []
    assert result.failures == [], f"seed {seed}"
    for operation_id, seen in result.statuses.items():
        assert not seen.keys() & NEVER, operation_id
    return result


def accepted(result: Run) -> set[str]:
    """The operations that were carried out at least once."""
    return {operation_id for operation_id, seen in result.statuses.items() if {"200", "204"} & seen.keys()}


@pytest.mark.parametrize("phase", ["examples", "coverage", "fuzzing"])
def test_nothing_is_wrong_with_the_mock(phase: str) -> None:
    result = sound(phase, examples=EXAMPLES, seed=1 + SHIFT)
    # So that it is not passed by trying nothing.
    assert result.statuses.keys() == OPERATIONS.keys()
    if phase == "examples":
        return
    assert result.modes.keys() == {"positive", "negative"}
    assert accepted(result) == OPERATIONS.keys()
    if phase == "fuzzing":
        # An excuse that is needed no more would hide something one day.
        assert result.excused.keys() == {excuse.reason for excuse in EXCUSES}
    else:
        for operation_id, (method, said) in OPERATIONS.items():
            # What can be malformed is a body.
            unseen = NEVER if method in ("PUT", "POST") else {*NEVER, "400"}
            assert said["responses"].keys() - unseen <= result.statuses[operation_id].keys()


@pytest.mark.long
def test_nothing_is_wrong_with_the_mock_along_the_links_of_the_contract() -> None:
    followed: set[str] = set()
    carried_out: set[str] = set()
    # The ids that the mock makes up differ from run to run, and with them what Schemathesis tries.
    for seed in range(1, STATEFUL_SEEDS):
        result = sound("stateful", examples=STATEFUL_EXAMPLES, seed=seed + SHIFT)
        followed |= result.links
        carried_out |= accepted(result)
        if seed >= LEAST_STATEFUL_SEEDS and followed == declared_links():
            break
    assert followed == declared_links()
    assert carried_out == OPERATIONS.keys()


def declared_links() -> set[str]:
    labels = {operation_id: said["label"] for operation_id, (_, said) in OPERATIONS.items()}
    return {
        f"{said['label']} -> [{status}] {name} -> {labels[link['operationId']]}"
        for _, said in OPERATIONS.values()
        for status, response in said["responses"].items()
        for name, link in schemas.resolve(response).get("links", {}).items()
    }


# --- and a mock that breaks it is found out -----------------------------------------------------------

Break = Callable[[Scope, Any, Reply], None]


def breaking(app: ASGIApp, change: Break) -> ASGIApp:
    """The application with every answer changed: called with the scope, the request's JSON, the answer."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        content = b""

        async def heard() -> Message:
            nonlocal content
            message = await receive()
            content += message.get("body", b"")
            return message

        reply = Reply()

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            elif message["type"] == "http.response.body":
                reply.content += message["body"]
            else:
                await send(message)

        await app(scope, heard, said)
        if scope["type"] == "http":
            change(scope, Reply(content=content).value(), reply)
            reply.headers["content-length"] = str(len(reply.content))
            headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": reply.content})

    return broken


def refuse(reply: Reply, attribute: str) -> None:
    entry = {"type": "validation_error", "code": "invalid", "message": "no", "attribute": attribute, "url": "/"}
    reply.status, reply.content = 422, json.dumps({"errors": [entry]}).encode()


def put_answers_201(scope: Scope, _asked: Any, reply: Reply) -> None:
    if scope["method"] == "PUT" and reply.status == 200:
        reply.status = 201


def no_challenge(_scope: Scope, _asked: Any, reply: Reply) -> None:
    reply.headers.pop("www-authenticate", None)


def limit_too_low(_scope: Scope, asked: Any, reply: Reply) -> None:
    if reply.status == 200 and len(asked["display_name"]) == 200:
        refuse(reply, "display_name")


def layout_forgotten(_scope: Scope, asked: Any, reply: Reply) -> None:
    if reply.status == 200 and asked.get("layout") == "10x10":
        refuse(reply, "layout")


def errors_no_list(_scope: Scope, _asked: Any, reply: Reply) -> None:
    if reply.status == 422:
        reply.content = json.dumps({"errors": reply.value()["errors"][0]}).encode()


def fails_on_nul(_scope: Scope, asked: Any, reply: Reply) -> None:
    if "\\u0000" in json.dumps(asked):
        reply.status, reply.content = 500, b'{"error": "Internal Server Error"}'


def takes_null(_scope: Scope, asked: Any, reply: Reply) -> None:
    if isinstance(asked, dict) and asked.get("description", "") is None and reply.status == 422:
        reply.status, reply.content = 200, json.dumps(example()).encode()


def time_without_zone(_scope: Scope, _asked: Any, reply: Reply) -> None:
    reply.content = reply.content.replace(b"T10:00:00Z", b"T10:00:00")


def meta_forgotten(_scope: Scope, _asked: Any, reply: Reply) -> None:
    reply.content = re.sub(rb'"meta": \{\}, ', b"", reply.content)


def html(_scope: Scope, _asked: Any, reply: Reply) -> None:
    if reply.status == 404:
        reply.headers["content-type"], reply.content = "text/html", b"<h1>Not Found</h1>"


def allows_every_method(scope: Scope, _asked: Any, reply: Reply) -> None:
    if reply.status == 405 and scope["method"] == "PATCH":
        reply.status, reply.content = 200, json.dumps(example()).encode()


def open_to_all(_scope: Scope, _asked: Any, reply: Reply) -> None:
    if reply.status == 401:
        reply.status, reply.content = 200, json.dumps(example()).encode()
        reply.headers.pop("www-authenticate", None)


def survives_its_end(scope: Scope, _asked: Any, reply: Reply) -> None:
    if scope["method"] == "GET" and reply.status == 404:
        reply.status, reply.content = 200, json.dumps(example()).encode()


def example() -> dict[str, Any]:
    found: dict[str, Any] = schemas.resolve({"$ref": "#/components/schemas/Conference"})["examples"][0]
    return {name: value for name, value in found.items() if name != "active_session"}


CREATE, UPDATE, GET = "create_video_conference", "update_video_conference", "get_video_conference"
BROKEN: list[tuple[Break, str, str | None, str]] = [
    (put_answers_201, "examples", UPDATE, "status_code_conformance"),
    (no_challenge, "coverage", GET, "response_headers_conformance"),
    (limit_too_low, "coverage", UPDATE, "positive_data_acceptance"),
    (layout_forgotten, "coverage", UPDATE, "positive_data_acceptance"),
    (errors_no_list, "coverage", GET, "response_schema_conformance"),
    (fails_on_nul, "fuzzing", CREATE, "not_a_server_error"),
    (takes_null, "coverage", UPDATE, "negative_data_rejection"),
    (time_without_zone, "examples", GET, "response_schema_conformance"),
    (meta_forgotten, "examples", GET, "response_schema_conformance"),
    (html, "coverage", GET, "content_type_conformance"),
    (allows_every_method, "coverage", GET, "unsupported_method"),
    (open_to_all, "examples", GET, "ignored_auth"),
    (survives_its_end, "stateful", None, "use_after_free"),
]


@pytest.mark.parametrize(
    ("change", "phase", "only", "check"),
    [
        pytest.param(*each, id=each[0].__name__, marks=[pytest.mark.long] if number % 4 else [])
        for number, each in enumerate(BROKEN)
    ],
)
def test_a_mock_that_breaks_the_contract_is_found_out(change: Break, phase: str, only: str | None, check: str) -> None:
    def found(seed: int) -> bool:
        store = Store()
        app = breaking(create_app(store, project=PROJECT, token=TOKEN), change)
        return check in failed_checks(run(app, store, phase, only=only, examples=60, seed=seed))

    assert any(found(seed) for seed in range(1, STATEFUL_SEEDS if phase == "stateful" else 2))


def test_every_check_that_schemathesis_has_is_on() -> None:
    checks = SchemathesisConfig.from_dict({"checks": {"enabled": True}}).projects.get_default().checks
    names: Iterator[str] = iter(schemathesis.checks.CHECKS.get_all_names())
    off = {name for name in names if not checks.get_by_name(name=name).enabled}
    assert off <= {"max_response_time"}
