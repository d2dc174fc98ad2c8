"""The verbs `token mint|inspect`: tokens for people at a terminal. Talks to no gateway."""

import asyncio
import json
import os
import sys
import time
from typing import Any

import click

from gateway.cli.dev_folder import read_token_secret
from gateway.cli.options import local_json_option, read_duration
from gateway.cli.output import Failure, clean, note, say, say_object, style
from gateway.cli.times import tell_seconds
from gateway.clock import SystemClock
from gateway.errors import Misconfigured
from gateway.identity.mint import inspect as inspect_token
from gateway.identity.mint import mint as mint_token
from gateway.settings import Settings, load_settings

STDIN = "-"


@click.group("token")
def token_verb() -> None:
    """Make or read the tokens that users connect with (JWT)."""


def read_trait(value: str) -> tuple[str, Any]:
    """`key=value`; a value that is JSON (a number, true, a list) is taken as that."""
    key, equals, text = value.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{value!r}: write KEY=VALUE, e.g. tier=pro or seats=5.")
    try:
        return key, json.loads(text)
    except ValueError:
        return key, text


@token_verb.command("mint")
@click.option("--user", required=True, help="Who the token is for.")
@click.option("--ttl", type=read_duration, default="1h", metavar="DURATION", show_default=True,
              help="How long it holds.")  # fmt: skip
@click.option("--trait", "traits", type=read_trait, multiple=True, metavar="KEY=VALUE",
              help="A property of the user; repeat for more.")  # fmt: skip
@click.option("--role", "roles", multiple=True, help="A role; repeat for more.")
@click.option("--audience", help="[default: GATEWAY_TOKEN_AUDIENCE]")
@click.option("--issuer", help="[default: GATEWAY_TOKEN_ISSUER]")
@click.option("--anonymous", is_flag=True, help="For somebody who is not logged in.")
@local_json_option
def mint(
    user: str,
    ttl: int,
    traits: tuple[tuple[str, Any], ...],
    roles: tuple[str, ...],
    audience: str | None,
    issuer: str | None,
    anonymous: bool,
    as_json: bool,
) -> None:
    """Print a token for USER, signed with GATEWAY_TOKEN_SECRET.

    For trying things out, and for services without a JWT library. In the folder of a
    `gateway dev`, its secret is found.
    """
    settings = load_settings(os.environ)
    _check_lifetime(ttl, settings)
    now = time.time()
    token = mint_token(
        _find_secret(settings),
        user,
        ttl,
        dict(traits),
        roles,
        audience or settings.token_audience,
        issuer or settings.token_issuer,
        now=now,
        anonymous=anonymous,
    )
    if as_json:
        say_object({"token": token, "expires_at": int(now + ttl)})
    else:
        say(token)


def _check_lifetime(ttl: int, settings: Settings) -> None:
    if ttl <= 0:
        raise click.BadParameter("a token needs some time to live.", param_hint="--ttl")
    if ttl > settings.token_max_lifetime:
        longest = tell_seconds(int(settings.token_max_lifetime))
        raise Failure(
            f"The gateway would refuse a token that lives longer than {longest}.",
            "Give a shorter --ttl, or raise GATEWAY_TOKEN_MAX_LIFETIME on the gateway too.",
        )


def _find_secret(settings: Settings) -> str:
    if settings.token_secret is not None:
        return settings.token_secret.get_secret_value()
    if settings.token_jwks_url or settings.token_public_key:
        raise Failure(
            "This gateway takes tokens of your own login service (it knows a public key only).",
            "Mint the token there.",
        )
    secret = read_token_secret()
    if secret is None:
        raise Failure(
            "No secret to sign with: GATEWAY_TOKEN_SECRET is not set.",
            "Set it to the gateway's own, or type this in the folder of a `gateway dev`.",
        )
    return secret


@token_verb.command("inspect")
@click.argument("token")
@local_json_option
def inspect(token: str, as_json: bool) -> None:
    """Show what TOKEN says, and whether this gateway would take it.

    `-` reads the token from stdin: it then stays out of the shell's history.
    """
    text = (sys.stdin.read() if token == STDIN else token).strip()
    found = asyncio.run(_judge(text.removeprefix("Bearer ").strip()))
    if as_json:
        say_object(found)
    else:
        _tell(found)
    if found["holds"] is False:
        raise Failure(f"The gateway refuses it: {found['detail']} ({found['code']}).")


async def _judge(token: str) -> dict[str, Any]:
    """Hold the token against the settings; without any key only its text is shown."""
    # imported here: minting needs no cryptography
    from gateway.identity.tokens import TokenVerifier

    settings = load_settings(os.environ)
    if not (settings.token_secret or settings.token_jwks_url or settings.token_public_key):
        secret = read_token_secret()
        if secret is None:
            return inspect_token(token, None, now=time.time())
        settings = load_settings(os.environ, token_secret=secret)
    try:
        verifier = TokenVerifier(settings, SystemClock())
    except Misconfigured as error:
        note(f"Not judged: {error}.")
        return inspect_token(token, None, now=time.time())
    await verifier.start()
    try:
        return inspect_token(token, verifier, now=time.time())
    finally:
        await verifier.close()


def _tell(found: dict[str, Any]) -> None:
    for title in ("header", "claims"):
        say(style(title, dim=True))
        for name, value in found[title].items():
            say(f"  {clean(name)}: {clean(json.dumps(value, ensure_ascii=False))}")
    if found["expires_in"] is not None:
        left = round(found["expires_in"])
        say(
            f"expires in {tell_seconds(left)}" if left > 0 else f"expired {tell_seconds(-left)} ago"
        )
    if found["holds"]:
        say(style("The gateway takes it.", fg="green"))
    elif found["holds"] is None:
        note("Whether a gateway takes it: set GATEWAY_TOKEN_SECRET (or …_JWKS_URL, …_PUBLIC_KEY).")
