"""Listening sockets and what connections inherit from them."""

import contextlib
import socket

import pytest

from gateway.transport.listener import ListenerOptions, listen, port_of

OPTIONS = ListenerOptions(stall_timeout=10, send_buffer_bytes=65_536)


@contextlib.contextmanager
def accepted_by(listener: socket.socket):  # type: ignore[no-untyped-def]
    """A connection as the node sees it."""
    with socket.create_connection(listener.getsockname()), listener.accept()[0] as connection:
        yield connection


def test_connections_inherit_what_bounds_a_slow_peer() -> None:
    """F1, F2: the kernel gives up on a peer, and holds little for it. It doubles SO_SNDBUF."""
    (listener,) = listen("127.0.0.1", 0, OPTIONS)
    with listener, accepted_by(listener) as connection:
        tcp = socket.IPPROTO_TCP
        assert connection.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == 15_000
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 65_536
        assert connection.getsockopt(tcp, socket.TCP_NODELAY) != 0


def test_a_small_send_buffer_shows_a_stalled_reader_early() -> None:
    """F2: by default megabytes vanish in the kernel before anybody notices."""

    def swallowed(listener: socket.socket) -> int:
        total = 0
        with listener, accepted_by(listener) as connection:
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    total += connection.send(bytes(65_536))
        return total

    stock = socket.create_server(("127.0.0.1", 0))
    (ours,) = listen("127.0.0.1", 0, OPTIONS)
    # the receiver's own buffer is the same in both and takes most of what is left
    assert swallowed(ours) < 0.6 * swallowed(stock)


def test_port_zero_takes_one_free_port_for_all_addresses() -> None:
    """`localhost` may be two addresses; a browser tries both."""
    sockets = listen("localhost", 0, OPTIONS)
    try:
        assert port_of(sockets) > 0
        assert {sock.getsockname()[1] for sock in sockets} == {port_of(sockets)}
    finally:
        for sock in sockets:
            sock.close()


def test_a_port_in_use_is_an_error_and_leaves_nothing_open() -> None:
    """The caller tells the operator."""
    (first,) = listen("127.0.0.1", 0, OPTIONS)
    with first, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", port_of([first]), OPTIONS)


def test_workers_may_share_a_port() -> None:
    """One listening socket per worker."""
    options = ListenerOptions(reuse_port=True)
    (first,) = listen("127.0.0.1", 0, options)
    (second,) = listen("127.0.0.1", port_of([first]), options)
    first.close()
    second.close()
