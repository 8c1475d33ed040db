"""Promises on the bodies of answers: the documented properties and types, and entries for what failed."""

import functools
from collections.abc import Mapping
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences_testing import schemas

from ..trying.claims import Claim, attributes, each, field
from ..trying.exchange import NO_JSON, Exchange
from ..trying.findings import Broken
from .promise import Seen, Watch, watch

__all__ = ["documented", "invalid_answer", "one_entry_each"]


def documented(operation_id: str) -> Mapping[str, Any]:
    """The answers that the contract gives to an operation, by status."""
    where = contract.operation(operation_id)
    said: Mapping[str, Any] = schemas.document()["paths"][where.path][where.method.lower()]["responses"]
    return said


@functools.cache
def _validator(operation_id: str, status: int) -> Any:
    """The validator of an answer's body, `None` where the contract gives it none."""
    response = documented(operation_id).get(str(status))
    content = schemas.resolve(response).get("content") if response else None
    return schemas.validator(content["application/json"]["schema"]) if content else None


def invalid_answer(exchange: Exchange) -> tuple[str, Claim] | str:
    """What is wrong with the body of an answer, and what has to be."""
    validator = _validator(str(exchange.operation_id), exchange.status)
    if validator is None:
        return ""
    if exchange.value is NO_JSON:
        return "the body is not JSON", Claim(field(exchange), "is not", exchange.answer.decode("utf-8", "replace"))
    try:
        for error in validator.iter_errors(exchange.value):
            part = field(exchange, *error.instance_path)
            missing = getattr(error.kind, "property", None) if error.kind.name == "required" else None
            claim = Claim(part, "has key", missing) if missing else Claim(part, "is not", part.value)
            if error.instance_path[:1] == ["data"] and error.instance_path[2:] and not missing:
                # On another page it has another place.
                claim = Claim(each(exchange, *error.instance_path[2:]), "lacks", [part.value])
            path = ".".join(map(str, error.instance_path))
            return f"{path or 'the body'}: {error.message[:300]}", claim
    except UnicodeEncodeError:
        pass  # a lone surrogate, which the documents leave open
    return ""


def _of(status: int, operation_id: str | None = None) -> Watch:
    def look(exchange: Exchange) -> Seen:
        known = exchange.operation_id is not None and operation_id in (None, exchange.operation_id)
        return invalid_answer(exchange) if known and exchange.status == status else None

    return look


for _name, _operation_id in (
    *(("create", "create_video_conference"), ("list", "list_video_conferences")),
    *(("read", "get_video_conference"), ("put", "update_video_conference")),
):
    _sentence = f"The answer to a {_name} has the documented properties and types."
    watch(f"schema/{_name}", _sentence)(_of(200, _operation_id))
for _status in (400, 401, 404, 422):
    watch(f"schema/error-{_status}", f"The body of a {_status} is as documented.")(_of(_status))


def one_entry_each(answer: Exchange, failed: set[str], *before: Exchange) -> None:
    """Demands that a 422 has one entry for each of these attributes, and none for another."""
    if answer.status != 422:
        return
    entries = answer.value.get("errors") if isinstance(answer.value, dict) else None
    named = [e.get("attribute") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    wrong = {name for name in named if name is not None} - failed
    lost = failed - set(named) if None not in named else set()
    if not named:
        message, kind = "a 422 whose errors is no list of entries, each an object with an attribute", "none"
    elif wrong:
        message, kind = f"an entry names {', '.join(map(repr, sorted(wrong)))}, which was valid", "valid"
    elif len(named) != len(failed):
        told = f"{len(failed)} attributes failed ({', '.join(sorted(failed))})"
        message, kind = f"{told}, errors has {len(named)} entries", "count"
    elif lost:
        message, kind = f"no entry names {', '.join(sorted(lost))}", "lost"
    else:
        return
    claim = Claim(attributes(answer), "is", sorted(failed))
    # Who makes no entries makes none anywhere.
    where = None if kind == "none" else answer.operation_id
    raise Broken(message, claim, *before, causes=[("entries", where, kind)])
