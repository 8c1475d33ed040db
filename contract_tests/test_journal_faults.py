"""The journal when things go wrong under it: signals, damaged entries, busy and full disks, cancellations."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from processes import STYLES, Ours, ours
from signalwire_conferences import journal as journals
from signalwire_conferences import journal_file
from signalwire_conferences.journal import Journal
from signalwire_conferences.steps import Record, Settle
from signalwire_conferences_testing.mock import MockServer

ID = "conference-id"
HOST = "example.signalwire.com"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conferences.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with contextlib.closing(Journal(path, HOST, 5)) as made:
        yield made


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer([{"id": ID, "layout": "2x2", "size": "large"}]) as running:
        yield running


@pytest.fixture(params=STYLES)
def client(request: pytest.FixtureRequest, server: MockServer, path: Path) -> Iterator[Ours]:
    with ours(request.param, server, journal=path) as made:
        yield made


def record(journal: Journal, number: int = 0) -> Any:
    return journal.carry_out(Record(ID, {"layout": "2x2", "number": number}, {"layout": "5up"}))


def query(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What somebody else finds in the file, or does to it."""
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as other, other:
        return other.execute(sql, values).fetchall()


# --- signals ----------------------------------------------------------------------------------------------


def interrupted(number: int) -> Callable[[FrameType, str, object], None]:
    """A profiler that raises as a signal does at the given one of the moments when one is looked for:
    where a function begins, and where one that is built in has returned.
    """
    moments = itertools.count(1)

    def look(frame: FrameType, event: str, _about: object) -> None:
        looked_for = event in ("call", "c_return")
        files = (journals.__file__, journal_file.__file__, contextlib.__file__)
        if looked_for and frame.f_code.co_filename in files and next(moments) == number:
            raise KeyboardInterrupt

    return look


@pytest.mark.parametrize(
    "use",
    [
        record,
        lambda journal: journal.history(ID),
        lambda journal: journal.carry_out(Settle(1, True)),
        lambda journal: journal.carry_out(Settle(7, True)),  # which there is not
        lambda journal: Journal(journal._path, HOST, 5),
    ],
    ids=["record", "history", "settle", "settle in vain", "open"],
)
def test_a_signal_at_any_moment_leaves_neither_a_transaction_nor_a_lock_behind(
    journal: Journal, path: Path, use: Callable[[Journal], object]
) -> None:
    record(journal)
    kept: BaseException | None = None  # with its traceback, as a console does
    for number in itertools.count(1):
        sys.setprofile(interrupted(number))
        try:
            use(journal)
        except KeyboardInterrupt as error:
            kept = error
        else:
            break
        finally:
            sys.setprofile(None)
        query(path, "BEGIN IMMEDIATE")
        other = threading.Thread(target=journal.carry_out, args=(Settle(1, True),), daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive()
    assert kept is not None
    assert number > 5
