"""Close codes: the number alone tells the client what to do (PROTOCOL §2).

4000-4099 stop and tell the app; 4100-4199 reconnect with full jitter; 4200-4299 reconnect after
the delay given; 4300-4399 get a new token, then reconnect.
"""

from enum import IntEnum


class CloseCode(IntEnum):
    """Our own codes, and the standard ones that we send (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009

    BAD_FRAME = 4000
    BAD_VERSION = 4001
    FORBIDDEN = 4002
    BLOCKED = 4003
    TOO_MANY_CONNECTIONS = 4005
    REPLACED = 4006
    DISCONNECTED = 4007
    INTERNAL = 4100
    NODE_FULL = 4101
    CONNECT_RATE = 4102
    TOO_CHATTY = 4103
    NO_PONG = 4107
    TOO_SLOW = 4108
    UNAVAILABLE = 4109
    DRAINING = 4200
    REBALANCE = 4201
    LIFETIME_OVER = 4203
    NO_AUTHENTICATION = 4300
    TOKEN_EXPIRED = 4301
    TOKEN_REVOKED = 4302
    TOKEN_INVALID = 4303


REASONS = {
    CloseCode.NORMAL: "done",
    CloseCode.GOING_AWAY: "going away",
    CloseCode.PROTOCOL_ERROR: "protocol error",
    CloseCode.UNSUPPORTED_DATA: "wrong frame type for this subprotocol",
    CloseCode.INVALID_DATA: "invalid data",
    CloseCode.POLICY_VIOLATION: "policy violation",
    CloseCode.TOO_BIG: "frame too big",
    CloseCode.BAD_FRAME: "bad frame",
    CloseCode.BAD_VERSION: "unsupported version",
    CloseCode.FORBIDDEN: "forbidden",
    CloseCode.BLOCKED: "user is blocked",
    CloseCode.TOO_MANY_CONNECTIONS: "too many connections for this user",
    CloseCode.REPLACED: "replaced by a newer connection",
    CloseCode.DISCONNECTED: "disconnected by an admin",
    CloseCode.INTERNAL: "internal error",
    CloseCode.NODE_FULL: "node full",
    CloseCode.CONNECT_RATE: "too many connects at once",
    CloseCode.TOO_CHATTY: "too many frames",
    CloseCode.NO_PONG: "no pong",
    CloseCode.TOO_SLOW: "too slow",
    CloseCode.UNAVAILABLE: "backend unavailable",
    CloseCode.DRAINING: "draining",
    CloseCode.REBALANCE: "rebalancing",
    CloseCode.LIFETIME_OVER: "connection lifetime over",
    CloseCode.NO_AUTHENTICATION: "no authentication in time",
    CloseCode.TOKEN_EXPIRED: "token expired",
    CloseCode.TOKEN_REVOKED: "token revoked",
    CloseCode.TOKEN_INVALID: "token invalid",
}


def may_reconnect(code: int) -> bool:
    """True when a client that was closed with this code should dial again by itself."""
    return code < 4000 or code >= 4100
