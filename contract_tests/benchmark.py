"""What the safety costs: the rows of the table "Speed" in overrides/CLIENT.md.

    python contract_tests/benchmark.py [PAIRS [CONFERENCES]]

The server has a process of its own: in ours its work would count as the client's, on both sides, and
hide the difference. What is compared takes turns, each goes first every other time, and what counts is
the median of the ratios. On a busy machine the time that passed is that of others, and the time of the
processor tells more: it stands in brackets. What is imported comes from environments made for it, which
hold nothing else, and the vendor's SDK is in none but its own. Nothing is asserted: a time depends on
the machine.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, NamedTuple

import aiohttp
import httpx

from signalwire_conferences import AsyncRestClient, RestClient
from signalwire_conferences.contract import UPDATE, fields
from signalwire_conferences_testing.mock import MockServer

AT_ONCE, ROUNDS = 50, 5
ROOT = Path(__file__).parent.parent
VENDOR = "signalwire-sdk"
Transport = Literal["fast", "httpx"]
TRANSPORTS: tuple[Transport, ...] = ("fast", "httpx")
Times = tuple[float, float]
"""The seconds that passed, and those of the processor in that process."""
Measure = Callable[[], Times]


class Server(NamedTuple):
    project: str
    token: str
    host: str
    url: str


def serve(pipe: Connection) -> None:
    """Tells where the mock is, and ends with the other side."""
    with MockServer([{"name": f"name-{number}"} for number in range(pipe.recv())], keep_requests=False) as server:
        pipe.send((server.project, server.token, server.host, server.url))
        pipe.poll(None)


@contextmanager
def serving(conferences: int) -> Iterator[Server]:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    pipe.send(conferences)
    yield Server(*pipe.recv())
    pipe.close()
    server.join()


def timed(call: Callable[[], object]) -> Times:
    passed, worked = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - passed, time.process_time() - worked


def compared(ours: Measure, other: Measure, pairs: int) -> str:
    """The median of the ratios, of the time that passed and of the processor's."""
    other(), ours()  # the first time is another matter: connections, compiled files
    ratios = list[Times]()
    for number in range(pairs):
        mine, theirs = (ours(), other()) if number % 2 else (other(), ours())[::-1]
        ratios.append((mine[0] / theirs[0], mine[1] / theirs[1]))
    return shown(ratios)


def shown(ratios: list[Times]) -> str:
    passed, worked = map(statistics.median, zip(*ratios, strict=True))
    return f"{passed:.2f} ({worked:.2f})"


def row(label: str, *cells: str) -> None:
    print(f"| {label} | {' | '.join(cells * (2 // len(cells)))} |", flush=True)


# --- one after the other ----------------------------------------------------------------------------


def one_update(server: Server, pairs: int) -> None:
    names = map(str, itertools.count())
    with httpx.Client(base_url=server.url, auth=(server.project, server.token), trust_env=False) as http:
        conference = http.get("/api/video/conferences").json()["data"][0]["id"]
        path = f"/api/video/conferences/{conference}"

        def by_hand() -> object:
            image = http.get(path).raise_for_status().json()
            body = {name: image[name] for name in fields(UPDATE) if image[name] is not None}
            body["display_name"] = next(names)
            return http.put(path, json=body).raise_for_status().json()

        def beside(transport: Transport) -> str:
            with RestClient(*server[:3], transport=transport) as client:
                update = partial(client.video.conferences.update, conference)
                return compared(lambda: timed(lambda: update(display_name=next(names))), lambda: timed(by_hand), pairs)

        row("one `update`, beside a GET and a PUT by hand with httpx", *map(beside, TRANSPORTS))


# --- many at once -----------------------------------------------------------------------------------


async def by_hand_with_aiohttp(url: str, auth: tuple[str, str], ids: list[str], name: str) -> None:
    """A GET and a PUT for each, as one writes it without a thought of what may go wrong."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    headers = {"Authorization": aiohttp.encode_basic_auth(*auth)}
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as session:
        every = iter(ids)

        async def work() -> None:
            for conference in every:
                path = f"/api/video/conferences/{conference}"
                async with session.get(path, raise_for_status=True) as answer:
                    image = await answer.json()
                body = {name: image[name] for name in fields(UPDATE) if image[name] is not None}
                body["display_name"] = name
                async with session.put(path, json=body, raise_for_status=True) as answer:
                    await answer.json()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def fleets(server: Server, rounds: int) -> None:
    """To change all conferences, beside a loop of aiohttp by hand."""
    with RestClient(*server[:3]) as client:
        ids = [each["id"] for each in client.video.conferences.paginate(page_size=1000)]
    names = map(str, itertools.count())

    def by_hand() -> object:
        return asyncio.run(by_hand_with_aiohttp(server.url, server[:2], ids, next(names)))

    def blocking(transport: Transport) -> object:
        with RestClient(*server[:3], transport=transport, writes_per_second=1e6) as client:
            return client.video.conferences.update_many(ids, changes={"display_name": next(names)}, concurrency=AT_ONCE)

    async def awaited(transport: Transport) -> object:
        async with AsyncRestClient(*server[:3], transport=transport, writes_per_second=1e6) as client:
            conferences = client.video.conferences
            return await conferences.update_many(ids, changes={"display_name": next(names)}, concurrency=AT_ONCE)

    kinds: dict[str, Callable[[Transport], object]] = {
        "blocking": blocking,
        "awaited": lambda transport: asyncio.run(awaited(transport)),
    }
    found = dict[tuple[str, Transport], list[Times]]()
    for _ in range(rounds):
        base = timed(by_hand)
        for kind, transport in itertools.product(kinds, TRANSPORTS):
            passed, worked = timed(partial(kinds[kind], transport))
            found.setdefault((kind, transport), []).append((passed / base[0], worked / base[1]))
    for kind in kinds:
        what = f"`update_many` of {len(ids):,}, {AT_ONCE} at once, {kind}, beside a loop of aiohttp by hand"
        row(what, *(shown(found[kind, transport]) for transport in TRANSPORTS))


# --- in a fresh process -----------------------------------------------------------------------------

CLOCK = """
import sys, time
project, token, host, conference, kind, name = sys.argv[1:] or [""] * 6
passed, worked = time.perf_counter(), time.process_time()
{}
print(time.perf_counter() - passed, time.process_time() - worked)
"""
FIRST = {
    "ours": """
