"""The doctor's WebSocket handshake, against servers and proxies that go wrong in known ways."""

import base64
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gateway.cli.handshake import HandshakeError, shake_hands

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@contextmanager
def listening(talk: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server for one connection; `talk` gets the socket and the request's head."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            talk(connection, head)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def switched(head: bytes, *more: bytes) -> bytes:
    """A right answer to the handshake."""
    (key,) = [
        line.split(b": ")[1]
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    ]
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
        *more,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


OURS = b"Sec-WebSocket-Protocol: inapp.v1.json"


def answer_and_echo(connection: socket.socket, head: bytes) -> None:
    """What a gateway does: 101, then a pong for the ping, then the close back."""
    connection.sendall(switched(head, OURS))
    while frame := connection.recv(4096):
        opcode, length, mask = frame[0] & 15, frame[1] & 127, frame[2:6]
        payload = bytes(b ^ mask[at % 4] for at, b in enumerate(frame[6 : 6 + length]))
        reply = {9: 0x8A, 8: 0x88}[opcode]
        connection.sendall(bytes((reply, length)) + payload)
        if opcode == 8:
            return


def test_a_gateway_passes() -> None:
    """101, the subprotocol, a pong."""
    with listening(answer_and_echo) as url:
        shake_hands(url, "127.0.0.1")


def test_the_environments_proxy_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with HTTP."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with listening(answer_and_echo) as url:
        shake_hands(url, "127.0.0.1")


def test_a_connection_that_passes_nothing_on_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some proxies answer 101 and buffer everything after it."""
    monkeypatch.setattr("gateway.cli.handshake.TIMEOUT_SECONDS", 0.2)
    done = threading.Event()

    def answer_and_hold(connection: socket.socket, head: bytes) -> None:
        connection.sendall(switched(head, OURS))
        done.wait(5)

    with listening(answer_and_hold) as url:
        with pytest.raises(HandshakeError, match="no answer to a ping"):
            shake_hands(url, "127.0.0.1")
        done.set()


def test_another_websocket_server_is_not_taken_for_a_gateway() -> None:
    """It does not know our subprotocol."""
    with (
        listening(lambda connection, head: connection.sendall(switched(head))) as url,
        pytest.raises(HandshakeError, match="subprotocol"),
    ):
        shake_hands(url, "127.0.0.1")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", "HTTP 426 instead of 101"),
        (b"", "the handshake failed"),
        (b"nonsense\r\n\r\n", "the handshake failed"),
    ],
)
def test_an_answer_that_is_no_upgrade_is_told_as_it_was(answer: bytes, told: str) -> None:
    """The status says which proxy to look at."""
    with (
        listening(lambda connection, _: connection.sendall(answer)) as url,
        pytest.raises(HandshakeError, match=told),
    ):
        shake_hands(url, "127.0.0.1")


def test_nobody_there_is_told_too() -> None:
    """A port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(HandshakeError, match="no answer"):
            shake_hands(f"http://127.0.0.1:{held.getsockname()[1]}", "127.0.0.1")
