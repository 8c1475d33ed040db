"""A private authority, and TLS in front of a mock."""

import contextlib
import selectors
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from signalwire_conferences_testing.mock import MockServer

_EXTENSIONS = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
subjectAltName = IP:127.0.0.1, DNS:localhost, DNS:space.example
authorityKeyIdentifier = keyid
"""


class Authority:
    """An authority, and a certificate of it for this machine.

    Attributes:
        file: its certificate.
        folder: a folder that holds it as OpenSSL looks for it.
    """

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "authority.pem", folder / "authorities"
        self._key, self._certificate = folder / "server.key", folder / "server.pem"
        settings, authority_key, request = (folder / name for name in ("openssl.cnf", "authority.key", "request"))
        settings.write_text(_EXTENSIONS.format(name=folder.name), "ascii")
        new = ("req", "-config", settings, "-newkey", "rsa:2048", "-nodes")
        own = ("-x509", "-days", "2", "-extensions", "authority", "-keyout", authority_key, "-out", self.file)
        _openssl(*new, *own)
        _openssl(*new, "-keyout", self._key, "-out", request)
        signed = ("-CA", self.file, "-CAkey", authority_key, "-set_serial", "7", "-days", "2")
        extended = ("-extfile", settings, "-extensions", "server")
        _openssl("x509", "-req", "-in", request, *signed, *extended, "-out", self._certificate)
        self.folder.mkdir()
        name = _openssl("x509", "-hash", "-noout", "-in", self.file).strip()
        (self.folder / f"{name}.0").write_bytes(self.file.read_bytes())

    @contextlib.contextmanager
    def before(self, server: MockServer) -> Iterator[str]:
        """The URL at which the mock is reached through TLS."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate, self._key)
        inner = urlsplit(server.url)

        class Front(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with (
                    contextlib.suppress(OSError),
                    context.wrap_socket(self.request, server_side=True) as outer,
                    socket.create_connection((inner.hostname or "", inner.port or 0)) as behind,
                ):
                    _pump(outer, behind)

        with _served(Front) as address:
            yield f"https://{address}"


@contextlib.contextmanager
def proxy(target: str, heads: list[str]) -> Iterator[str]:
    """The address of a proxy that leads to one target, wherever it is asked to; keeps what it was asked."""
    host, _, port = target.rpartition(":")

    class Proxy(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as behind:
                heads.append(self.request.recv(2**16).decode())
                self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                _pump(self.request, behind)

    with _served(Proxy) as address:
        yield address


@contextlib.contextmanager
def _served(handler: type[socketserver.BaseRequestHandler]) -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                data = key.fileobj.recv(2**16)  # type: ignore[union-attr]  # a socket
                if not data:
                    return
                key.data.sendall(data)


def _openssl(*arguments: object) -> str:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
