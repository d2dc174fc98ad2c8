"""What a connection leaves in memory: as little as possible while it lives, nothing after."""

import gc
import ssl
import weakref
from pathlib import Path
from typing import Any

import pytest

from gateway.transport.http_guard import HttpGuard
from gateway.transport.websocket import WebSocketConnection
from tests.gateway.transport.kit import (
    closing,
    more,
    ping,
    serving,
    text,
    until,
    upgraded,
)

pytestmark = pytest.mark.both_loops


@pytest.fixture
def no_collector() -> Any:
    """References alone must do: cycles of 10,000 connections are long pauses."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_the_http_side_is_gone_once_a_connection_is_a_websocket(
    monkeypatch: pytest.MonkeyPatch, no_collector: None
) -> None:
    """ARCHITECTURE §2.5: parser, headers and scope of the handshake are not kept."""
    guards: list[weakref.ref[HttpGuard]] = []
    real = HttpGuard.__init__

    def remember(self: HttpGuard, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        guards.append(weakref.ref(self))

    monkeypatch.setattr(HttpGuard, "__init__", remember)
    async with serving() as served, upgraded(served) as client:
        await client.send(text("hello"))
        await client.frame()
        assert [guard() for guard in guards] == [None]


class Watched(WebSocketConnection):
    """One that can be referred to weakly."""

    __slots__ = ("__weakref__",)


async def test_a_connection_is_gone_when_it_is_over(no_collector: None) -> None:
    """No cycle keeps it, whatever it went through."""
    async with serving(connection=Watched) as served:
        async with upgraded(served) as client:
            await client.send(text("a", fin=False) + ping() + more(b"b", fin=True))
            assert [(await client.frame()).payload for _ in range(2)] == [b"", b"ab"]
            (connection,) = served.gate.connections
            gone = weakref.finalize(connection, lambda: None)
            del connection
            await client.send(closing(1000))
            await client.ended()
        served.sessions.clear()
        await until(lambda: not served.gate.connections)
        await until(lambda: not gone.alive)


def test_a_connection_has_no_room_for_anything_unforeseen() -> None:
    """Slots: a dict for each connection would double its size."""
    assert "__dict__" not in dir(WebSocketConnection)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For `localhost`, signed by itself."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "both.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + signed.public_bytes(pem))
    return path


async def test_nothing_goes_past_the_encryption(certificate: Path) -> None:
    """ARCHITECTURE §2.2: on TLS every byte goes through the transport."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with serving(tls=context) as served:
        async with upgraded(served, tls=True) as client:
            for number in range(50):
                await client.send(text(f"message {number}" + "." * 2_000))
                assert (await client.frame()).payload.startswith(f"message {number}".encode())
            served.sessions[0].link.close(4007, "disconnected")
            assert (await client.frame()).close_code == 4007
            await client.send(closing(4007))
            assert await client.ended()
        await until(lambda: served.gate.sockets == 0)
