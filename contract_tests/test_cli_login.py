"""`login`: credentials in the keyring, and how a command finds them."""

import sys
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError

from command_line import CommandLine
from signalwire_conferences.settings import VARIABLES
from signalwire_conferences_testing.mock import MockServer


class Kept(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring has no types there
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")


class Locked(Kept):
    """A keyring that nobody can open; some raise errors of their own."""

    def __init__(self, kind: type[Exception]) -> None:
        super().__init__()
        self.kind = kind

    def get_password(self, *_: str) -> str | None:
        raise self.kind("it is locked")

    def set_password(self, *_: str) -> None:
        raise self.kind("it is locked")


@pytest.fixture(autouse=True)
def kept() -> Iterator[Kept]:
    before = keyring.get_keyring()
    keyring.set_keyring(made := Kept())
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def login(mock: MockServer) -> list[str]:
    return ["login", "--space", mock.host, "--project", mock.project]


def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)


def test_after_login_no_variable_is_needed(
    command: CommandLine, mock: MockServer, login: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_credentials(monkeypatch)
    assert "SIGNALWIRE_API_TOKEN" in command("list", expect=2).err
    done = command(*login, input=f"{mock.token}\n")
    assert mock.token not in done.out + done.err
    command("list")
    monkeypatch.setenv("SIGNALWIRE_SPACE", mock.host)
    command("export")
    command(*login[:3], "--remove")
    command("list", expect=2)


def test_the_environment_comes_before_the_keyring(
    command: CommandLine, mock: MockServer, login: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(*login, input=mock.token)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "another-token")
    assert "401" in command("list", expect=3).err


def test_a_token_of_the_keyring_goes_to_its_own_space_and_project_alone(
    command: CommandLine, mock: MockServer, login: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(*login, input=mock.token)
    monkeypatch.delenv("SIGNALWIRE_API_TOKEN")
    monkeypatch.setenv("SIGNALWIRE_SPACE", "127.0.0.1:1")
    command("list", expect=2)
    monkeypatch.setenv("SIGNALWIRE_SPACE", mock.host)
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "another")
    command("list", expect=2)


def test_credentials_that_are_wrong_are_not_kept(command: CommandLine, kept: Kept, login: list[str]) -> None:
    done = command(*login, input="a-wrong-token", expect=3)
    assert "a-wrong-token" not in done.out + done.err
    assert kept.kept == {}


def test_no_token_is_an_argument(command: CommandLine) -> None:
    assert "token" not in " ".join(word for word in command("login", "--help").out.split() if word.startswith("--"))


def test_at_a_terminal_the_token_is_not_shown(command: CommandLine, mock: MockServer, login: list[str]) -> None:
    done = command.at_terminal(*login, typed=f"{mock.token}\n", wait_for="API token (not shown): ")
    assert mock.token not in done.out


@pytest.mark.parametrize("given", ["", "\n", "  \n"])
def test_a_missing_token_is_asked_for(command: CommandLine, login: list[str], given: str) -> None:
    assert "API token is missing" in command(*login, input=given, expect=2).err


@pytest.mark.parametrize("kind", [KeyringError, OSError, AttributeError])
def test_a_keyring_that_is_locked_stops_nobody_who_has_variables(
    command: CommandLine, mock: MockServer, login: list[str], monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    keyring.set_keyring(Locked(kind))
    command("list")
    assert "SIGNALWIRE_API_TOKEN" in command(*login, input=mock.token, expect=2).err
    monkeypatch.delenv("SIGNALWIRE_API_TOKEN")
    command("list", expect=2)


@pytest.mark.parametrize("text", ["5", "[", "[1]", "null"])
def test_a_damaged_entry_of_the_keyring_is_none(
    command: CommandLine, mock: MockServer, kept: Kept, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("SIGNALWIRE_API_TOKEN")
    kept.kept["signalwire-conferences", mock.host] = text
    assert "token is missing" in command("list", expect=2).err


def test_without_the_extra_it_is_named(command: CommandLine, login: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "signalwire-conferences[keyring]" in command(*login, input="token", expect=2).err
    command("list")
