"""A real WebSocket handshake through whatever stands between here and the gateway.

An upgrade that is answered is not enough: some proxies answer 101 and then pass nothing on. So a
ping goes out, and its pong must come back (RFC 6455 §5.5).
"""

from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from gateway.cli.target import is_loopback

PATH = "/v1/ws"
SUBPROTOCOL = Subprotocol("inapp.v1.json")
TIMEOUT_SECONDS = 5


class HandshakeError(Exception):
    """WebSockets do not work through here; the text says how it showed."""


def shake_hands(url: str, host: str) -> None:
    """Upgrade, ping, close. Raises HandshakeError."""
    try:
        with connect(
            "ws" + url.removeprefix("http") + PATH,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            open_timeout=TIMEOUT_SECONDS,
            close_timeout=1,
            proxy=None if is_loopback(host) else True,
        ) as connection:
            if connection.subprotocol != SUBPROTOCOL:
                raise HandshakeError(f"101, but without the subprotocol {SUBPROTOCOL}")
            if not connection.ping().wait(TIMEOUT_SECONDS):
                raise HandshakeError(f"101, but no answer to a ping within {TIMEOUT_SECONDS} s")
    except InvalidStatus as error:
        status = error.response.status_code
        raise HandshakeError(f"HTTP {status} instead of 101 Switching Protocols") from error
    except (InvalidHandshake, WebSocketException) as error:
        raise HandshakeError(f"the handshake failed: {error}") from error
    except (OSError, TimeoutError) as error:
        raise HandshakeError(f"no answer: {error}") from error
