"""The two ways in which frames are written. Nothing but their names."""

from enum import IntEnum


class Encoding(IntEnum):
    """How frames are written on a connection; fixed by the subprotocol at the handshake."""

    JSON = 0
    MSGPACK = 1
