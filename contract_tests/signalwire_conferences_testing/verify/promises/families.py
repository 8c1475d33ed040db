"""Families of promises that differ in their data only."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..trying.bench import Bench, Conference
from ..trying.replacing import replace
from .open_questions import refused
from .promise import Needs, Promise, promise

__all__ = ["Turn", "kept_by_both", "lists_answer", "replaces"]

#: The fields that a conference has, `None` for those that it has now; and the PUT to send then.
Turn = tuple[Mapping[str, Any] | None, Mapping[str, Any]]


def lists_answer(
    name: str, sentence: str, order: int, statuses: Sequence[int], queries: Sequence[Mapping[str, str]], why: str = ""
) -> Promise:
    """A promise on the status that lists with these queries get; `why`: what is wrong with them."""

    def check(bench: Bench) -> None:
        for query in queries:
            bench.judge(bench.list(**query), *statuses, because=(f"a list with {query}" if query else "a list") + why)

    return promise(name, sentence, order, Needs.READING)(check)


def replaces(
    name: str, sentence: str, order: int, fresh: bool = False, read: bool = False
) -> Callable[[Callable[[Bench], Iterator[Turn]]], Promise]:
    """Makes a promise of turns, each of which has to do what the contract says.

    `fresh`: each turn has a conference of its own. `read`: each is read back.
    """

    def register(turns: Callable[[Bench], Iterator[Turn]]) -> Promise:
        @promise(name, sentence, order)
        def check(bench: Bench) -> None:
            before: Conference | None = None
            for start, body in turns(bench):
                if before is None or (fresh and start is not None):
                    before = bench.customised(start or {})
                elif start is not None:
                    before = replace(bench, before, start)
                with bench.case():
                    before = replace(bench, before, body, read=read)

        return check

    return register


def kept_by_both(
    bench: Bench,
    one: Conference,
    fields: Mapping[str, Any],
    *question: str,
    beside: Mapping[str, Any] | None = None,
    read: bool = False,
) -> list[Conference]:
    """A PUT and a create with these fields have to be accepted and kept, whatever is sent beside them, or may be
    refused: by an open question, named with its case.
    """
    sent, accepted = {**fields, **(beside or {})}, list[Conference]()
    # Whether a reading is one shows best when the same is sent again.
    first = [bench.put(one["id"], bench.update(**sent))] if question else []
    for answer in itertools.chain(first, bench.both(one, sent)):
        with bench.case():
            if not (question and refused(bench, question[0], answer, *question[1:])):
                accepted.append(bench.accepted(answer, fields, read=read))
    return accepted
