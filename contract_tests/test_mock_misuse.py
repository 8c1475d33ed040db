"""Mistakes in how the mock is used are told at once, by name, with what to do instead."""

import copy
import json
import pickle
import uuid
from typing import Any

import pytest

from mock_support import ID, WHOLE, Api
from signalwire_conferences_testing.mock import ConferencesMock, Fault, MockServer, Rule, Store
from signalwire_conferences_testing.mock.misuse import Misuse


@pytest.fixture
def store() -> Store:
    return Store([{**WHOLE, "meta": {"tags": ["a"]}}])


# --- faults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["drop_after", "status", "field_lost"])
def test_a_kind_of_fault_without_its_parentheses_is_refused_and_named(name: str) -> None:
    mock = ConferencesMock()
    with pytest.raises(TypeError, match=rf"call it, Fault\.{name}\(\.\.\.\)"):
        mock.faults.add(getattr(Fault, name), "PUT")
    assert mock.faults.rules == []


@pytest.mark.parametrize("wrong", ["drop-after", None, {"fault": "drop-after"}, Fault])
def test_what_is_no_fault_is_refused_with_those_that_there_are(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"is not a fault; there are .*Fault\.drop_after\(\)"):
        Rule(wrong)


@pytest.mark.parametrize("method", ["PUTT", "", ["PUT"], 7])
def test_a_method_that_no_request_has_is_refused(method: Any) -> None:
    with pytest.raises(ValueError, match="is not one of GET, HEAD, POST, PUT"):
        Rule(Fault.drop_after(), method)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tmies": 3}, "'tmies' is not an option of a fault; did you mean times?"),
        (
            {"condition": 3},
            "'condition' is not an option of a fault; there are method, conference_id, at, times, where",
        ),
    ],
)
@pytest.mark.parametrize("given", [Fault.drop_after(), {"fault": "drop-after"}])
def test_an_unknown_option_of_a_fault_is_refused_with_the_one_that_was_meant(
    options: dict[str, Any], said: str, given: Any
) -> None:
    mock = ConferencesMock()
    with pytest.raises(TypeError) as caught:
        mock.faults.add(given, "PUT", **options)
    assert str(caught.value) == said
    assert mock.faults.rules == []


def test_an_unknown_argument_of_a_kind_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(TypeError, match="status: got an unexpected keyword argument 'retry_fter'; did you mean retry_"):
        Fault.status(503, retry_fter=1)  # type: ignore[call-arg]  # wrong on purpose


def test_a_fault_may_be_added_as_an_object_of_json() -> None:
    mock = ConferencesMock()
    rule = mock.faults.add({"fault": "status", "code": 503, "times": 2}, "put", where=bool)
    assert (str(rule), mock.faults.rules) == ("PUT 1x2 status 503", [rule])
    assert rule.where is not None
    assert str(Rule.from_json({"fault": "status", "code": 503, "method": None, "times": None})) == "* 1x* status 503"


def test_times_and_at_are_refused_each_for_its_own_reason() -> None:
    with pytest.raises(
        ValueError, match=r"at cannot be 0: requests are counted from 1\n.*times cannot be 0: a fault aff"
    ):
        Rule(Fault.drop_after(), at=0, times=0)


def test_a_condition_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="where cannot be 'PUT'"):
        Rule(Fault.drop_after(), where="PUT")  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("given", [ID.upper(), uuid.UUID(ID)])
def test_a_fault_is_for_a_conference_however_its_id_is_written(given: Any) -> None:
    api = Api()
    rule = api.faults.add(Fault.status(404), conference_id=given)
    assert api.get(ID.upper()).status == 404
    assert rule.fired == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault.field_lost("layuot"),
        lambda: Fault.field_told("displayname", "x"),
        lambda: Fault.foreign_write({"display-name": "x"}),
    ],
)
def test_a_fault_of_a_field_that_looks_like_a_slip_of_the_pen_is_refused(make: Any) -> None:
    with pytest.raises(Misuse, match=r"did you mean '(layout|display_name)'"):
        make()


def test_faults_know_which_of_them_no_request_met() -> None:
    api = Api()
    used = api.faults.add(Fault.status(404), times=3)
    unused = api.faults.add(Fault.drop_after(), "PATCH")
    assert api.get().status == 404
    assert api.faults.unused == [unused]
    assert api.faults.pending == [used, unused]


# --- conferences to start with ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layuot": "5up"}, "layuot='5up': there is no such field; did you mean 'layout'?"),
        ({"displayName": "x"}, "displayName='x': there is no such field; did you mean 'display_name'?"),
        ({"size": "huge"}, "size='huge': must be one of small, medium, large"),
        ({"quality": "4k"}, "quality='4k': must be one of 720p, 1080p"),
        ({"light_primary": "red"}, "light_primary='red': must be a string that matches ^#"),
        ({"display_name": "x" * 300}, "must be a string of at most 200 characters"),
        ({"name": "two words"}, "name='two words': must be a string of at most 100 characters that matches ^"),
        ({"join_from": "tomorrow"}, "join_from='tomorrow': must be an RFC 3339 date-time"),
        ({"join_from": "2022-01-01"}, """join_from='2022-01-01': "2022-01-01" is not a "date-time\""""),
        ({"join_from": 7}, "join_from=7: must be an RFC 3339 date-time"),
        ({"enable_chat": None}, 'enable_chat=None: null is not of type "boolean"'),
    ],
)
def test_a_seed_with_a_slip_or_a_value_that_no_conference_can_have_is_refused(wrong: dict[str, Any], said: str) -> None:
    for make in (Store, MockServer, ConferencesMock):
        with pytest.raises(ValueError, match="cannot be preloaded") as caught:
            make([wrong])
        assert str(caught.value).splitlines()[1].startswith("  - conference 0: ")
        assert said in str(caught.value)
    mock = ConferencesMock([WHOLE])
    with pytest.raises(Misuse):
        mock.seed([wrong])
    assert list(mock.store) == [ID]


