"""Write generated/signalwire_conferences_api from the contract, or check that it is what the contract gives.

    generate.py            write it; a run that fails leaves the tree as it was
    generate.py --check    compare; name every difference and exit with 1

The bytes depend on the contract, generator.yaml, this program and the two tools at their pinned versions, and
on nothing around them: no configuration of ruff, locale, hash seed or working directory.
"""

from __future__ import annotations

import argparse
import difflib
import fcntl
import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi" / "conferences.yaml"
CONFIGURATION = ROOT / "openapi" / "generator.yaml"
PINS = ROOT / ".dev" / "requirements.txt"
SCRATCH = ROOT / ".cache"
GENERATED = ROOT / "generated"
PACKAGE = "signalwire_conferences_api"
HANDWRITTEN = "README.md"
EXPORT = "conferences.schema.json"

HEADER = "# Written by `make generate` from openapi/conferences.yaml. Do not edit.\n"

# Name of the TypedDict, schema of a request body, what it is for.
BODIES = (
    ("ConferenceChanges", "ConferenceUpdate", "What an update may change. `None` clears a field.", False),
    ("ConferenceFields", "ConferenceCreate", "What a create may set. `None` leaves a field out.", True),
)
QUERIES = (("ListQuery", "list_video_conferences", "What a list may be narrowed by."),)

SCALARS = {"boolean": "bool", "integer": "int", "null": "None", "number": "float", "string": "str"}
FORMATS = {"date": "date", "date-time": "datetime"}
ANSWER = "Conference"
COLOR = "#/components/schemas/ThemeColor"
KINDS = {"date-time": "INSTANT", "uuid": "UUID"}
LIMITS = {
    "maxLength": " of at most {} characters",
    "pattern": " that matches {}",
    "minimum": " from {}",
    "maximum": " to {}",
}
# What a schema says and no value is checked against.
ANNOTATIONS = {"default", "description", "examples", "x-assumed-default", "x-enum-varnames"}

Schema = Mapping[str, Any]


def main() -> None:
    """Write or check, one run at a time in one tree."""
    parser = argparse.ArgumentParser(description="Write generated/ from the contract.")
    parser.add_argument("--check", action="store_true", help="compare instead, exit with 1 on any difference")
    check = parser.parse_args().check
    # A polite kill unwinds like any other failure, so that nothing half-made stays behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    for distribution in ("openapi-python-client", "ruff"):
        require_pin(distribution)
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with scratch_folder() as scratch:
            fresh = scratch / PACKAGE
            build(fresh)
            if not check:
                swap(fresh, GENERATED / PACKAGE, scratch / "old")
            elif differences := list(compare(fresh)):
                sys.stdout.writelines(differences)
                fail("generated/ is not what the contract gives; `make generate` writes it")


def require_pin(distribution: str) -> None:
    """Fail where another version than the pinned one is installed: other versions write other bytes."""
    pin = re.search(rf"^{re.escape(distribution)}==(\S+)", PINS.read_text("utf-8"), re.MULTILINE)
    installed = importlib.metadata.version(distribution)
    if not pin or pin[1] != installed:
        wanted = pin[1] if pin else "pinned"
        fail(f"{distribution} {installed} is installed, {wanted} is needed; `make setup` installs it")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder on the file system of the tree, so that a rename suffices to move things into place."""
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="generate-", dir=SCRATCH) as folder:
        yield Path(folder)


def build(package: Path) -> None:
    """Write the whole package, formatted."""
    run(
        "openapi_python_client",
        "generate",
        f"--path={CONTRACT}",
        f"--config={CONFIGURATION}",
        f"--output-path={package}",
        "--meta=none",
        "--fail-on-warning",
        cwd=package.parent,
    )
    # The generator's own reader, so that the contract cannot mean two things.
    contract = YAML(typ="safe", pure=True).load(CONTRACT.read_text("utf-8"))
    write(package / "contract.json", json.dumps(contract, indent=1, ensure_ascii=False) + "\n")
    write(package / "fields.py", fields_module(contract))
    write(package / "table.py", table_module(contract))
    write(package / EXPORT, json.dumps(export_schema(contract), indent=1, ensure_ascii=False) + "\n")
    write(package / "py.typed", "")
    for module in (package / "__init__.py", package / "models" / "__init__.py"):
        write(module, lazily(module.read_text("utf-8")))
    run("ruff", "check", "--fix-only", "--select=F401,I", *RUFF, str(package), cwd=package.parent)
    run("ruff", "format", *RUFF, str(package), cwd=package.parent)
    for module in package.rglob("*.py"):
        write(module, HEADER + module.read_text("utf-8"))


def lazily(text: str) -> str:
    """A module that imports names, so that each is imported when it is asked for: most callers ask for few."""
    found = re.findall(r"^from \.(\w+) import (.+)$", text, re.MULTILINE)
    modules = {name: module for module, names in found for name in names.split(", ")}
    kept = "".join(re.split(r"^(from \.\w+ import .+\n)+", text, flags=re.MULTILINE)[::2])
    doc, _, rest = kept.lstrip().partition("\n")
    imports = "".join(f"    from .{module} import {names}\n" for module, names in found)
    return f"""{doc}
