"""The file of conferences: what it holds, that a round trip changes nothing, and that it is read as it is meant."""

import gc
import json
import tracemalloc
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from mock_support import WHOLE, bodies
from signalwire_conferences import InvalidChangeError, contract, states
from signalwire_conferences.values import SURROGATE

HEAD = "conferences:\n- id: a\n"
NASTY = [
    "no",
    "null",
    "~",
    "",
    " ",
    "1:30",
    "1e3",
    "0x10",
    "2030-01-01",
    "#112233",
    "a: b",
    "- a",
    "*a",
    "&a",
    "!a",
    "%",
]
NASTY += ["\0", "\x1b[31m", "\u202e", "\ufeff", "\x85", "\u2028", "\u3000", "\ud7ff\ue000", "\U0001f600", "\t", "\r\n"]
NASTY += [
    "a\nb",
    "a\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n\n\nb\n",
    "a\tb\nc",
    "---\na",
    "a\n---\n",
    "# a\n# b",
    "'\"\\",
]
NASTY += ["{a", "[a", "@a", "`a", "|", ">", "?", ":", "<<", "=", "true", "é\u0301", "x" * 3000, "a\n" * 1500]


def file_of(*conferences: dict[str, Any]) -> str:
    return "\n".join(states.as_yaml(states.in_order(conferences), "x.example")) + "\n"


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidChangeError) as caught:
        states.read_states(text)
    return [str(each) for each in caught.value.problems]


def same(*conferences: dict[str, Any]) -> None:
    """Both forms of the file say what is there, and YAML 1.1 reads the one of them as we do."""
    text = file_of(*conferences)
    as_json = json.dumps(states.as_document(states.in_order(conferences), "x.example"))
    for written in (text, as_json):
        for state, conference in zip(states.read_states(written), states.in_order(conferences), strict=True):
            assert (state.id, state.name) == (conference["id"], conference["name"])
            assert state.changes(conference) == {}
    assert yaml.safe_load(text)["conferences"] == json.loads(as_json)["conferences"]
    text.encode()


@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_text_survives(text: str) -> None:
    same({**WHOLE, "display_name": text, "description": text})


@example("\\\U00010000", "")  # an escaped backslash before a character that JSON writes as two halves
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text("ab \n\t#:-'\"\\|>\r\0é", max_size=20))
def test_every_text_survives(one: str, other: str) -> None:
    same({**WHOLE, "display_name": one, "description": other})


@given(bodies())
def test_every_conference_survives(body: dict[str, tuple[Any, Any]]) -> None:
    same({**WHOLE, **{name: after for name, (_, after) in body.items()}})


def test_every_writable_field_is_in_the_file_in_the_order_of_the_contract() -> None:
    (entry,) = yaml.safe_load(file_of(WHOLE))["conferences"]
    assert list(entry) == ["id", "name", *contract.fields(contract.UPDATE)]


def test_what_no_file_can_hold_keeps_its_value() -> None:
    conference = {**WHOLE, "description": "\ud800", "layout": {"new": 1}}
    assert SURROGATE.search(conference["description"])
    (state,) = states.read_states(file_of(conference))
    assert not {"description", "layout"} & state.fields.keys()
    assert state.changes(conference) == {}


def test_the_order_is_by_name_and_stays() -> None:
    some = [{**WHOLE, "id": str(number), "name": name} for number, name in enumerate("cab")]
    assert file_of(*some) == file_of(*reversed(some))
    assert [each.name for each in states.read_states(file_of(*some))] == ["a", "b", "c"]


def test_no_conferences_are_a_file_too() -> None:
    assert states.read_states(file_of()) == ()


def test_plain_values_are_those_of_yaml_1_2() -> None:
    text = HEAD + "  display_name: no\n  description: 1:30\n  join_from: 2030-01-01\n  enable_chat: true\n  size: ~\n"
    (state,) = states.read_states(text)
    assert state.fields == {
        "display_name": "no",
        "description": "1:30",
        "join_from": "2030-01-01",
        "enable_chat": True,
        "size": None,
    }


def test_an_unquoted_colour_clears_nothing() -> None:
    assert problems(HEAD + "  dark_primary: #112233\n") == [
        "line 3: dark_primary: is empty; write null to clear it, and a colour or text in quotes"
    ]


