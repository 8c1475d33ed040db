"""`generated/` is what the contract gives: the same bytes anywhere, no hand edits, nothing half-made."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import types
import typing
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from signalwire_conferences import contract
from signalwire_conferences_api import fields, models, table
from signalwire_conferences_api.api.conferences import list_video_conferences
from signalwire_conferences_testing import schemas

pytestmark = pytest.mark.xdist_group("generated")

ROOT = Path(__file__).parent.parent
PACKAGE = "signalwire_conferences_api"
CONTRACT: dict[str, Any] = json.loads((ROOT / "generated" / PACKAGE / "contract.json").read_text("utf-8"))
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]

HOSTILE_RUFF = "line-length = 40\nindent-width = 2\nextend-exclude = ['*']\n[format]\nquote-style = 'single'\n"


def copy_tree(place: Path) -> Path:
    """What generation needs, without a git checkout around it."""
    shutil.copytree(ROOT / "openapi", place / "openapi")
    shutil.copytree(ROOT / "generated", place / "generated", ignore=shutil.ignore_patterns("__pycache__"))
    (place / ".dev").mkdir()
    shutil.copy(ROOT / ".dev" / "requirements.txt", place / ".dev")
    return place


def generate(tree: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(tree / "openapi" / "generate.py"), *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_tree(tmp_path / "a checkout")


@pytest.fixture
def program(tree: Path) -> types.ModuleType:
    """generate.py of the copied tree, to look at its parts without running the generator again."""
    spec = importlib.util.spec_from_file_location("generate", tree / "openapi" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_same_bytes_whatever_is_around(tmp_path: Path) -> None:
    # Folders that ruff leaves out by default, and configurations at every place where it looks for one.
    tree = copy_tree(tmp_path / "build" / "node_modules" / "a checkout")
    home = tmp_path / "home"
    for folder in (tmp_path, tree, tree / "generated", tree / "openapi", home / ".config" / "ruff"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ruff.toml").write_text(HOSTILE_RUFF)
    (tree / ".gitignore").write_text("*\n")
    (tree / "pyproject.toml").write_text("[tool.ruff]\nline-length = 50\n")
    shutil.rmtree(tree / "generated")
    hostile = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "LANG": "tr_TR.ISO-8859-9",
        "PYTHONHASHSEED": "7",
        "PYTHONUTF8": "0",
        "RUFF_NO_CACHE": "false",
        "RUFF_OUTPUT_FORMAT": "json",
        "TZ": "Asia/Kathmandu",
    }
    done = generate(tree, cwd=home, env={**os.environ, **hostile}, umask=0o077)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert contents(tree / "generated" / PACKAGE) == contents(ROOT / "generated" / PACKAGE)
    assert list((tree / ".cache").iterdir()) == []


def test_the_committed_package_is_what_the_contract_gives(tree: Path) -> None:
    pycache = tree / "generated" / PACKAGE / "__pycache__"
    pycache.mkdir()
    (pycache / "client.cpython-311.pyc").write_bytes(b"\0")
    before = contents(tree / "generated")
    done = generate(tree, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert contents(tree / "generated") == before


def test_the_check_names_a_hand_edit_a_missing_and_a_stray_file_and_changes_nothing(tree: Path) -> None:
    package = tree / "generated" / PACKAGE
    client = package / "client.py"
    client.write_text(client.read_text("utf-8").replace("import", "import  ", 1), "utf-8")
    (package / "py.typed").unlink()
    (package / "notes.txt").write_text("mine")
    before = contents(tree / "generated")
    done = generate(tree, "--check")
    assert done.returncode == 1
    assert f"drifted: generated/{PACKAGE}/client.py\n--- " in done.stdout
    assert f"missing: generated/{PACKAGE}/py.typed\n" in done.stdout
    assert f"stray: generated/{PACKAGE}/notes.txt\n" in done.stdout
    assert contents(tree / "generated") == before
    assert list((tree / ".cache").iterdir()) == []


def edit_a_byte(generated: Path) -> None:
    path = generated / PACKAGE / "types.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n", 1))


def edit_the_contract_copy(generated: Path) -> None:
    path = generated / PACKAGE / "contract.json"
    path.write_bytes(path.read_bytes().replace(b"200", b"201", 1))


@pytest.mark.parametrize(
    "damage",
    [
        edit_a_byte,
        edit_the_contract_copy,
        lambda generated: (generated / PACKAGE / "fields.py").unlink(),
        lambda generated: (generated / PACKAGE / "models" / "room.py").touch(),
        lambda generated: (generated / "stray.py").touch(),
        lambda generated: (generated / PACKAGE / "README.md").touch(),
        lambda generated: (generated / PACKAGE / "link").symlink_to("models"),
        lambda generated: shutil.rmtree(generated / PACKAGE),
    ],
    ids=["line ending", "contract copy", "missing", "stray module", "outside", "readme", "link", "all gone"],
)
def test_any_single_damage_is_found(tree: Path, program: Any, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    fresh = Path(shutil.copytree(tree / "generated" / PACKAGE, tmp_path / PACKAGE))
    assert list(program.compare(fresh)) == []
    damage(tree / "generated")
    assert list(program.compare(fresh)) != []


BROKEN = {
    "no YAML": lambda text: text.replace("paths:", "paths: [", 1),
    "a repeated key": lambda text: text + "\nopenapi: 3.1.0\n",
    "a reference to nothing": lambda text: text.replace("schemas/ConferencePage'", "schemas/Nothing'", 1),
    "a generator warning": lambda text: text.replace("in: query", "in: nowhere", 1),
    "a field of no known type": lambda text: text.replace(
        "display_name:\n          type: string", "display_name:\n          type: object", 2
    ),
}


@pytest.mark.parametrize(
    "what", [pytest.param(each, marks=[pytest.mark.long] if number % 4 else []) for number, each in enumerate(BROKEN)]
)
def test_a_broken_contract_fails_and_leaves_the_tree_as_it_was(tree: Path, what: str) -> None:
    contract = tree / "openapi" / "conferences.yaml"
    sound = contract.read_text("utf-8")
    contract.write_text(BROKEN[what](sound), "utf-8")
    assert contract.read_text("utf-8") != sound
    before = contents(tree / "generated")
    done = generate(tree)
    assert done.returncode == 1
    assert done.stderr.startswith("generate: ") or "ruamel.yaml" in done.stderr
    assert contents(tree / "generated") == before
    assert list((tree / ".cache").iterdir()) == []


def test_a_swap_that_fails_puts_the_old_package_back(tree: Path, program: Any) -> None:
    before = contents(tree / "generated")
    with pytest.raises(FileNotFoundError):
        program.swap(tree / "not there", tree / "generated" / PACKAGE, tree / "old")
    assert contents(tree / "generated") == before


@pytest.mark.parametrize("tool", ["openapi-python-client", "ruff"])
def test_another_version_of_a_tool_is_refused(tree: Path, tool: str) -> None:
    pins = tree / ".dev" / "requirements.txt"
    pins.write_text(pins.read_text("utf-8").replace(f"\n{tool}==", f"\n{tool}==9", 1), "utf-8")
    done = generate(tree)
    assert done.returncode == 1
    assert done.stderr.startswith(f"generate: {tool} ")


def test_two_yaml_readers_agree_with_the_contract_in_json() -> None:
    assert yaml.safe_load((ROOT / "openapi" / "conferences.yaml").read_text("utf-8")) == CONTRACT


def test_every_module_says_that_it_is_generated_from_what_and_how() -> None:
    for path in (ROOT / "generated" / PACKAGE).rglob("*.py"):
        first = path.read_text("utf-8").split("\n", 1)[0]
        assert first == "# Written by `make generate` from openapi/conferences.yaml. Do not edit."


@pytest.mark.parametrize("name", ["ConferenceCreate", "ConferenceUpdate"])
def test_a_request_model_sends_no_documented_default(name: str) -> None:
    required = dict.fromkeys(SCHEMAS[name]["required"], "x")
    assert getattr(models, name)(**required).to_dict() == required


def test_a_list_request_sends_no_documented_default() -> None:
    assert list_video_conferences._get_kwargs()["params"] == {}


def members(annotation: Any) -> Iterator[Any]:
    """The members of a union, literals by their values."""
    if typing.get_origin(annotation) in {typing.Required, typing.NotRequired}:
        yield from members(typing.get_args(annotation)[0])
    elif typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        for member in typing.get_args(annotation):
            yield from members(member)
    elif typing.get_origin(annotation) is typing.Literal:
        yield from typing.get_args(annotation)
    else:
        yield annotation


def expected_members(schema: dict[str, Any]) -> set[Any]:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    resolved = SCHEMAS[name] if name else schema
    if "enum" in resolved:
        return {getattr(models, name), *resolved["enum"]}
    if "anyOf" in resolved:
        return {member for branch in resolved["anyOf"] for member in expected_members(branch)}
    match resolved:
        case {"type": "string", "format": "date-time"}:
            return {datetime, str}
        case {"type": "string", "format": "date"}:
            return {date, str}
        case {"type": "string"}:
            return {str}
        case {"type": "integer"}:
            return {int}
        case {"type": "boolean"}:
            return {bool}
    raise AssertionError(resolved)


@pytest.mark.parametrize(
    ("typed", "name"), [(fields.ConferenceChanges, "ConferenceUpdate"), (fields.ConferenceFields, "ConferenceCreate")]
)
def test_the_typed_fields_are_those_of_the_request_body(typed: Any, name: str) -> None:
    schema = SCHEMAS[name]
    assert {field: set(members(hint)) for field, hint in typing.get_type_hints(typed).items()} == {
        field: {table.Keep} | expected_members(property_) | (set() if field in schema["required"] else {type(None)})
        for field, property_ in schema["properties"].items()
    }


def test_an_update_may_leave_out_every_field_and_a_create_all_but_the_required_ones() -> None:
    assert fields.ConferenceChanges.__required_keys__ == set()
    assert fields.ConferenceFields.__required_keys__ == set(SCHEMAS["ConferenceCreate"]["required"])


def test_the_typed_query_has_the_parameters_of_a_list_request() -> None:
    parameters = [
        CONTRACT["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]] if "$ref" in parameter else parameter
        for parameter in CONTRACT["paths"]["/api/video/conferences"]["get"]["parameters"]
    ]
    assert {name: set(members(hint)) for name, hint in typing.get_type_hints(fields.ListQuery).items()} == {
        parameter["name"]: expected_members(parameter["schema"]) for parameter in parameters
    }


VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 50, 10**6, 1.5, "", "x", "x" * 200, "x" * 201, "x" * 3001, [], {}),
    *("5up", "720p", "medium", "#0A84ff", "#0a84ff0", "2022-01-01", "2022-01-01T23:59:60Z", "2022-02-30"),
]


@pytest.mark.parametrize("name", ["ConferenceCreate", "ConferenceUpdate"])
def test_the_table_takes_what_the_contract_takes_and_compiles_no_more_than_is_asked_for(name: str) -> None:
    contract.fields.cache_clear()
    for field, schema in SCHEMAS[name]["properties"].items():
        about, whole = contract.fields(name)[field], schemas.validator(schema)
        assert "_validator" not in vars(about)
        for value in [*VALUES, *schema["examples"]]:
            assert about.accepts(value) is whole.is_valid(value), (field, value)


def test_the_table_has_every_operation_and_every_field() -> None:
    assert {
        (operation["operationId"], method.upper(), path)
        for path, item in CONTRACT["paths"].items()
        for method, operation in item.items()
        if "operationId" in operation
    } == {(name, *where) for name, where in table.OPERATIONS.items()}
    for name in ("ConferenceCreate", "ConferenceUpdate"):
        assert list(table.FIELDS[name]) == list(SCHEMAS[name]["properties"])
    assert list(table.KINDS) == list(SCHEMAS["Conference"]["properties"])
    assert list(table.KEPT) == ["id", "name", "meta", "created_at"]


MISUSE = """
from datetime import date
from typing import Unpack
from signalwire_conferences_api.fields import ConferenceChanges
from signalwire_conferences_api.models import VideoLayout

def update(id: str, /, **changes: Unpack[ConferenceChanges]) -> None: ...

update("x", display_name="a", layout="5up", join_from=date(2022, 1, 1), size=None)
update("x", layout=VideoLayout.FIVE_UP, join_until="2022-01-01T00:00:00Z", enable_chat=False)
update("x", displayname="a")  # 11
update("x", layout="5-up")  # 12
update("x", display_name=None)  # 13
update("x", enable_chat="yes")  # 14
"""


@pytest.mark.long
def test_a_type_checker_flags_a_wrong_field_and_a_wrong_value(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(MISUSE)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", str(sample)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == ""
    flagged = [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line]
    assert flagged == [11, 12, 13, 14]
