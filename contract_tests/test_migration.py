"""What the guide for users of the vendor's SDK says is true; its code is run by test_pages.py."""

import contextlib
from typing import Any

import pytest

from signalwire_conferences import ConferencesError, RestClient, SignalWireRestError, TransportError


@pytest.mark.parametrize("path", ["fabric", "video.rooms", "video.conferences.list_streams", "calling"])
def test_what_the_vendors_client_has_besides_says_at_the_attribute_that_it_is_not_here(path: str) -> None:
    with RestClient("project", "token", "127.0.0.1:1") as client:
        where: Any = client
        *parents, name = path.split(".")
        for parent in parents:
            where = getattr(where, parent)
        with pytest.raises(AttributeError, match=f"{name}.*Use the vendor's SDK beside it"):
            getattr(where, name)
        assert not hasattr(where, name)


def test_whoever_catches_the_vendors_error_catches_every_error_and_finds_a_status() -> None:
    with RestClient("project", "token", "127.0.0.1:1", retries=0) as client:
        with pytest.raises(SignalWireRestError) as caught:
            client.video.conferences.get("x")
        assert isinstance(caught.value, TransportError)
        assert (caught.value.status_code, caught.value.body, caught.value.request_id) == (None, None, None)
    with contextlib.suppress(SignalWireRestError):
        raise ConferencesError("one")
