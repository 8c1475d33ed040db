"""Many conferences at once, until the library does it."""

import concurrent.futures
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from signalwire_conferences import ConferencesError
from signalwire_conferences.client import Conferences

from .several import Tally, refuse

Jobs = Mapping[str, Mapping[str, Any]]


def plan_each(
    conferences: Conferences, jobs: Jobs, resets: Sequence[str], concurrency: int | None, step: Callable[[str], None]
) -> Tally:
    """What would become of each."""
    plans = []

    def plan(each: str) -> Any:
        made = conferences.plan(each, allow_reset=resets, **jobs[each])
        plans.append(made)
        refuse(made)
        return made.changes

    tally = _each(plan, jobs, concurrency, step)
    tally.plans = sorted(plans, key=lambda each: each.conference_id)
    return tally


def update_each(
    conferences: Conferences,
    jobs: Jobs,
    resets: Sequence[str],
    concurrency: int | None,
    label: str | None,  # noqa: ARG001
    step: Callable[[str], None],
) -> Tally:
    """Carry each out; one failure does not stop the others."""

    def update(each: str) -> Any:
        report = conferences.update(each, allow_reset=resets, **jobs[each]).report
        return report.changes if report else {}

    return _each(update, jobs, concurrency, step)


def _each(function: Callable[[str], Any], jobs: Jobs, concurrency: int | None, step: Callable[[str], None]) -> Tally:
    tally = Tally()
    with concurrent.futures.ThreadPoolExecutor(concurrency or 8) as pool:
        futures = {each: pool.submit(function, each) for each in jobs}
        try:
            for each, future in futures.items():
                try:
                    changes = future.result()
                except ConferencesError as error:
                    tally.failed[each] = error
                    step("failed")
                    continue
                if changes:
                    tally.changes[each] = changes
                else:
                    tally.unchanged.append(each)
                step("changed" if changes else "unchanged")
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return tally
