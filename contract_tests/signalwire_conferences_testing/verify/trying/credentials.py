"""Credentials that a server has to refuse."""

from __future__ import annotations

import base64

from .api import basic
from .exchange import Credentials

__all__ = ["wrong_credentials"]


def wrong_credentials(project: str, token: str) -> list[Credentials]:
    """Everything that comes close to the right credentials and is not them; no two alike."""
    pairs = {
        "a made-up token": (project, "made-up-token"),
        "a made-up project": ("made-up-project", token),
        "both made up": ("made-up-project", "made-up-token"),
        "project and token swapped": (token, project),
        "an empty token": (project, ""),
        "an empty project": ("", token),
        "both empty": ("", ""),
        "the token without its last character": (project, token[:-1]),
        "the token without its first character": (project, token[1:]),
        "the token and one more character": (project, f"{token}x"),
        "the first character of the token": (project, token[:1]),
        "the project without its last character": (project[:-1], token),
        "the project and one more character": (f"{project}x", token),
        "the token in another case": (project, token.swapcase()),
        "the token in lower case": (project, token.lower()),
        "the token in upper case": (project, token.upper()),
        "the project in another case": (project.swapcase(), token),
        "the token twice": (project, f"{token}:{token}"),
        "the token with its last character changed": (
            project,
            token[:-1] + ("x" if token[-1:] != "x" else "y"),
        ),
        "the token and a space": (project, f"{token} "),
        "a space and the project": (f" {project}", token),
        "the token with its first character changed": (
            project,
            ("x" if token[:1] != "x" else "y") + token[1:],
        ),
        "the project as token": (project, project),
        "the token as project": (token, token),
        "an asterisk as token": (project, "*"),
    }
    found = [
        basic(f"{user}:{password}", f"Basic <{shown}>")
        for shown, (user, password) in pairs.items()
        if (user, password) != (project, token)
    ]
    encoded = base64.b64encode(f"{project}:{token}".encode()).decode()
    headers = {
        "Bearer <token>": f"Bearer {token}",
        "Bearer <the right pair>": f"Bearer {encoded}",
        "Digest <the right pair>": f"Digest {encoded}",
        "Basic": "Basic",
        "Basic <project:token, not encoded>": f"Basic {project}:{token}",
        "Basic <project without a colon>": "Basic " + base64.b64encode(project.encode()).decode(),
        "Basic !!!": "Basic !!!",
        "Basic <the right pair, cut>": f"Basic {encoded[: len(encoded) // 2]}",
        "<the right pair without a scheme>": encoded,
        "<token>": token,
        "Basicx <the right pair>": f"Basicx {encoded}",
        "NotBasic <the right pair>": f"NotBasic {encoded}",
        "Basic gA==": "Basic gA==",
    }
    found += [Credentials(header, shown) for shown, header in headers.items()]
    return [Credentials(None, ""), *_unlike(found)]


def _unlike(found: list[Credentials]) -> list[Credentials]:
    return list({one.header: one for one in found}.values())