from importlib import import_module
from typing import TYPE_CHECKING, Any
if TYPE_CHECKING:
{imports}
{rest}
_MODULES = {modules!r}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    return getattr(import_module(f".{{_MODULES[name]}}", __name__), name)
"""


RUFF = ("--isolated", "--no-cache", "--no-respect-gitignore", "--quiet", "--target-version=py311")


def run(module: str, *arguments: str, cwd: Path) -> None:
    """Run an installed tool with nothing of the caller's environment but where things are."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "LC_ALL": "C", "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", module, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        fail(f"{module} failed, the tree is as it was:\n{done.stdout}")


def write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")


def fields_module(contract: Schema) -> str:
    """The request bodies and queries as TypedDicts, which editors complete and type checkers enforce."""
    schemas = contract["components"]["schemas"]
    enumerations = ", ".join(name for name, schema in schemas.items() if "enum" in schema)
    lines = [
        '"""The fields that a caller may give, as the contract has them."""',
        "from datetime import date, datetime",
        "from typing import Literal, Required, TypedDict",
        f"from .models import {enumerations}",
        "from .table import Keep",
    ]
    for name, schema_name, purpose, whole in BODIES:
        schema = schemas[schema_name]
        lines += class_head(name, purpose)
        for field, property_ in schema["properties"].items():
            type_ = f"{annotation(contract, property_)} | Keep"
            if field not in schema.get("required", ()):
                type_ += " | None"
            elif whole:
                type_ = f"Required[{type_}]"
            lines += class_field(field, type_, property_)
    for name, operation_id, purpose in QUERIES:
        lines += class_head(name, purpose)
        for parameter in query_parameters(contract, operation_id):
            lines += class_field(parameter["name"], annotation(contract, parameter["schema"]), parameter)
    return "\n".join(lines) + "\n"


def class_head(name: str, purpose: str) -> list[str]:
    return ["", "", f"class {name}(TypedDict, total=False):", f'    """{purpose}"""', ""]


def class_field(name: str, type_: str, described: Schema) -> list[str]:
    if not name.isidentifier():
        fail(f"{name!r} cannot be the name of a keyword argument")
    text = " ".join(described.get("description", "").split())
    return [f"    {name}: {type_}", *([f"    {json.dumps(text, ensure_ascii=False)}"] if text else [])]


def export_schema(contract: Schema) -> dict[str, Any]:
    """The schema of a file of conferences, by which editors complete and check it. Draft 7 is what they know."""
    schemas = contract["components"]["schemas"]
    update, name = schemas["ConferenceUpdate"], schemas["ConferenceCreate"]["properties"]["name"]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Video conferences of a space, as they are to be",
        "type": "object",
        "required": ["conferences"],
        "additionalProperties": False,
        "properties": {
            "$schema": {"type": "string"},
            "space": {"description": "Host of the space that the file was exported from.", "type": "string"},
            "conferences": {
                "type": "array",
                "items": {
                    "type": "object",
                    "anyOf": [{"required": ["id"]}, {"required": ["name"]}],
                    "additionalProperties": False,
                    "properties": {
                        "id": {"description": "Id of the conference. It cannot be changed.", "type": "string"},
                        "name": told(contract, name, nullable=True),
                        **{
                            field: told(contract, schema, nullable=field not in update["required"])
                            for field, schema in update["properties"].items()
                        },
                    },
                },
            },
        },
    }


def told(contract: Schema, schema: Schema, nullable: bool) -> dict[str, Any]:
    """A schema with what editors tell of it; where it is nullable, null clears the field."""
    full = resolve(contract, schema)
    said = {key: full[key] for key in ("description", "default", "examples") if key in full}
    rest = bare(contract, schema)
    if not nullable:
        return said | rest
    if "anyOf" in rest:
        return said | {"anyOf": [*rest["anyOf"], {"type": "null"}]}
    enum = {"enum": [*rest["enum"], None]} if "enum" in rest else {}
    return said | rest | {"type": [*types(rest), "null"]} | enum