def test_a_server_newer_than_the_contract_is_said_to_be_one() -> None:
    newer = {
        "id": "x",
        "size": "huge",
        "layuot": 1,
        "captions": True,
        "light_primary": "red",
        "description": "x" * 9999,
    }
    store = Store([newer], allow_unknown=True)
    store.patch("x", {"sizes": [1]})
    assert store["x"] == {**store["x"], **newer, "sizes": [1]}
    assert Store([{"id": "x", "captions": True, "size": None}])["x"]["captions"] is True


@pytest.mark.parametrize("wrong", [{"id": "x"}, "x", b"x", 7])
def test_a_single_conference_is_not_taken_for_a_list(wrong: Any) -> None:
    with pytest.raises(TypeError, match="a list of dicts"):
        MockServer(wrong)


# --- the store --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.update(size="small"),
        lambda c: c.__setitem__("size", "small"),
        lambda c: c.__delitem__("size"),
        lambda c: c.__ior__({"size": "small"}),
        lambda c: c.pop("size"),
        lambda c: c.popitem(),
        lambda c: c.clear(),
        lambda c: c.setdefault("size", "small"),
        lambda c: c["meta"].update(a=1),
        lambda c: c["meta"]["tags"].append("b"),
        lambda c: c["meta"]["tags"].__setitem__(0, "b"),
        lambda c: c["meta"]["tags"].__iadd__(["b"]),
        lambda c: c["meta"]["tags"].sort(),
    ],
)
def test_what_is_written_to_a_copy_is_refused_and_the_way_named(store: Store, write: Any) -> None:
    before = store[ID].copy()
    with pytest.raises(TypeError, match=r"store\.patch\(id, \{\.\.\.\}\)"):
        write(store[ID])
    assert store[ID] == before


def test_a_copy_reads_as_any_dict(store: Store) -> None:
    found = store[ID]
    assert json.loads(json.dumps(found)) == found == {**found} == found | {}
    for own in (found.copy(), copy.deepcopy(found), pickle.loads(pickle.dumps(found)), dict(found)):
        assert type(own) is dict
        assert own == found
    own = copy.deepcopy(found)
    own["meta"]["tags"].append("b")
    assert found["meta"]["tags"] == pickle.loads(pickle.dumps(found["meta"]["tags"])) == ["a"]


def test_a_conference_is_not_assigned_nor_deleted_as_an_item(store: Store) -> None:
    with pytest.raises(TypeError, match=r"store\.add"):
        store["x"] = {"size": "small"}
    with pytest.raises(TypeError, match=r"store\.delete"):
        del store[ID]
    assert list(store) == [ID]


def test_ids_may_be_uuids(store: Store) -> None:
    key = uuid.UUID(ID)
    assert key in store
    store.patch(key, {"size": "small"})
    assert store[key]["size"] == "small"
    store.delete(key)
    assert key not in store


def test_an_id_of_another_type_is_refused_and_an_unknown_one_told_with_those_that_there_are(store: Store) -> None:
    for look in (lambda: 7 in store, lambda: store[7], lambda: store.patch(None, {})):  # type: ignore[index, arg-type]  # wrong on purpose
        with pytest.raises(TypeError, match="an id must be a string or a UUID"):
            look()
    for act in (lambda: store["x"], lambda: store.patch("x", {}), lambda: store.delete("x")):
        with pytest.raises(KeyError, match=f"no conference 'x'; there are: '{ID}'"):
            act()


def test_a_patch_with_a_slip_is_refused(store: Store) -> None:
    with pytest.raises(Misuse, match="there is no field 'dispaly_name'; did you mean 'display_name'"):
        store.patch(ID, {"size": "small", "dispaly_name": "x"})
    assert store[ID]["size"] == "large"
    store.patch(ID, {"captions": True})
    assert store[ID]["captions"] is True


def test_another_writer_may_be_newer_than_the_contract(store: Store) -> None:
    store.patch(ID, {"size": "huge"})
    assert store[ID]["size"] == "huge"
    api = Api()
    api.faults.add(Fault.foreign_write({"layout": "of next year"}, when="after"), "GET")
    assert api.get().status == 200
    assert api.store[ID]["layout"] == "of next year"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Fault.latency(-1), "seconds cannot be -1"),
        (lambda: Fault.late_apply(float("nan")), "seconds cannot be nan"),
        (lambda: Fault.status(503, retry_after=-1), "retry_after cannot be -1"),
        (lambda: Fault.lands_later(requests=-1), "requests cannot be -1"),
        (lambda: Fault.times_kept(-1), "digits cannot be -1"),
    ],
)
def test_a_fault_with_an_impossible_number_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


# --- the server -------------------------------------------------------------------------------------


def test_a_second_start_is_refused() -> None:
    with MockServer() as server:
        with pytest.raises(RuntimeError, match=f"started already: {server.url}"):
            server.start()
        with pytest.raises(RuntimeError, match="started already"), server:
            pass
    server.start()
    server.stop()


def test_a_server_that_was_not_started_has_no_address_yet() -> None:
    server = MockServer()
    for name in ("host", "url", "credentials", "environment"):
        with pytest.raises(RuntimeError, match="context manager"):
            getattr(server, name)
    assert repr(server) == "<MockServer not started, 1 conferences>"
