"""The complete schemas of the contract, for checks of a server; the client only needs its fields."""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, cast

import jsonschema_rs

from signalwire_conferences.contract import CONFERENCE, Json


@functools.cache
def document() -> Json:
    """The whole contract, decoded. Shared: do not change it."""
    packaged = resources.files("signalwire_conferences_api") / "contract.json"
    return cast(Json, json.loads(packaged.read_text("utf-8")))


def answer_fields() -> Mapping[str, Json]:
    """The properties of a conference in an answer, name -> schema."""
    return cast(Mapping[str, Json], document()["components"]["schemas"][CONFERENCE]["properties"])


def resolve(schema: Json) -> dict[str, Any]:
    """A schema with its `$ref` replaced by what it names; keywords beside the `$ref` win."""
    if "$ref" not in schema:
        return dict(schema)
    target: Any = document()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**resolve(target), **{k: v for k, v in schema.items() if k != "$ref"}}


def validator(schema: Json) -> Any:
    """A compiled validator, formats checked, for a schema that may refer into the contract."""
    return jsonschema_rs.Draft202012Validator({**schema, "components": document()["components"]}, validate_formats=True)
