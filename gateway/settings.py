"""Settings: environment `GATEWAY_…`, `…_FILE` twins, or a TOML file. Read once at the start.

Every field is documented in docs/operations.md, and a test holds the two together.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr


class Settings(BaseModel):
    """One frozen value with everything that can be set. Durations are seconds, sizes bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # where
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    database_url: str = "sqlite:///gateway.db"
    redis_url: str | None = None
    node_id: str | None = None

    # who may
    token_secret: SecretStr | None = None
    token_jwks_url: str | None = None
    token_public_key: str | None = None
    token_audience: str | None = None
    token_issuer: str | None = None
    token_max_lifetime: float = 86_400
    admin_key: SecretStr | None = None
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()

    # how much
    max_connections: int | None = None
    max_connections_per_user: int = 20
    connections_overflow: str = "refuse_newest"
    max_connect_rate: float = 5_000
    max_frames_per_second: float = 10
    frames_burst: int = 40
    max_frame_bytes: int = 16_384
    max_body_bytes: int = 65_536
    send_buffer_bytes: int = 65_536
    outbox_soft_bytes: int = 65_536
    outbox_hard_bytes: int = 262_144

    # how long
    head_timeout: float = 5
    body_timeout: float = 10
    connect_timeout: float = 8
    heartbeat_interval: int = 25
    heartbeat_grace: int = 10
    stall_timeout: float = 10
    close_timeout: float = 5
    max_lifetime: float = 86_400
    reauth_within: float = 60
    drain_over: float = 30
    drain_grace: float = 5
    resolved_linger: float = 30
    receipts_flush: float = 0.25

    # house
    rules_dir: Path | None = None
    log_format: str = "auto"
    log_level: str = "info"
    docs: bool = True
    dev: bool = False