def operations(contract: Schema) -> Iterator[tuple[str, str, str, Schema, Schema]]:
    """Each operation: its id, method and path, what it says, and what its path says."""
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "operationId" in operation:
                yield operation["operationId"], method.upper(), path, operation, item


def query_parameters(contract: Schema, operation_id: str) -> Iterator[Schema]:
    for name, _, _, operation, item in operations(contract):
        if name == operation_id:
            for parameter in (*item.get("parameters", ()), *operation.get("parameters", ())):
                resolved = resolve(contract, parameter)
                if resolved["in"] == "query":
                    yield resolved


def resolve(contract: Schema, value: Schema) -> Schema:
    """A value with its local reference replaced by what it names; what stands beside it wins."""
    if "$ref" not in value:
        return value
    target: Any = contract
    for key in value["$ref"].removeprefix("#/").split("/"):
        target = target[key]
    return {**resolve(contract, target), **{key: each for key, each in value.items() if key != "$ref"}}


def table_module(contract: Schema) -> str:
    """What each field is, worked out once, so that no program does it whenever it starts."""
    schemas = contract["components"]["schemas"]
    answers = schemas[ANSWER]
    fields = {
        schema_name: {
            name: row(contract, schema, name in schemas[schema_name]["required"], answers["properties"][name])
            for name, schema in schemas[schema_name]["properties"].items()
        }
        for _, schema_name, _, _ in BODIES
    }
    fields |= {
        operation_id: {
            parameter["name"]: row(contract, parameter["schema"], False, {"type": "null"})
            for parameter in query_parameters(contract, operation_id)
        }
        for operation_id, *_ in operations(contract)
    }
    # The schema of a request says more: answers hold colours as any string.
    bodies = schemas["ConferenceUpdate"]["properties"]
    kinds = {name: kind(contract, bodies.get(name, schema)) for name, schema in answers["properties"].items()}
    kept = {
        name: kinds[name]
        for name, schema in answers["properties"].items()
        if name in answers["required"]
        and name not in fields["ConferenceUpdate"]
        and not schema.get("x-changes-with-each-write")
    }
    where = {
        operation_id: Code(f"Operation({method!r}, {path!r})")
        for operation_id, method, path, *_ in operations(contract)
    }
    return f'''"""What the contract says of each operation and field, as a table."""
import enum
from typing import Any, NamedTuple


class Kind(enum.Enum):
    """How values of a field are compared."""

    EXACT = "exact"
    INSTANT = "instant"
    COLOR = "color"
    UUID = "uuid"


class Omission(enum.Enum):
    """What a field becomes that a request body leaves out, and on whose word."""

    REQUIRED = "it cannot be left out"
    DOCUMENTED_DEFAULT = "its documented default"
    NULL = "null"
    SERVER_CHOICE = "whatever the server chooses"


class Keep(enum.Enum):
    """A field given as `KEEP` is not named: for who holds a value or nothing."""

    KEEP = "keep"

    def __repr__(self) -> str:
        return "KEEP"


class Operation(NamedTuple):
    """Where an operation of the contract lives."""

    method: str
    path: str


OPERATIONS: dict[str, Operation] = {where!r}
"By id."

FIELDS: dict[str, dict[str, dict[str, Any]]] = {fields!r}
"Request body, or operation with a query -> field or parameter -> what it is."

KINDS: dict[str, Kind] = {kinds!r}
"Property of a conference in an answer -> how its values are compared."

KEPT: dict[str, Kind] = {kept!r}
"The same of those that no request can write and every write has to keep."
'''


class Code(str):
    """An expression, which stands in a table as it is."""

    __slots__ = ()
    __repr__ = str.__str__


def row(contract: Schema, schema: Schema, required: bool, answer: Schema) -> dict[str, Any]:
    full = resolve(contract, schema)
    nullable = any("null" in types(choice) for choice in alternatives(contract, answer))
    if required:
        omission = "REQUIRED"
    elif "default" in full:
        omission = "DOCUMENTED_DEFAULT"
    else:
        omission = "NULL" if nullable else "SERVER_CHOICE"
    return {
        "kind": kind(contract, schema),
        "omission": Code(f"Omission.{omission}"),
        "default": full.get("default", full.get("x-assumed-default")),
        "rule": rule(contract, schema),
        "schema": bare(contract, schema),
    }


