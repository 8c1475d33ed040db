"""Promises on headers and content types: they hold for every answer."""

from ..trying.claims import Claim, field, header
from ..trying.exchange import Exchange
from .promise import Seen, watch
from .schema import documented


@watch("headers/json", "An answer with a body is application/json.")
def _json(exchange: Exchange) -> Seen:
    known = exchange.operation_id is not None and str(exchange.status) in documented(exchange.operation_id)
    if not known or exchange.status in (204, 429) or exchange.status >= 500:
        return None
    part, said = header(exchange, "content-type"), exchange.answer_headers.get("content-type", "")
    media, _, parameters = said.partition(";")
    if media.strip().lower() != "application/json":
        return f"the content type of a {exchange.status} is {said!r}", Claim(part, "mentions", "application/json")
    charset = parameters.lower().partition("charset=")[2].split(";")[0].strip(' "')
    wrong = f"the content type is {said!r}, and JSON is UTF-8"
    return "" if charset in ("", "utf-8", "utf8") else (wrong, Claim(part, "is not", said))


@watch("headers/challenge", "A 401 has a WWW-Authenticate that names Basic.")
def _challenge(exchange: Exchange) -> Seen:
    if exchange.operation_id is None or exchange.status != 401:
        return None
    claim = Claim(header(exchange, "www-authenticate"), "mentions", "basic")
    said = claim.part.value
    wrong = f"WWW-Authenticate is {said!r} and does not name Basic" if said else "a 401 without WWW-Authenticate"
    return "" if claim.is_so else (wrong, claim)


@watch("headers/no-content", "A 204 has no body.")
def _no_content(exchange: Exchange) -> Seen:
    if exchange.status != 204:
        return None
    if exchange.answer:
        return "a 204 with a body", Claim(field(exchange), "is", "")
    length = exchange.answer_headers.get("content-length", "0")
    claim = Claim(header(exchange, "content-length"), "is not", length)
    return "" if length == "0" else ("a 204 that announces a body", claim)
