"""Schemathesis with what is left of the budget: generic checks of whatever it makes up.

It runs in a process of its own, in a directory of its own, so that nothing of an earlier run helps
or hinders it. What it sends is watched like all else, and what it creates is removed.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from attrs import frozen

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE, UPDATE

from ..trying import instants
from ..trying.api import SPENT, Api
from ..trying.exchange import NO_JSON, Exchange
from ..trying.own import NAME_PREFIX, RUN, Own
from .promises import Outcome, Promise, Result

__all__ = ["GENERIC", "examine"]


_PATIENCE = 8.0  # seconds more, where the machine is busy
_START = 4.0  # seconds that it takes until its first request, and to write its report
_LEAST = 3.0  # seconds of testing
_EXAMPLES = 10
# Those of sequences are left out: the hooks keep Schemathesis from conferences of others, which looks to
# it as if its own were gone. Those of valid bodies too: the hooks change a name, and a body that was
# changed counts as valid no more. The promises on state and on what is accepted are about both.
_SENTENCES = {
    "not_a_server_error": "No generated request makes the server fail.",
    "status_code_conformance": "Generated requests are answered with documented statuses.",
    "content_type_conformance": "Answers to generated requests have the documented content type.",
    "response_schema_conformance": "Answers to generated requests have the documented schema.",
    "response_headers_conformance": "Answers to generated requests have the documented headers.",
    "negative_data_rejection": "Generated invalid bodies are refused.",
    "ignored_auth": "Generated requests without credentials are refused.",
}
#: The promises, by the check of Schemathesis that they stand for.
GENERIC = {
    check: Promise(f"generic/{check.replace('_', '-')}", sentence, None)
    for check, sentence in _SENTENCES.items()
}


@frozen
class _Finding:
    check: str
    message: str
    exchange: Exchange


def examine(
    api: Api,
    own: Own,
    seed: int,
    seconds: float,
    environment: Mapping[str, str],
    seen: Callable[[Exchange], None],
) -> list[Result]:
    """Runs Schemathesis against the server.

    Args:
        api: where the server is, and until when there is time.
        own: the conferences of this run.
        seed: of its random choices.
        seconds: the most that it may test, if there is so much time.
        environment: credentials, by the names that the configuration below refers to.
        seen: called with each exchange.
    """
    # requests, which Schemathesis sends with, encodes credentials in Latin-1, and here they are UTF-8.
    latin = {name: value.encode().decode("latin-1") for name, value in environment.items()}
    left = min(api.deadline - time.monotonic() - _START, seconds)
    if left < _LEAST:
        return [_not_exercised(promise, SPENT) for promise in GENERIC.values()]
    with tempfile.TemporaryDirectory(prefix="signalwire-conferences-verify-") as folder:
        report = Path(folder, "report.ndjson")
        Path(folder, "contract.json").write_text(json.dumps(_contract(own.run)), "utf-8")
        Path(folder, "schemathesis.toml").write_text(_CONFIGURATION, "utf-8")
        failure = ""
        try:
            _run(api, folder, seed, left, {**latin, RUN: own.run})
        except (OSError, subprocess.TimeoutExpired) as error:
            failure = f"Schemathesis did not come to an end: {type(error).__name__}"
        finally:
            # Whatever became of it: what it created has to be known.
            exchanges, findings = _read(report, api, seen)
    if exchanges:
        failure = ""  # it did its work as far as it came
    elif not failure:
        failure = "Schemathesis sent nothing: it could not be run, or the machine is too busy"
    return list(_results(findings, failure))


_CONFIGURATION = """
[auth]
basic = { username = "${SIGNALWIRE_PROJECT_ID}", password = "${SIGNALWIRE_API_TOKEN}" }
"""


def _run(api: Api, folder: str, seed: int, seconds: float, environment: Mapping[str, str]) -> None:
    arguments = [
        *(
            "run",
            "contract.json",
            "--url",
            api.base_url,
            "--seed",
            str(seed),
            "--max-examples",
            str(_EXAMPLES),
        ),
        *("--max-time", str(int(seconds)), "--request-timeout", "5", "--continue-on-failure", "--no-shrink"),
        *("--checks", ",".join(_SENTENCES), "--phases", "coverage,fuzzing,stateful"),
        *("--generation-database", "none", "--output-sanitize", "false", "--no-color", "--warnings", "off"),
        *("--generation-codec", "utf-8", "--report-ndjson-path", "report.ndjson"),
    ]
    subprocess.run(
        [sys.executable, "-P", "-c", "from schemathesis.cli import schemathesis; schemathesis()", *arguments],
        cwd=folder,
        env={
            **os.environ,
            **environment,
            "SCHEMATHESIS_HOOKS": "signalwire_conferences_testing.verify.trying.generic_hooks",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=seconds + _START + _PATIENCE,
        check=False,
    )


def _contract(run: str) -> dict[str, Any]:
    """The contract, narrowed where Schemathesis would go astray."""
    said: dict[str, Any] = copy.deepcopy(dict(contract.document()))
    schemas = said["components"]["schemas"]
    # A list leads to conferences of others, which are not to be touched.
    listing = said["paths"][contract.operation("list_video_conferences").path]["get"]
    listing["responses"]["200"].pop("links", None)
    # A token is taken from a link and cannot be made up; filters are times, which the contract
    # cannot say in a schema, because a timestamp is as good.
    listing["parameters"] = [
        one for one in listing["parameters"] if one.get("name") not in ("page_token", "page_number")
    ]
    times = [text for texts in instants.FORMS.values() for text in texts]
    for one in listing["parameters"]:
        if one.get("name") in ("starts_after", "ends_before"):
            one["schema"] = {"type": "string", "enum": times[:8]}
    # It makes up instants that the documents leave open: beyond the year 9999, for one.
    schemas["JoinTime"] = {"type": "string", "enum": times}
    # Conferences that it creates are recognised by their name.
    create = schemas[CREATE]
    create["properties"]["name"] = {"type": "string", "pattern": f"^{NAME_PREFIX}{run}-[a-z]{{8}}$"}
    create["required"] = [*create["required"], "name"]
    for path in said["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"].pop("examples", None)
    return said


def _read(report: Path, api: Api, seen: Callable[[Exchange], None]) -> tuple[int, list[_Finding]]:
    """How many exchanges there were, each of which is shown to `seen`, and the findings that hold."""
    count, findings = 0, list[_Finding]()
    for line in report.read_text("utf-8", "replace").splitlines() if report.exists() else ():
        try:
            recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        except ValueError:
            continue  # the last line of a run that was stopped
        for case, interaction in recorder.get("interactions", {}).items():
            exchange = _exchange(interaction, api)
            if exchange is not None:
                count += 1
                seen(exchange)
                findings += _findings(recorder.get("checks", {}).get(case, ()), exchange)
    return count, findings


def _findings(checks: Iterable[Mapping[str, Any]], exchange: Exchange) -> Iterator[_Finding]:
    for check in checks:
        failure = check.get("failure_info", {}).get("failure", {})
        message = f"{failure.get('title', check['name'])}: {failure.get('message', '')}"
        if check.get("status") == "failure" and _holds(check["name"], message, exchange):
            yield _Finding(check["name"], message.strip()[:600], exchange)


def _holds(check: str, message: str, exchange: Exchange) -> bool:
    """Whether a finding is one: judged by the contract as it is, not as it was narrowed."""
    # A rate limit is no failure, also where a request without credentials of its own met it.
    if exchange.status == 429 or (check == "ignored_auth" and "got `429" in message):
        return False
    if check != "negative_data_rejection":
        return check in GENERIC
    schema = {"create_video_conference": CREATE, "update_video_conference": UPDATE}.get(
        exchange.operation_id or ""
    )
    if schema is None or exchange.sent is NO_JSON:
        # What it says of a query or a header: that it sent an unknown parameter, or that it left
        # out the credentials, which it did not.
        return False
    valid = contract.validator({"$ref": f"#/components/schemas/{schema}"}).is_valid(exchange.sent)
    return not valid


def _exchange(interaction: Mapping[str, Any], api: Api) -> Exchange | None:
    request, response = interaction.get("request"), interaction.get("response")
    if not isinstance(request, dict) or not isinstance(response, dict):
        return None
    fields = {name: ", ".join(values) for name, values in (request.get("headers") or {}).items()}
    authorization = next((value for name, value in fields.items() if name.lower() == "authorization"), None)
    headers = {
        name: value
        for name, value in fields.items()
        if name.lower() in ("content-type", "accept") or name.lower().startswith("x-")
    }
    exchange = Exchange(
        api.operation(request["method"], request["uri"]),
        request["method"],
        request["uri"],
        headers,
        _bytes(request.get("body")),
        api.as_given(authorization),
        response["status_code"],
        httpx.Headers([(n, v) for n, values in (response.get("headers") or {}).items() for v in values]),
        _bytes(response.get("content")) or b"",
    )
    exchange.note_creation()
    return exchange


def _bytes(said: Any) -> bytes | None:
    encoded = said.get("$base64") if isinstance(said, dict) else None
    return base64.b64decode(encoded) if isinstance(encoded, str) else None


def _results(findings: list[_Finding], failure: str) -> Iterator[Result]:
    for check, promise in GENERIC.items():
        found = [one for one in findings if one.check == check]
        if found:
            # The shortest is the easiest to read.
            best = min(found, key=lambda one: len(one.exchange.url) + len(one.exchange.content or b""))
            yield Result(promise, Outcome.BROKEN, best.message, (best.exchange,))
        elif failure:
            yield _not_exercised(promise, failure)
        else:
            yield Result(promise, Outcome.KEPT)


def _not_exercised(promise: Promise, why: str) -> Result:
    return Result(promise, Outcome.NOT_EXERCISED, why)
