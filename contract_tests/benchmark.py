"""What the safety costs: `update` against a GET and a PUT by hand with httpx, in turn, in one run.

    python contract_tests/benchmark.py [ROUNDS]

Prints the median of each in milliseconds and the median of the ratios pair by pair. Nothing is
asserted: a time depends on the machine.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import httpx

from signalwire_conferences import RestClient
from signalwire_conferences.contract import UPDATE, fields
from signalwire_conferences_testing.mock import MockServer


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(rounds: int) -> None:
    with (
        MockServer() as server,
        RestClient(server.project, server.token, server.host) as client,
        httpx.Client(base_url=server.url, auth=(server.project, server.token)) as http,
    ):
        conference = client.video.conferences.list().data[0]["id"]
        path = f"/api/video/conferences/{conference}"
        names = iter(range(10 * rounds))

        def by_hand() -> None:
            image = http.get(path).json()
            body = {name: image[name] for name in fields(UPDATE) if image[name] is not None}
            http.put(path, json={**body, "display_name": f"{next(names)}"}).json()

        def ours() -> None:
            client.video.conferences.update(conference, display_name=f"{next(names)}")

        for call in (by_hand, ours):
            seconds(call)
        pairs = [(seconds(by_hand), seconds(ours)) for _ in range(rounds)]
    hand, safe = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"GET and PUT by hand {hand:.2f} ms, update {safe:.2f} ms, ratio {ratio:.2f} ({rounds} pairs)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
