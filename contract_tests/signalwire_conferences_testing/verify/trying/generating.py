"""Requests that Schemathesis makes up, and what it finds wrong with the answers.

It runs in a process of its own, in a directory of its own, so that nothing of an earlier run helps
or hinders it. What it sends is watched like all else, and what it creates is removed.
"""

import base64
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE
from signalwire_conferences_testing import schemas

from . import instants
from .api import SPENT, Api
from .created import NAME_PREFIX
from .exchange import Exchange
from .findings import NotExercised
from .http import bundle, is_loopback, route

_HOOKS = f"{__package__}.generic_hooks"
_PATIENCE = 8.0  # seconds more, where the machine is busy
_START = 4.0  # seconds that it takes until its first request, and to write its report
_LEAST = 3.0  # seconds of testing
_EXAMPLES = 10
_MOST_ON_A_PAGE = 10  # so that what it keeps of every answer stays small
_VARIABLES = ("SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN")
#: An exchange, and what Schemathesis checked of it.
Generated = tuple[Exchange, Sequence[Mapping[str, Any]]]


def generated(api: Api, mark: str, seed: int, seconds: float, checks: Iterable[str]) -> list[Generated]:
    """Runs Schemathesis against the server; the exchanges in which it found something.

    Args:
        api: where the server is, and until when there is time; each exchange is seen there.
        mark: what the conferences of this run are recognised by.
        seed: of its random choices.
        seconds: the most that it may test, if there is so much time.
        checks: what it is to check.

    Raises:
        NotExercised: it could not be run, or there is no time.
    """
    # requests, which Schemathesis sends with, encodes credentials in Latin-1, and here they are UTF-8.
    pair = base64.b64decode((api.credentials.header or "").removeprefix("Basic ")).decode("latin-1")
    latin = dict(zip(_VARIABLES, pair.split(":", 1), strict=True))
    left = min(api.deadline - time.monotonic() - _START, seconds)
    if left < _LEAST:
        raise NotExercised(SPENT)
    arguments = [
        *("run", "contract.json", "--url", api.base_url, "--seed", str(seed), "--max-examples", str(_EXAMPLES)),
        *("--max-time", str(int(left)), "--request-timeout", "5", "--continue-on-failure", "--no-shrink"),
        *("--checks", ",".join(checks), "--phases", "coverage,fuzzing,stateful"),
        *("--generation-database", "none", "--output-sanitize", "false", "--no-color", "--warnings", "off"),
        *("--generation-codec", "utf-8", "--report-ndjson-path", "report.ndjson"),
    ]
    sent, found = False, list[Generated]()
    with tempfile.TemporaryDirectory(prefix="signalwire-conferences-verify-") as folder:
        report = Path(folder, "report.ndjson")
        Path(folder, "contract.json").write_text(json.dumps(_contract(mark)), "utf-8")
        Path(folder, "schemathesis.toml").write_text(_CONFIGURATION, "utf-8")
        own = {"SIGNALWIRE_CONFERENCES_VERIFY_MARK": mark, "SIGNALWIRE_CONFERENCES_VERIFY_URL": api.base_url}
        failure = "Schemathesis sent nothing: it could not be run, or the machine is too busy"
        try:
            _run(folder, {**_surroundings(api.base_url, folder), **latin, **own}, left, *arguments)
        except (OSError, subprocess.TimeoutExpired) as error:
            failure = f"Schemathesis did not come to an end: {type(error).__name__}"
        finally:
            # Whatever became of it: what it created has to be known.
            for exchange, checked in _read(report, api):
                api.seen(exchange)
                sent = True
                if any(one.get("status") == "failure" for one in checked):
                    found.append((exchange, checked))
    if not sent:
        raise NotExercised(failure)
    return found


