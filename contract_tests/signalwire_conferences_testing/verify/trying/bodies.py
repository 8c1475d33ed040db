"""Bodies that no client sends by intention."""

__all__ = ["NO_JSON_BODIES", "NO_OBJECTS", "ODD_BODIES", "marked"]

NO_JSON_BODIES = (
    *(b"{", b'{"display_name": "x"', b'{"display_name": "x",}', b"{'display_name': 'x'}"),
    *(b'{display_name: "x"}', b'{"display_name": "x"} x', b'{"display_name": "x"}{"display_name": "y"}'),
    *(b'{"display_name": undefined}', b'"display_name": "x"', b"display_name=x", b"<conference/>"),
    *(b"not json", b'{"display_name": "x" /* a comment */}', b'{"display_name": "x"} // a comment'),
    *(b'{"display_name": "x two\nlines"}', b'{"display_name": "x", "enable_chat": True}'),
)
NO_OBJECTS = (
    *(b"[]", b'[{"display_name": "x"}]', b'"x"', b"1", b"0", b"true", b"false", b"null"),
    *(b'["display_name", "x"]', b'"{\\"display_name\\": \\"x\\"}"'),
)


def _beside(*members: str) -> list[bytes]:
    return [f'{{"display_name": "x", {one}}}'.encode() for one in members]


ODD_BODIES = (
    *(b"\xff\xfe{}", b'{"display_name": "x\xff"}', b'{"display_name": "x\\ud800"}'),
    *(b'{"display_name": "x\\udc00\\ud800"}', b'{"\\ud800": 1, "display_name": "x"}'),
    *(b'{"display_name": NaN}', b'{"display_name": 1e400}', b'{"display_name": ' + b"9" * 5000 + b"}"),
    *(b'{"display_name": ' + b"[" * 2000 + b"]" * 2000 + b"}", b"[" * 5000 + b"]" * 5000),
    *(b'{"display_name": {"a": ' * 500 + b"1" + b"}}" * 500, b"\xef\xbb\xbf" + b'{"display_name": "x"}'),
    b'{"display_name": [1], "name": {"a": 1}, "enable_chat": [], "size": false}',
    *('{"display_name": "x"}'.encode("utf-16"), '{"display_name": "x"}'.encode("utf-32-le"), b"\x00", b'"', b"-"),
    *_beside(
        '"display_name": 1', f'"description": "{"x" * 100_000}"', '"layout": ["grid-responsive"]', '"quality": {}'
    ),
    *_beside('"dark_primary": []', '"join_from": 1e30', '"join_from": -9223372036854775809'),
    *_beside('"join_from": "0000-01-01T00:00:00+23:59"', '"join_until": "9999-12-31T23:59:59-23:59"'),
    *_beside('"join_until": "2022-01-01T12:00:60Z"'),
)


def marked(body: bytes, display_name: str) -> bytes:
    """A body in which each text that begins with x begins with this: what is created all the same is recognised."""
    for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
        body = body.replace('"x'.encode(encoding), f'"{display_name}'.encode(encoding))
    return body