def bare(contract: Schema, schema: Schema) -> dict[str, Any]:
    """What values are checked against, without a reference."""
    return {
        key: [bare(contract, choice) for choice in value] if key in ("anyOf", "oneOf") else value
        for key, value in resolve(contract, schema).items()
        if key not in ANNOTATIONS
    }


def alternatives(contract: Schema, schema: Schema) -> Iterator[Schema]:
    """The schema itself and whatever its `anyOf` and `oneOf` offer, resolved."""
    full = resolve(contract, schema)
    yield full
    for choice in [*full.get("anyOf", ()), *full.get("oneOf", ())]:
        yield from alternatives(contract, choice)


def types(schema: Schema) -> list[str]:
    said = schema.get("type", [])
    return said if isinstance(said, list) else [said]


def kind(contract: Schema, schema: Schema) -> Code:
    """How values of a schema are compared."""
    if schema.get("$ref") == COLOR:
        return Code("Kind.COLOR")
    formats = {choice.get("format") for choice in alternatives(contract, schema)}
    return next((Code(f"Kind.{name}") for format_, name in KINDS.items() if format_ in formats), Code("Kind.EXACT"))


def rule(contract: Schema, schema: Schema) -> str:
    """What the schema demands, in words. No second copy of a limit: all is read from it."""
    full = resolve(contract, {key: value for key, value in schema.items() if key != "description"})
    if "enum" in full:
        return "must be one of " + ", ".join(str(value) for value in full["enum"])
    if "anyOf" in full:
        return f"must be {full['description'][:1].lower()}{full['description'][1:].rstrip('.')}"
    article = "an" if types(full)[0][0] in "aeiou" else "a"
    text = f"must be {article} {' or '.join(types(full))}"
    for key, words in LIMITS.items():
        if key in full:
            text += words.format(full[key])
    return text


def annotation(contract: Schema, schema: Schema) -> str:
    """The Python type of the values that a caller may give for a schema."""
    # The plain types last: they are what the particular ones may also be written as.
    members = dict.fromkeys(union(contract, schema))
    return " | ".join(sorted(members, key=lambda member: member in SCALARS.values()))


def union(contract: Schema, schema: Schema) -> Iterator[str]:
    """The members of that type."""
    resolved = resolve(contract, schema)
    kinds = resolved.get("type", ())
    if "enum" in resolved:
        if "$ref" in schema:
            yield schema["$ref"].rsplit("/", 1)[1]
        yield f"Literal[{', '.join(json.dumps(value) for value in resolved['enum'])}]"
    elif branches := resolved.get("anyOf", resolved.get("oneOf")):
        for branch in branches:
            yield from union(contract, branch)
    elif kinds:
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            if kind not in SCALARS:
                fail(f"no Python type is known for {kind!r} in {json.dumps(resolved)}")
            if kind == "string" and resolved.get("format") in FORMATS:
                yield FORMATS[resolved["format"]]
            yield SCALARS[kind]
    else:
        fail(f"no Python type is known for the schema {json.dumps(resolved)}")


def swap(fresh: Path, place: Path, old: Path) -> None:
    """Put the new package in the place of the old one, or leave the old one there."""
    place.parent.mkdir(exist_ok=True)
    had_one = place.exists()
    if had_one:
        place.rename(old)
    try:
        fresh.rename(place)
    except BaseException:
        if had_one:
            old.rename(place)
        raise


def compare(fresh: Path) -> Iterator[str]:
    """Each drifted, missing and stray file below generated/, drift as a diff."""
    expected = {path.relative_to(fresh.parent): path for path in files(fresh)}
    present = {path.relative_to(GENERATED): path for path in files(GENERATED)}
    present.pop(Path(HANDWRITTEN), None)
    for name in sorted(expected.keys() | present.keys()):
        if name not in present:
            yield f"missing: generated/{name}\n"
        elif name not in expected:
            yield f"stray: generated/{name}\n"
        elif (ours := present[name].read_bytes()) != (theirs := expected[name].read_bytes()):
            yield f"drifted: generated/{name}\n"
            yield from difflib.unified_diff(
                lines(ours), lines(theirs), f"generated/{name} (there)", f"generated/{name} (from the contract)"
            )


def files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if (path.is_symlink() or not path.is_dir()) and "__pycache__" not in path.relative_to(folder).parts:
            yield path


def lines(content: bytes) -> list[str]:
    # A changed line ending has to show.
    text = content.decode("utf-8", "backslashreplace").replace("\r", "\\r")
    return [line + "\n" for line in text.split("\n")]


def fail(text: str) -> NoReturn:
    sys.exit(f"generate: {text}")


if __name__ == "__main__":
    main()
