"""What is released: one version, a changelog, tested bounds of dependencies, and workflows of few permissions."""

import datetime
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

import signalwire_conferences

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
OURS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = [*OURS, ROOT / "contract_tests" / "consumer_workflow.yml"]


def test_the_version_is_one() -> None:
    version = PROJECT["version"]
    assert signalwire_conferences.__version__ == metadata.version(PROJECT["name"]) == version
    assert re.findall(r"^## \[([0-9.]+)\]", CHANGELOG, re.MULTILINE)[0] == version
    assert f"-{version}-py3" in WORKFLOWS[-1].read_text("utf-8")


def test_the_changelog_keeps_its_form() -> None:
    versions = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)", each) for each in versions[1:]]
    numbers = [tuple(map(int, each.groups()[:3])) for each in released if each]
    dates = [datetime.date.fromisoformat(each[4]) for each in released if each]
    assert len(numbers) == len(versions) - 1
    assert numbers == sorted(numbers, reverse=True)
    assert dates == sorted(dates, reverse=True)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= kinds


def test_each_dependency_has_one_oldest_version() -> None:
    bounds = defaultdict(set)
    for requirement in chain(PROJECT["dependencies"], *EXTRAS.values()):
        if not requirement.startswith(PROJECT["name"]):
            name, bound = re.match(r"([a-z0-9-]+)(.*)", requirement).groups()  # type: ignore[union-attr]  # it matches
            bounds[name].add(re.match(r">=[0-9.]+", bound) and bound)
    assert {name for name, found in bounds.items() if len(found) > 1 or None in found} == set()


def test_each_extra_is_in_the_readme() -> None:
    install = (ROOT / "README.md").read_text("utf-8").split("## Install")[1].split("\n## ")[0]
    assert {extra for extra in EXTRAS if f"[{extra}]" not in install} == set()


def jobs(workflow: Path) -> Iterator[tuple[str, Any]]:
    yield from yaml.safe_load(workflow.read_text("utf-8"))["jobs"].items()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda each: each.name)
def test_a_workflow_may_do_no_more_than_each_job_says(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text("utf-8"))["permissions"] == {}
    for name, job in jobs(workflow):
        publishes = any("pypi-publish" in step.get("uses", "") for step in job["steps"])
        assert job["permissions"] == ({"id-token": "write"} if publishes else {"contents": "read"}), name
        assert publishes == ("environment" in job), name
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


def test_actions_are_pinned_by_commit_and_to_one_version_each() -> None:
    pins = defaultdict(set)
    for workflow in WORKFLOWS:
        for line in re.findall(r"uses: (.*)$", workflow.read_text("utf-8"), re.MULTILINE):
            action, _, pin = line.partition("@")
            assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), line
            pins[action].add(pin)
    assert {action for action, found in pins.items() if len(found) > 1} == set()


def test_the_tests_run_on_each_python_that_is_supported() -> None:
    (tests,) = (job for workflow in OURS for name, job in jobs(workflow) if name == "tests")
    named = [each.removeprefix("Programming Language :: Python :: ") for each in PROJECT["classifiers"]]
    assert tests["strategy"]["matrix"]["python"] == [each for each in named if re.fullmatch(r"3\.\d+", each)]
