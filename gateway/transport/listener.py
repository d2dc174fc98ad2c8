"""Listening sockets, with the options that accepted connections inherit from them.

Nothing here accepts; uvicorn does. The options cannot be set later without a call per connection.
"""

import socket
from dataclasses import dataclass

BACKLOG = 4_096
"""Connections that may wait to be accepted; a reconnect storm comes as one burst. The kernel
lowers it to net.core.somaxconn."""

_USER_TIMEOUT_MARGIN = 5.0
"""Seconds by which the kernel gives up later than we do: it is the net below our own deadline, for
bytes that only the kernel holds (F1, T11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """What every accepted connection gets. Sizes in bytes, times in seconds."""

    stall_timeout: float = 10
    send_buffer_bytes: int = 65_536
    reuse_port: bool = False


def listen(host: str, port: int, options: ListenerOptions) -> list[socket.socket]:
    """Return bound sockets for all addresses of a host; port 0 takes a free one for all.

    Raises:
        OSError: an address cannot be bound; nothing stays open then.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            if port == 0 and sockets:
                address = (address[0], port_of(sockets), *address[2:])
            sockets.append(_listener(family, address, options))
    except OSError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def port_of(sockets: list[socket.socket]) -> int:
    """The port that the sockets of `listen` share."""
    port: int = sockets[0].getsockname()[1]
    return port


def _addresses(host: str, port: int) -> list[tuple[int, tuple[str | int, ...]]]:
    flags = socket.AI_PASSIVE
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags)
    addresses = [(int(family), _text_address(address)) for family, _, _, _, address in found]
    return list(dict.fromkeys(addresses))


def _text_address(address: tuple[object, ...]) -> tuple[str | int, ...]:
    return tuple(part for part in address if isinstance(part, str | int))


def _listener(
    family: int, address: tuple[str | int, ...], options: ListenerOptions
) -> socket.socket:
    # The protocol is named since asyncio sets TCP_NODELAY only on sockets that name it.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _set_inherited(listener, options)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _set_inherited(listener: socket.socket, options: ListenerOptions) -> None:
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A small buffer bounds memory and the delay of an urgent frame behind others (F2).
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer_bytes)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        milliseconds = int((options.stall_timeout + _USER_TIMEOUT_MARGIN) * 1_000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
