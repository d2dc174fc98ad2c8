"""The verbs that run a gateway: `dev` for this machine, `serve` for real users.

Reads settings, says what is wrong with them, and hands over to the composition root.
"""

import errno
import os
from pathlib import Path
from typing import Any

import click

from gateway import __version__
from gateway.cli import invocation
from gateway.cli.dev_folder import DATABASE, find_secrets, prepare_folder
from gateway.cli.output import Failure, note, say, style
from gateway.cli.target import DEFAULT_URL, is_loopback
from gateway.settings import Settings, check_for_serving, load_settings

MEMORY = "memory"
SCRATCH_URL = "sqlite://"
"""The store's name for a database that ends with the process."""


@click.command("dev")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", type=click.IntRange(0, 65_535), help="[default: 8000; 0 for any free one]")
@click.option("--db", metavar="PATH|memory", help="Where to keep data.  [default: .gateway-dev]")
@click.option("--reset", is_flag=True, help="Begin with an empty database.")
def dev_verb(host: str, port: int | None, db: str | None, reset: bool) -> None:
    """Start a gateway on this machine, with a demo page; nothing to configure.

    It listens on loopback only, since in dev anybody may say who they are. Its database and keys
    stay in the folder .gateway-dev, so that the next start goes on where this one ended.
    """
    if not is_loopback(host):
        raise click.BadParameter(
            f"{host} can be reached from other machines, and dev checks nobody's identity. "
            "For real users:  gateway serve",
            param_hint="--host",
        )
    settings = _dev_settings(host, port, _database_url(db))
    if reset:
        _reset(settings.database_url)
    _bring_up(settings.database_url)
    _run(settings, lambda bound: say(_greeting(settings, bound)), "gateway dev")


def _database_url(db: str | None) -> str:
    """The URL for `--db`; without it, a file in the folder of dev."""
    folder = prepare_folder()
    if db == MEMORY:
        return SCRATCH_URL
    return f"sqlite:///{Path(db).absolute() if db else folder / DATABASE}"


def _dev_settings(host: str, port: int | None, database_url: str) -> Settings:
    """What the environment says, but never its host and database: those are for real users."""
    typed: dict[str, Any] = {
        "host": host, "port": port, "database_url": database_url, "workers": 1, "dev": True,
    }  # fmt: skip
    settings = load_settings(os.environ, **typed)
    made = find_secrets()
    if settings.admin_key is None:
        typed["admin_key"] = made.admin_key
    if not (settings.token_secret or settings.token_jwks_url or settings.token_public_key):
        typed["token_secret"] = made.token_secret
    if settings.drain_over == Settings.model_fields["drain_over"].default:
        # Ctrl-C while demo tabs are open; nobody else has to be spared a storm of reconnects
        typed["drain_over"] = 0
    return load_settings(os.environ, **typed)


def _reset(url: str) -> None:
    """Remove the database, unless a gateway has it open."""
    from gateway.store.location import Location

    location = Location(url)
    if location.file is None or not location.file.exists():
        return
    location.take()
    try:
        for name in ("", "-wal", "-shm"):
            location.file.with_name(location.file.name + name).unlink(missing_ok=True)
    finally:
        location.release()


def _bring_up(url: str) -> None:
    """Migrate dev's own database without being asked."""
    from gateway.store import migrate

    if url != SCRATCH_URL and migrate.state(url) in ("empty", "older"):
        migrate.upgrade(url)


def _greeting(settings: Settings, port: int) -> str:
    """What a beginner needs: where to look, what to type."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    key = settings.admin_key.get_secret_value() if settings.admin_key else ""
    where = "" if url == DEFAULT_URL else f"GATEWAY_URL={url} "
    kept = (
        "nothing is kept"
        if settings.database_url == SCRATCH_URL
        else (settings.database_url.removeprefix("sqlite:///"))
    )
    line = f'{where}GATEWAY_KEY={key} {invocation.command()} banner "Payments are failing. We are on it."'
    return f"""
  {_bold(f"gateway {__version__}")} for development, on this machine only

  Demo       {_bold(f"{url}/demo")}
  Banner     {_bold(line)}

  Key        {key}   (all scopes)
  Your page  <script type="module" src="{url}/sdk.js" data-user="ada"></script>
  Console    {url}/console   (to come)
  HTTP API   {url}/docs
  Data       {kept}

  Ctrl-C stops it.
"""


def _bold(text: str) -> str:
    return style(text, bold=True)


@click.command("serve")
@click.option("--host", help="Address to listen on.  [default: GATEWAY_HOST, 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="[default: GATEWAY_PORT, 8000]")
def serve_verb(host: str | None, port: int | None) -> None:
    """Start a gateway for real users.

    Refuses to start with a missing or weak secret, and on a database whose schema is not this
    version's. Settings come from the environment: `gateway config show`.
    """
    settings = load_settings(os.environ, host=host, port=port)
    problems = check_for_serving(settings)
    if problems:
        raise Failure(
            "The gateway does not start with these settings:",
            *problems,
            "To try things out on this machine:  gateway dev",
        )
    _run(settings, lambda bound: note(f"Listening on {settings.host}:{bound}."), "gateway serve")


def _run(settings: Settings, on_ready: Any, verb: str) -> None:
    """Run until a signal; exit with what the gateway says."""
    from gateway.app import run

    try:
        code = run(settings, on_ready=on_ready)
    except OSError as error:
        raise _cannot_listen(settings, error, verb) from error
    if code:
        raise SystemExit(code)


def _cannot_listen(settings: Settings, error: OSError, verb: str) -> Failure:
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return Failure(
            f"Something else listens on {place} already.",
            "Is it a gateway? Ask it:  gateway doctor",
            f"Or take another port:  {verb} --port {settings.port + 1}",
        )
    if error.errno == errno.EACCES:
        return Failure(
            f"Not allowed to listen on {place}.",
            f"Ports below 1024 need a privilege; take another:  {verb} --port 8000",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return Failure(
            f"{settings.host} is no address of this machine.", f"{verb} --host 127.0.0.1"
        )
    return Failure(f"Cannot listen on {place}: {error.strerror or error}.")