def test_an_alias_stands_for_its_value() -> None:
    text = HEAD + "  dark_primary: &brand '#112233'\n  light_primary: *brand\n"
    assert states.read_states(text)[0].fields == {"dark_primary": "#112233", "light_primary": "#112233"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file: is empty"),
        ("[", "is not YAML"),
        ("\0", "is not YAML"),
        ("[" * 100_000, "is not YAML"),
        ("a: " + "{a: " * 50_000, "is not YAML"),
        ("conferences: []\n---\nconferences: []", "another document"),
        ("- a", "the file: must be a mapping"),
        ("conferences: a", "line 1: conferences: must be a list"),
        ("conference: []", "did you mean conferences?"),
        ("conferences:\n- a", "line 2: the conference: must be a mapping"),
        ("conferences:\n- display_name: a", "line 2: id: is missing"),
        ("conferences:\n- id: 7", "line 2: id=7: must be a text"),
        (HEAD + "  layuot: 5up", "line 3: layuot: is not a field; did you mean layout?"),
        (HEAD + "  size: small\n  size: large", "line 4: size: is there twice"),
        (
            HEAD + '  description: "a\n  size: small\n',
            "line 5: the file: is not YAML: found unexpected end of stream; what",
        ),
        (HEAD + '  description: "a\n  size: small\n', "begins at line 3"),
        (HEAD + "  size: [small]", "line 3: size: must be a text"),
        (HEAD + "  size: !!binary small", "line 3: size: must be a text"),
        (HEAD + "- id: a", "line 3: id='a': is that of the conference at line 2 too"),
        ("conferences:\n- name: a\n- name: a", "line 3: name='a': is that of the conference at line 2 too"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(text: str, expected: str) -> None:
    told = problems(text)
    assert any(expected in each for each in told), told


def test_all_problems_of_a_file_are_told_at_once() -> None:
    assert len(problems(HEAD + "  layuot: 5up\n  dark_primary: #112233\n- {}\n- name: 3\nspcae: x\n")) == 6


def test_wrong_values_are_told_with_whatever_else_is_wrong() -> None:
    text = HEAD + "  layuot: 5up\n  size: big\n  layout: 5up\n- id: b\n  dark_primary: red\n"
    lines = [each.partition(":")[0] for each in problems(text)]
    assert lines == ["line 3", "line 4", "line 7"]
    assert "must be one of small, medium, large, unless the conference has this value now" in problems(text)[1]
    assert states.read_states(text.replace("layuot", "quality").replace("5up\n  size", "720p\n  size"))


def test_a_number_without_end_is_a_wrong_value_and_no_more() -> None:
    (state,) = states.read_states(HEAD + f"  display_name: {'9' * 5000}\n  description: .nan\n")
    assert state.fields == {"display_name": float("inf"), "description": ".nan"}
    assert len(state.wrong(state.fields)) == 1


@pytest.mark.parametrize("text", ["\ufeff" + HEAD, HEAD.replace("\n", "\r\n"), f"---\n{HEAD}...\n", f"# a\n{HEAD}# b"])
def test_marks_and_line_breaks_of_other_systems_are_read(text: str) -> None:
    assert [state.id for state in states.read_states(text + "  size: small\r\n" * text.startswith("c"))] == ["a"]


def test_aliases_of_aliases_cost_nothing() -> None:
    bomb = "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'])}]\n" for n in range(30))
    assert len(problems(HEAD + bomb)) == 30
    assert problems(HEAD + "  size: *nobody\n") == ["line 3: the file: is not YAML: nothing is named &nobody"]


def test_a_file_takes_little_more_memory_than_its_texts() -> None:
    def taken(count: int) -> int:
        text = file_of(*({**WHOLE, "id": f"id-{number}", "name": f"name-{number}"} for number in range(count)))
        tracemalloc.start()
        found = states.drift(states.read_states(text), iter([]))
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(found.missing) == count
        return size

    assert (taken(300) - taken(100)) / 200 < 2000  # bytes each; 20,000 before


# --- the schema ---------------------------------------------------------------------------------------


def accepts(*conferences: Any) -> bool:
    validator = jsonschema_rs.Draft7Validator(json.loads(states.schema()), validate_formats=True)
    return bool(validator.is_valid({"conferences": list(conferences)}))


@given(bodies())
def test_the_schema_takes_what_an_export_writes(body: dict[str, tuple[Any, Any]]) -> None:
    conference = {**WHOLE, **{name: after for name, (_, after) in body.items()}}
    assert accepts(yaml.safe_load(file_of(conference))["conferences"][0])
    assert accepts({"id": "a", **dict.fromkeys(contract.fields(contract.UPDATE), None), "display_name": "x"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None, "display_name": None},
        {"layout": "5upp"},
        {"dark_primary": "red"},
        {"layuot": "5up"},
        {"enable_chat": "yes"},
        {"join_from": "tomorrow"},
        {"description": "x" * 3001},
    ],
)
def test_the_schema_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    assert accepts({"id": "a"})
    assert not accepts({"id": "a", **wrong})
    assert not accepts({"display_name": "x"})
