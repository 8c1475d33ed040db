"""What the safety costs: `update` beside a GET and a PUT by hand, its import beside that of httpx, and a fleet beside
a loop of aiohttp by hand.

    python contract_tests/benchmark.py [PAIRS [CONFERENCES]]

The server has a process of its own: in ours its work would count as the client's, on both sides, and
hide the difference. The two sides take turns, each goes first every other time, and what counts is
the median of the ratios. On a busy machine the time that passed is that of others, and the time of the
processor tells more. Nothing is asserted: a time depends on the machine.
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
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Literal

import aiohttp
import httpx

from signalwire_conferences import AsyncRestClient, RestClient
from signalwire_conferences.contract import UPDATE, fields
from signalwire_conferences_testing.mock import MockServer

AT_ONCE, ROUNDS = 50, 3
Transport = Literal["httpx", "fast"]
Measure = Callable[[], tuple[float, float]]
"""Does something once; returns the seconds that passed, and those of the processor in that process."""


def serve(pipe: Connection) -> None:
    """Tells where the mock is, and ends with the other side."""
    with MockServer([{"name": f"name-{number}"} for number in range(pipe.recv())], keep_requests=False) as server:
        pipe.send((server.project, server.token, server.host, server.url))
        pipe.poll(None)


def timed(call: Callable[[], object]) -> tuple[float, float]:
    passed, worked = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - passed, time.process_time() - worked


IMPORT = """
import time
passed, worked = time.perf_counter(), time.process_time()
import {}
print(time.perf_counter() - passed, time.process_time() - worked)
"""


def imported(module: str) -> tuple[float, float]:
    """In a fresh process, the start of Python not counted."""
    passed, worked = subprocess.check_output([sys.executable, "-I", "-c", IMPORT.format(module)]).split()
    return float(passed), float(worked)


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
    "clock": """
import sys, time
project, token, host, conference, kind, name = sys.argv[1:]
passed, worked = time.perf_counter(), time.process_time()
""",
    "told": "print(time.perf_counter() - passed, time.process_time() - worked)",
}


def first_call(of: str, *arguments: str) -> tuple[float, float]:
    """Import and one update in a fresh process, the start of Python not counted."""
    code = FIRST["clock"] + FIRST[of] + FIRST["told"]
    passed, worked = subprocess.check_output([sys.executable, "-I", "-c", code, *arguments]).split()
    return float(passed), float(worked)


def compare(names: tuple[str, str], plain: Measure, ours: Measure, pairs: int) -> None:
    """Prints the median of each in milliseconds, and the median of the ratios."""
    plain(), ours()  # the first time is another matter: connections, compiled files
    times = []
    for number in range(pairs):
        first, second = (plain, ours) if number % 2 else (ours, plain)
        pair = first(), second()
        times.append(pair if number % 2 else pair[::-1])
    print(f"{names[1]} beside {names[0]}, {pairs} pairs")
    for kind, index in (("passed", 0), ("processor", 1)):
        one, other = (statistics.median(pair[side][index] for pair in times) * 1000 for side in (0, 1))
        ratio = statistics.median(pair[1][index] / pair[0][index] for pair in times)
        print(f"  {kind:9}  {other:7.2f} ms beside {one:7.2f} ms, ratio {ratio:.2f}")


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


def compare_fleets(credentials: tuple[str, str, str], url: str, ids: list[str], rounds: int) -> None:
    """Prints how long each takes to change all conferences, and the median of the ratios to aiohttp by hand."""
    names = map(str, itertools.count())

    def by_hand() -> object:
        return asyncio.run(by_hand_with_aiohttp(url, credentials[:2], ids, next(names)))

    def blocking(transport: Transport) -> object:
        with RestClient(*credentials, transport=transport, writes_per_second=1e6) as client:
            return client.video.conferences.update_many(ids, changes={"display_name": next(names)}, concurrency=AT_ONCE)

    async def awaited(transport: Transport) -> object:
        async with AsyncRestClient(*credentials, transport=transport, writes_per_second=1e6) as client:
            conferences = client.video.conferences
            return await conferences.update_many(ids, changes={"display_name": next(names)}, concurrency=AT_ONCE)

    kinds: dict[str, Callable[[], object]] = {
        "aiohttp by hand": by_hand,
        "blocking, fast": lambda: blocking("fast"),
        "blocking, httpx": lambda: blocking("httpx"),
        "awaited, fast": lambda: asyncio.run(awaited("fast")),
        "awaited, httpx": lambda: asyncio.run(awaited("httpx")),
    }
    print(f"{len(ids)} conferences, {AT_ONCE} at once, {rounds} rounds")
    times = [{kind: timed(call) for kind, call in kinds.items()} for _ in range(rounds)]
    for kind in kinds:
        passed, worked = (statistics.median(each[kind][index] for each in times) for index in (0, 1))
        ratio = statistics.median(each[kind][0] / each["aiohttp by hand"][0] for each in times)
        print(f"  {kind:16} {passed:6.2f} s, processor {worked:6.2f} s, ratio {ratio:.2f}")


def main(pairs: int, conferences: int) -> None:
    print(f"Python {platform.python_version()}, httpx {httpx.__version__}, {os.cpu_count()} cores")
    compare(
        ("import httpx", "from signalwire_conferences import RestClient"),
        lambda: imported("httpx"),
        lambda: imported("signalwire_conferences.client"),
        max(1, pairs // 50),
    )
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    theirs.close()
    pipe.send(conferences)
    project, token, host, url = pipe.recv()
    names = iter(range(sys.maxsize))
    with (
        RestClient(project, token, host, transport="fast") as client,
        RestClient(project, token, host, transport="httpx") as over_httpx,
        httpx.Client(base_url=url, auth=(project, token), trust_env=False) as http,
    ):
        conference = client.video.conferences.list().data[0]["id"]
        path = f"/api/video/conferences/{conference}"

        def by_hand() -> object:
            image = http.get(path).raise_for_status().json()
            body = {name: image[name] for name in fields(UPDATE) if image[name] is not None}
            body["display_name"] = f"{next(names)}"
            return http.put(path, json=body).raise_for_status().json()

        def update(client: RestClient) -> object:
            return client.video.conferences.update(conference, display_name=f"{next(names)}")

        def compare_one(transport: Transport, client: RestClient) -> None:
            told = project, token, host, conference
            compare(
                ("a GET and a PUT by hand", f"update, {transport},"),
                lambda: timed(by_hand),
                lambda: timed(lambda: update(client)),
                pairs,
            )
            compare(
                ("the same by hand", f"import and first update, {transport},"),
                lambda: first_call("httpx", *told, " ".join(fields(UPDATE)), f"{next(names)}"),
                lambda: first_call("ours", *told, transport, f"{next(names)}"),
                max(1, pairs // 50),
            )

        compare_one("fast", client)
        compare_one("httpx", over_httpx)
        ids = [each["id"] for each in client.video.conferences.paginate(page_size=1000)]
    compare_fleets((project, token, host), url, ids, ROUNDS)
    pipe.close()
    server.join()


if __name__ == "__main__":
    main(*map(int, [*sys.argv[1:], *("1000", "2000")[len(sys.argv) - 1 :]]))
