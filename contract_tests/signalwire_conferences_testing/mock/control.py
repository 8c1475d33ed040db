"""The control API, with which tests in any language control the mock from another process.

It is served under `PREFIX`, beside the API. It needs no credentials, and its requests are not in the log.
"""

import functools
from collections.abc import Callable, Mapping, MutableSequence
from typing import Any

from signalwire_conferences.values import decode_json

from .exchange import Reply
from .faults import Faults, Rule
from .log import LoggedRequest
from .misuse import Misuse
from .store import Store

__all__ = ["PREFIX", "Control"]

PREFIX = "/__mock__"


class Control:
    """The control API of a mock.

    Args:
        store: the conferences.
        faults: the faults.
        requests: the log of requests, `None` if there is none.
    """

    def __init__(self, store: Store, faults: Faults, requests: MutableSequence[LoggedRequest] | None) -> None:
        self._store, self._faults, self._requests = store, faults, requests

    def reset(self) -> None:
        """Restore the conferences of the last seed; remove all faults and the log of requests."""
        with self._store.lock:
            self._faults.forget()
            self._store.reset()
        if self._requests is not None:
            self._requests.clear()

    def seed(self, conferences: list[Any]) -> None:
        """Replace all conferences. The body is a list of them; fields may be left out. `reset` restores them."""
        self._store.seed(conferences)

    def state(self) -> list[Mapping[str, Any]]:
        """All conferences, in the order of their creation."""
        return [record.state for record in self._store.records()]

    def requests(self) -> list[dict[str, Any]]:
        """The log of requests, oldest first, without credentials."""
        if self._requests is None:
            raise ValueError("this mock keeps no log of requests")
        return [request.to_json() for request in list(self._requests)]

    def add_faults(self, said: list[Any]) -> list[dict[str, Any]]:
        """Add faults: the body is an object, or a list of them, as `mock --help` describes. Answers with all faults."""
        rules, problems = [], []
        for number, each in enumerate(said):
            try:
                rules.append(Rule.from_json(each))
            except Misuse as error:
                problems += [f"fault {number}: {problem}" for problem in error.problems]
        if problems:
            raise Misuse("no fault was added", problems)
        for rule in rules:
            self._faults.put(rule)
        return self.faults()

    def faults(self) -> list[dict[str, Any]]:
        """All faults, with how many requests they counted (`seen`) and how many went wrong (`fired`)."""
        return [rule.to_json() for rule in self._faults.rules]

    def clear_faults(self) -> None:
        """Remove all faults; requests that one of them holds back are never applied."""
        self._faults.clear()

    def land(self) -> dict[str, int]:
        """Apply the requests that a fault `lands-later` holds back. Answers with how many there were."""
        return {"landed": self._faults.land()}

    def answer(self, method: str, path: str, content: bytes) -> Reply:
        """The answer to a request to the control API."""
        name = path.removeprefix(PREFIX).strip("/")
        found = {each: call for (each, about), call in _routes().items() if about == name}
        if not found:
            return Reply.json({"error": f"there is no {path}", "see": f"{PREFIX}/"}, 404)
        if method not in found:
            allowed = ", ".join(found)
            return Reply.json({"error": f"{path} takes {allowed}, not {method}"}, 405, {"allow": allowed})
        call, takes_body = found[method]
        try:
            value = call(self, *([_listed(content)] if takes_body else []))
        except Misuse as error:
            return Reply.json({"error": str(error), "problems": error.problems}, 422)
        except ValueError as error:
            return Reply.json({"error": str(error)}, 422)
        return Reply(204) if value is None else Reply.json(value)

    def described(self) -> dict[str, str]:
        """The calls of the control API."""
        return {f"{method} {PREFIX}/{name}": str(call.__doc__) for (method, name), (call, _) in _routes().items()}


@functools.cache
def _routes() -> Mapping[tuple[str, str], tuple[Callable[..., Any], bool]]:
    """Method and name -> function, and whether it takes the body."""
    return {
        ("POST", "reset"): (Control.reset, False),
        ("GET", "requests"): (Control.requests, False),
        ("GET", "state"): (Control.state, False),
        ("PUT", "state"): (Control.seed, True),
        ("GET", "faults"): (Control.faults, False),
        ("POST", "faults"): (Control.add_faults, True),
        ("DELETE", "faults"): (Control.clear_faults, False),
        ("POST", "land"): (Control.land, False),
        ("GET", ""): (Control.described, False),
    }


def _listed(content: bytes) -> list[Any]:
    """The JSON list in a body; a single object is a list of one."""
    try:
        value = decode_json(content)
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not isinstance(value, list | dict):
        raise ValueError("the body is neither a list nor an object")  # noqa: TRY004 - a wrong value, not a wrong type
    return value if isinstance(value, list) else [value]