def _surroundings(url: str, folder: str) -> dict[str, str]:
    """The environment in which requests goes the way to the server that we go, and believes whom we do.
    It would take credentials from `.netrc`, and proxies for loopback hosts.
    """
    kept = {**os.environ, "SCHEMATHESIS_HOOKS": _HOOKS, "NETRC": str(Path(folder, "no-netrc"))}
    kept = {name: value for name, value in kept.items() if name not in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}
    if authorities := bundle():
        Path(folder, "authorities.pem").write_bytes(authorities)
        kept["REQUESTS_CA_BUNDLE"] = str(Path(folder, "authorities.pem"))
    if url.startswith("https:") or is_loopback(url):
        kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
        _, found = route(url)
        kept |= {"NO_PROXY": "*"} if found is None else {"HTTPS_PROXY": _with_credentials(found)}
    return kept


def _with_credentials(found: httpx.Proxy) -> str:
    user, password = (quote(one, safe="") for one in found.raw_auth or (b"", b""))
    return str(found.url.copy_with(username=user, password=password)) if found.raw_auth else str(found.url)


_CONFIGURATION = """
[auth]
basic = { username = "${SIGNALWIRE_PROJECT_ID}", password = "${SIGNALWIRE_API_TOKEN}" }
"""


def _run(folder: str, environment: Mapping[str, str], seconds: float, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-P", "-c", "from schemathesis.cli import schemathesis; schemathesis()", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=seconds + _START + _PATIENCE,
        check=False,
    )


def _contract(mark: str) -> dict[str, Any]:
    """The contract, narrowed where Schemathesis would go astray."""
    said: dict[str, Any] = copy.deepcopy(dict(schemas.document()))
    models = said["components"]["schemas"]
    # A list leads to conferences of others, which are not to be touched.
    listing = said["paths"][contract.operation("list_video_conferences").path]["get"]
    listing["responses"]["200"].pop("links", None)
    # A token is taken from a link and cannot be made up; filters are times, which the contract
    # cannot say in a schema, because a timestamp is as good.
    size = next(one for one in listing["parameters"] if one.get("name") == "page_size")
    size["schema"] = {**size["schema"], "maximum": _MOST_ON_A_PAGE}
    times = [text for texts in instants.FORMS.values() for text in texts]
    untouched = ("page_token", "page_number")
    listing["parameters"] = [one for one in listing["parameters"] if one.get("name") not in untouched]
    for one in listing["parameters"]:
        if one.get("name") in ("starts_after", "ends_before"):
            one["schema"] = {"type": "string", "enum": times[:8]}
    # It makes up instants that the documents leave open: beyond the year 9999, for one.
    models["JoinTime"] = {"type": "string", "enum": times}
    # Conferences that it creates are recognised by their name.
    create = models[CREATE]
    create["properties"]["name"] = {"type": "string", "pattern": f"^{NAME_PREFIX}{mark}-[a-z]{{8}}$"}
    create["required"] = [*create["required"], "name"]
    for path in said["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"].pop("examples", None)
    return said


def _read(report: Path, api: Api) -> Iterator[Generated]:
    if not report.exists():
        return
    with report.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
            except ValueError:
                continue  # the last line of a run that was stopped
            for case, interaction in recorder.get("interactions", {}).items():
                exchange = _exchange(interaction, api)
                if exchange is not None:
                    yield exchange, recorder.get("checks", {}).get(case, ())


def _exchange(interaction: Mapping[str, Any], api: Api) -> Exchange | None:
    request, response = interaction.get("request"), interaction.get("response")
    if not isinstance(request, dict) or not isinstance(response, dict):
        return None
    fields = {name: ", ".join(values) for name, values in (request.get("headers") or {}).items()}
    given = {name.lower(): value for name, value in fields.items()}
    told = [name for name in fields if name.lower() in ("content-type", "accept") or name.lower().startswith("x-")]
    headers, credentials = {name: fields[name] for name in told}, api.as_given(given.get("authorization"))
    exchange = api.exchange(request["method"], request["uri"], headers, _bytes(request.get("body")), credentials)
    exchange.status = response["status_code"]
    exchange.answer_headers = httpx.Headers(
        [(name, value) for name, values in (response.get("headers") or {}).items() for value in values]
    )
    exchange.answer = _bytes(response.get("content")) or b""
    return exchange


def _bytes(said: Any) -> bytes | None:
    encoded = said.get("$base64") if isinstance(said, dict) else None
    return base64.b64decode(encoded) if isinstance(encoded, str) else None