from signalwire_conferences import RestClient
with RestClient(project, token, host, transport=kind) as client:
    client.video.conferences.update(conference, display_name=name)
""",
    "httpx": """
import httpx
with httpx.Client(base_url=f"http://{host}", auth=(project, token), trust_env=False) as http:
    path = f"/api/video/conferences/{conference}"
    body = {key: value for key, value in http.get(path).json().items() if value is not None and key in kind}
    http.put(path, json={**body, "display_name": name}).raise_for_status()
""",
    "vendor": """
from signalwire.rest import RestClient
conferences = RestClient(project=project, token=token, host=host).video.conferences
body = {key: value for key, value in conferences.get(conference).items() if value is not None and key in kind}
conferences.update(conference, **{**body, "display_name": name})
""",
}


class Environment:
    """A virtual environment that holds some packages and what they need, and not even pip."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder)
        self._folder = folder
        self._python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def install(self, what: str) -> float:
        """Installs it; returns how many MiB there are then. Raises `CalledProcessError` where it cannot be had."""
        pip = [sys.executable, "-I", "-m", "pip", "--python", str(self._python), "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", what], check=True, stderr=subprocess.DEVNULL)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(self._folder)}))
        return sum(each.stat().st_size for each in packages.rglob("*") if each.is_file()) / 2**20

    def run(self, code: str, *arguments: str) -> Times:
        """In a fresh process, the start of Python not counted."""
        printed = subprocess.check_output([self._python, "-I", "-c", CLOCK.format(code), *arguments], text=True)
        passed, worked = printed.splitlines()[-1].split()
        return float(passed), float(worked)


def fresh_processes(server: Server, pairs: int, scratch: Path) -> None:
    with RestClient(*server[:3]) as client:
        conference = client.video.conferences.list()["data"][0]["id"]
    names, every = map(str, itertools.count()), " ".join(fields(UPDATE))
    ours, theirs = Environment(scratch / "ours"), Environment(scratch / "theirs")

    def first(environment: Environment, of: str, kind: str = every) -> Measure:
        return lambda: environment.run(FIRST[of], *server[:3], conference, kind, next(names))

    def imported(environment: Environment, statement: str) -> Measure:
        return lambda: environment.run(statement)

    def beside(other: Measure) -> list[str]:
        return [compared(first(ours, "ours", transport), other, pairs) for transport in TRANSPORTS]

    try:
        sizes = {"httpx": ours.install(str(ROOT)), "fast": ours.install(f"{ROOT}[fast]")}
    except subprocess.CalledProcessError:
        print("This project cannot be installed here, so nothing is said of its import, first call and size.")
        return
    row("import and first update of a process, beside the same by hand with httpx", *beside(first(ours, "httpx")))
    package = imported(ours, "from signalwire_conferences import RestClient")
    both = compared(package, imported(ours, "import httpx"), pairs)
    row("`from signalwire_conferences import RestClient`, beside `import httpx`", both)
    try:
        size = theirs.install(VENDOR)
    except subprocess.CalledProcessError:
        print(f"{VENDOR} cannot be installed here, so nothing is compared with it.")
        return
    row("import and first update, beside a first GET and PUT with the vendor's SDK", *beside(first(theirs, "vendor")))
    sdk = imported(theirs, "from signalwire.rest import RestClient")
    row(
        "that import, beside `from signalwire.rest import RestClient` of the vendor's SDK",
        compared(package, sdk, pairs),
    )
    row(
        f"MiB installed, with all it needs, beside {size:.0f} of the vendor's SDK",
        *(f"{sizes[transport]:.0f}" for transport in TRANSPORTS),
    )


def main(pairs: int, conferences: int) -> None:
    print(f"Python {platform.python_version()}, httpx {httpx.__version__}, {os.cpu_count()} cores\n")
    row("medians of ratios (of the processor's time)", "`fast`", "httpx")
    print("|---|---|---|")
    with serving(conferences) as server, tempfile.TemporaryDirectory() as scratch:
        one_update(server, pairs)
        fleets(server, ROUNDS)
        fresh_processes(server, max(1, pairs // 50), Path(scratch))


if __name__ == "__main__":
    main(*map(int, [*sys.argv[1:], *("1000", "2000")[len(sys.argv) - 1 :]]))
