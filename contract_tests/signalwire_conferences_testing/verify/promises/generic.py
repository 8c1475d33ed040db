"""Promises that Schemathesis tries with what is left of the budget: generic checks of what it makes up."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences_testing import schemas

from ..trying.api import Api
from ..trying.claims import Claim, header, status
from ..trying.exchange import NO_JSON, Exchange
from ..trying.findings import Broken
from ..trying.generating import generated
from .promise import generic
from .schema import documented, invalid_answer

__all__ = ["GENERIC", "SEEN_TOO", "examine"]


def _documented(exchange: Exchange) -> Claim:
    known = [int(one) for one in documented(exchange.operation_id)] if exchange.operation_id else [405]
    return Claim(status(exchange), "in", known)


def _valid(exchange: Exchange) -> Claim:
    wrong = invalid_answer(exchange)
    return wrong[1] if not isinstance(wrong, str) else Claim(status(exchange), "is not", exchange.status)


# Those of sequences are left out: the hooks keep Schemathesis from conferences of others, which looks to
# it as if its own were gone. Those of valid bodies too: the hooks change a name, and a body that was
# changed counts as valid no more. The promises on state and on what is accepted are about both.
_CHECKS: Mapping[str, tuple[str, Callable[[Exchange], Claim]]] = {
    "not_a_server_error": (
        "No generated request makes the server fail.",
        lambda one: Claim(status(one), "at most", 499),
    ),
    "status_code_conformance": ("Generated requests are answered with documented statuses.", _documented),
    "content_type_conformance": (
        "Answers to generated requests have the documented content type.",
        lambda one: Claim(header(one, "content-type"), "mentions", "application/json"),
    ),
    "response_schema_conformance": ("Answers to generated requests have the documented schema.", _valid),
    "response_headers_conformance": (
        "Answers to generated requests have the documented headers.",
        lambda one: Claim(header(one, "www-authenticate"), "is not", None),
    ),
    "negative_data_rejection": (
        "Generated invalid bodies are refused.",
        lambda one: Claim(status(one), "in", [400, 422]),
    ),
    "ignored_auth": ("Generated requests without credentials are refused.", lambda one: Claim(status(one), "is", 401)),
}
#: The promises, by the check of Schemathesis that they stand for.
GENERIC = {check: generic(f"generic/{check.replace('_', '-')}", said[0]) for check, said in _CHECKS.items()}


#: What it finds by a check, and how promises begin that see the same in every answer.
SEEN_TOO = {
    "status_code_conformance": "status/documented",
    "content_type_conformance": "headers/json",
    "response_headers_conformance": "headers/challenge",
    "response_schema_conformance": "schema/",
}


def examine(api: Api, mark: str, seed: int, seconds: float) -> Mapping[str, Broken]:
    """What Schemathesis finds, by check: of each what is shortest, and so the easiest to read. See `generated`."""
    findings: dict[str, Broken] = {}
    for exchange, checked in generated(api, mark, seed, seconds, GENERIC):
        for check, broken in _findings(checked, exchange):
            findings[check] = min(findings.get(check, broken), broken, key=_length)
    return findings


def _length(broken: Broken) -> int:
    return len(f"{broken.focus[0].url}{broken.focus[0].content!r}")


def _findings(checks: Iterable[Mapping[str, Any]], exchange: Exchange) -> Iterator[tuple[str, Broken]]:
    for check in checks:
        failure = check.get("failure_info", {}).get("failure", {})
        message = f"{failure.get('title', check['name'])}: {failure.get('message', '')}"
        if check.get("status") == "failure" and _holds(check["name"], message, exchange):
            claim = _CHECKS[check["name"]][1](exchange)
            yield check["name"], Broken(f"{message.strip()[:600]} ({exchange})", claim)


def _holds(check: str, message: str, exchange: Exchange) -> bool:
    """Whether a finding is one: judged by the contract as it is, not as it was narrowed."""
    # A rate limit is no failure, also where a request without credentials of its own met it.
    if exchange.status == 429 or (check == "ignored_auth" and "got `429" in message):
        return False
    if check != "negative_data_rejection":
        return check in GENERIC
    schema = {"create_video_conference": CREATE, "update_video_conference": UPDATE}.get(exchange.operation_id or "")
    if schema is None or exchange.sent is NO_JSON:
        # What it says of a query or a header: that it sent an unknown parameter, or that it left
        # out the credentials, which it did not.
        return False
    return not schemas.validator({"$ref": f"#/components/schemas/{schema}"}).is_valid(exchange.sent)
