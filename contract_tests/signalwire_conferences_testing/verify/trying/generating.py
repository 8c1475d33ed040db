"""Requests that Schemathesis makes up. They are sent, guarded and judged like all others."""

import contextlib
import copy
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from signalwire_conferences import contract
from signalwire_conferences.contract import CREATE
from signalwire_conferences_testing import schemas

from .api import SPENT, UNSET, OutOfTime
from .bench import Bench
from .created import NotOurs
from .exchange import Credentials, Exchange

_TIME_TO_MAKE_UP = 5.0  # seconds that a slow machine takes for the requests to one operation


def made_up(bench: Bench, number: int, *credentials: Credentials) -> Iterator[Exchange]:
    """So many valid and so many invalid requests to each operation, about a conference of this run or none, and their
    answers.

    Raises:
        OutOfTime: there is no time to make some up.
    """
    ids, turns = [bench.new()["id"], bench.unknown_id()], itertools.cycle(credentials or (bench.api.credentials,))
    for count, case in enumerate(_cases(bench, number)):
        body, query = case.body, {name: _text(value) for name, value in case.query.items()}
        known = isinstance(body, dict | list | str | int | float | None)
        sent: dict[str, Any] = {"content": body if isinstance(body, bytes) else None}
        sent["json"] = _marked(bench, case.method, body) if known else UNSET
        with contextlib.suppress(NotOurs):
            path = bench.api.path(ids[count % 2] if case.path_parameters else None)
            yield bench.api.send(case.method, path, query=query, credentials=next(turns), **sent)


def _cases(bench: Bench, number: int) -> Iterator[Any]:
    import schemathesis  # noqa: PLC0415 - slow to load, and many runs do not need it
    from hypothesis import configuration  # noqa: PLC0415 - as above

    known = schemathesis.openapi.from_dict(copy.deepcopy(dict(schemas.document())))
    home = configuration.storage_directory(intent_to_write=False).home_directory
    with tempfile.TemporaryDirectory(prefix="signalwire-conferences-verify-") as folder:
        configuration.set_hypothesis_home_dir(folder)  # where it writes, whatever it is told
        try:
            for operation, mode in itertools.product(known.get_all_operations(), schemathesis.GenerationMode):
                if bench.api.deadline - time.monotonic() < _TIME_TO_MAKE_UP:
                    raise OutOfTime(SPENT)
                cases = operation.ok().as_strategy(generation_mode=mode)
                yield from _examples(cases, number, bench.rng.getrandbits(32))
        finally:
            configuration.set_hypothesis_home_dir(home)


def _examples(cases: Any, number: int, seed: int) -> list[Any]:
    import hypothesis  # noqa: PLC0415 - as above

    found: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases)
    def keep(case: Any) -> None:
        found.append(case)

    keep()
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _marked(bench: Bench, method: str, body: Any) -> Any:
    """A body by which a conference of this run is recognised, where it does not take away what is wrong with it."""
    if not isinstance(body, dict):
        return body
    given = {"name": bench.created.name(), **body} if method == "POST" else body
    own = bench.body() if method == "POST" else bench.update()
    known = contract.fields(CREATE)
    return {**given, **{name: text for name, text in own.items() if known[name].accepts(given.get(name))}}
