"""A WebSocket connection, from frames on the socket to its session and back."""

import pytest

from tests.gateway.transport.kit import closing, more, ping, serving, text, until, upgraded

pytestmark = pytest.mark.both_loops


async def test_message_reaches_the_session_and_its_answer_the_client() -> None:
    """Text in one frame, both ways (PROTOCOL §2)."""
    async with serving() as served, upgraded(served) as client:
        await client.send(text('{"type":"pong"}'))
        assert (await client.frame()).payload == b'{"type":"pong"}'
        assert served.sessions[0].payloads == [b'{"type":"pong"}']
