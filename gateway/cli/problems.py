"""Refusals and failures of the API, as text that says what to do. Decides nothing."""

from typing import TYPE_CHECKING

import msgspec

from gateway.cli.output import Failure, clean, say_json
from gateway.cli.target import Target

if TYPE_CHECKING:
    import httpx2


class FaultView(msgspec.Struct):
    """One bad field of a problem."""

    detail: str = ""
    pointer: str = ""
    code: str = ""


class ProblemView(msgspec.Struct):
    """The parts of application/problem+json (RFC 9457) that are shown."""

    title: str = ""
    detail: str = ""
    code: str = ""
    errors: tuple[FaultView, ...] = ()


def refusal(status: int, body: bytes, needs: str, *, as_json: bool) -> Failure:
    """The error for an answer that is no success."""
    if as_json:
        say_json(body)
    try:
        problem = msgspec.json.decode(body, type=ProblemView)
    except msgspec.MsgspecError:
        problem = ProblemView(title=f"The gateway answered {status}")
    said = clean(problem.detail or problem.title or f"The gateway answered {status}").rstrip(".")
    code = f"{status} {clean(problem.code)}".strip()
    return Failure(f"{said} ({code}).", *_faults(problem), *_advice(status, problem.code, needs))


def _faults(problem: ProblemView) -> list[str]:
    return [f"{field_name(fault.pointer)}: {clean(fault.detail)}" for fault in problem.errors]


def field_name(pointer: str) -> str:
    """`/link/href` as people write it, `link.href`; the whole body is `request`."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return clean(".".join(parts)) or "request"


def _advice(status: int, code: str, needs: str) -> list[str]:
    if status == 401:
        return [
            "Check GATEWAY_KEY: the gateway does not know this key, or it was revoked.",
            "An admin makes a new one with:  gateway keys create NAME --scope " + needs,
        ]
    if status == 403 and code != "refused":
        return [
            f"This needs a key with the scope {needs}.",
            f"An admin makes one with:  gateway keys create NAME --scope {needs}",
        ]
    if status in (429, 503, 507):
        return ["Nothing was changed. Try again in a moment; `gateway doctor` looks for the cause."]
    return []


def unreachable(target: Target, error: Exception) -> Failure:
    """Nobody answers at all."""
    reason = clean(str(error)) or type(error).__name__
    hint = (
        "Is it running? Start one with:  gateway dev"
        if target.is_loopback
        else "Is GATEWAY_URL right, and is the gateway running?"
    )
    return Failure(f"No gateway answers at {target.url} ({reason}).", hint)


def unknown_outcome(url: str, idempotency_key: str) -> Failure:
    """A write went out and no answer came back: say so, and how to find out."""
    return Failure(
        f"The connection to {url} was lost before an answer came.",
        "The change may or may not have been accepted. Look with:  gateway list",
        f"The call went out under the Idempotency-Key {idempotency_key}.",
    )


def not_a_gateway(url: str, response: "httpx2.Response") -> Failure:
    """Something answers, but what it says is not from a gateway."""
    if response.is_redirect:
        place = clean(response.headers.get("Location", "elsewhere"))
        return Failure(f"{url} redirects to {place}.", "Set GATEWAY_URL to the final address.")
    kind = clean(response.headers.get("Content-Type", "no content type"))
    return Failure(
        f"What answers at {url} is not a gateway: HTTP {response.status_code}, {kind}.",
        "Is GATEWAY_URL right? A proxy in between may answer while the gateway is down.",
    )
