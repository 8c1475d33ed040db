"""Credentials that a server has to refuse, and how a shell makes them from the two variables."""

import base64

from .exchange import Credentials

_P, _T = "SIGNALWIRE_PROJECT_ID", "SIGNALWIRE_API_TOKEN"
_PAIR = f'"${_P}:${_T}"'
_IN_BASE64 = f"""$(jq -rn --arg pair {_PAIR} '$pair | @base64')"""


def basic(pair: str, shown: str, curl: str = f"-u {_PAIR}", *, right: bool = False) -> Credentials:
    return Credentials("Basic " + base64.b64encode(pair.encode()).decode(), shown, curl, right)


def wrong_credentials(project: str, token: str) -> list[Credentials]:
    """Everything that comes close to the right credentials and is not them; no two alike."""
    p, t = f"${{{_P}}}", f"${{{_T}}}"
    last, first = ("y" if token[-1:] == "x" else "x"), ("y" if token[:1] == "x" else "x")
    pairs = (
        ("a made-up token", project, "made-up-token", p, "made-up-token"),
        ("a made-up project", "made-up-project", token, "made-up-project", t),
        ("both made up", "made-up-project", "made-up-token", "made-up-project", "made-up-token"),
        ("project and token swapped", token, project, t, p),
        ("an empty token", project, "", p, ""),
        ("an empty project", "", token, "", t),
        ("both empty", "", "", "", ""),
        ("the token without its last character", project, token[:-1], p, f"${{{_T}%?}}"),
        ("the token without its first character", project, token[1:], p, f"${{{_T}#?}}"),
        ("the token and one more character", project, f"{token}x", p, f"{t}x"),
        ("the first character of the token", project, token[:1], p, f"${{{_T}:0:1}}"),
        ("the project without its last character", project[:-1], token, f"${{{_P}%?}}", t),
        ("the project and one more character", f"{project}x", token, f"{p}x", t),
        ("the token in another case", project, token.swapcase(), p, f"${{{_T}~~}}"),
        ("the token in lower case", project, token.lower(), p, f"${{{_T},,}}"),
        ("the token in upper case", project, token.upper(), p, f"${{{_T}^^}}"),
        ("the project in another case", project.swapcase(), token, f"${{{_P}~~}}", t),
        ("the token twice", project, f"{token}:{token}", p, f"{t}:{t}"),
        ("the token with its last character changed", project, token[:-1] + last, p, f"${{{_T}%?}}{last}"),
        ("the token and a space", project, f"{token} ", p, f"{t} "),
        ("a space and the project", f" {project}", token, f" {p}", t),
        ("the token with its first character changed", project, first + token[1:], p, f"{first}${{{_T}#?}}"),
        ("the project as token", project, project, p, p),
        ("the token as project", token, token, t, t),
        ("an asterisk as token", project, "*", p, "*"),
    )
    found = [
        basic(f"{user}:{password}", f"Basic <{shown}>", f'-u "{shell_user}:{shell_password}"')
        for shown, user, password, shell_user, shell_password in pairs
        if (user, password) != (project, token)
    ]
    encoded = base64.b64encode(f"{project}:{token}".encode()).decode()
    half = f"$(jq -rn --arg pair {_PAIR} '$pair | @base64 | .[:{len(encoded) // 2}]')"
    headers = (
        ("Bearer <token>", f"Bearer {token}", f"Bearer {t}"),
        ("Bearer <the right pair>", f"Bearer {encoded}", f"Bearer {_IN_BASE64}"),
        ("Digest <the right pair>", f"Digest {encoded}", f"Digest {_IN_BASE64}"),
        ("Basic", "Basic", "Basic"),
        ("Basic <project:token, not encoded>", f"Basic {project}:{token}", f"Basic {p}:{t}"),
        (
            "Basic <project without a colon>",
            "Basic " + base64.b64encode(project.encode()).decode(),
            f"""Basic $(jq -rn --arg pair "{p}" '$pair | @base64')""",
        ),
        ("Basic !!!", "Basic !!!", "Basic !!!"),
        ("Basic <the right pair, cut>", f"Basic {encoded[: len(encoded) // 2]}", f"Basic {half}"),
        ("<the right pair without a scheme>", encoded, _IN_BASE64),
        ("<token>", token, t),
        ("Basicx <the right pair>", f"Basicx {encoded}", f"Basicx {_IN_BASE64}"),
        ("NotBasic <the right pair>", f"NotBasic {encoded}", f"NotBasic {_IN_BASE64}"),
        ("Basic gA==", "Basic gA==", "Basic gA=="),
    )
    found += [Credentials(header, shown, _header(shell)) for shown, header, shell in headers]
    return [Credentials(None, ""), *{one.header: one for one in found}.values()]


def _header(shell: str) -> str:
    # An exclamation mark between double quotes means something to a shell that people type into.
    quote = '"' if "$" in shell else "'"
    return f"-H {quote}Authorization: {shell}{quote}"
