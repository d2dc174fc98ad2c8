"""The HTTP API as the client verbs use it: one call, safe to repeat, with errors for people.

A write carries one Idempotency-Key over all its tries, so a lost answer never shows a banner twice.
Knows no verb and prints no result.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx2
import msgspec

from gateway import __version__
from gateway.cli.output import Failure, note
from gateway.cli.problems import not_a_gateway, refusal, unknown_outcome, unreachable
from gateway.cli.target import Target, find_target

RETRY_SECONDS = 15.0
"""How long a call is tried again: longer than a restart, shorter than an operator's patience."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 3.0
TIMEOUT = httpx2.Timeout(30, connect=5)
STREAM_TIMEOUT = httpx2.Timeout(60, connect=5)
"""A stream that says nothing for so long is dead: the gateway sends a comment every 15 s."""

END = "end"
"""The event after which a stream has nothing more to say. One that ends without it was cut, by a
node that stops (`drain`) or by a proxy, and is taken up again."""

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said to an accepted call."""

    body: bytes

    def read(self, view: type[View]) -> View:
        """Parse the answer into what a verb shows."""
        try:
            return msgspec.json.decode(self.body, type=view)
        except msgspec.MsgspecError as error:
            raise Failure(
                f"The answer is not one that gateway {__version__} can read: {error}.",
                "Is the gateway of another version? Its answer as it is:  --json",
            ) from error


class Api:
    """A connection to one gateway's HTTP API.

    Args:
        as_json: on a refusal, print the problem as the API wrote it to stdout.
    """

    def __init__(self, target: Target, *, as_json: bool = False) -> None:
        self._target = target
        self._as_json = as_json
        self._client = httpx2.Client(
            base_url=target.url,
            timeout=TIMEOUT,
            # a proxy of the environment must not get between us and our own machine
            trust_env=not target.is_loopback,
            headers={
                "Authorization": f"Bearer {target.key}",
                "User-Agent": f"inapp-gateway-cli/{__version__}",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, needs: str, **params: Any) -> Answer:
        """Read. `needs` is the scope, for the message when the key lacks it; None is left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return self._call(self._client.build_request("GET", path, params=given), needs)

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        needs: str,
        *,
        params: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Change something, exactly once however often the call is tried."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        request = self._client.build_request(
            method, path, json=body, params=params or None, headers=headers
        )
        return self._call(request, needs)

    def events(self, path: str, name: str, needs: str) -> Iterator[bytes]:
        """The data of each server-sent event called `name`, until the gateway says that it was
        the last; a stream that was cut is taken up again."""
        tries = _Tries()
        while True:
            request = self._client.build_request(
                "GET", path, headers={"Accept": "text/event-stream"}, timeout=STREAM_TIMEOUT
            )
            try:
                for event in self._stream(request, needs):
                    if event.event == END:
                        return
                    if event.event == name:
                        tries = _Tries()
                        tries.has_reached_it = True
                        yield event.data.encode()
                raise httpx2.RemoteProtocolError("the stream was cut", request=request)
            except httpx2.TransportError as error:
                self._pause_or_fail(tries, request, error)

    def _stream(self, request: httpx2.Request, needs: str) -> Iterator[httpx2.ServerSentEvent]:
        response = self._client.send(request, stream=True)
        try:
            if response.status_code != 200:
                response.read()
                raise self._refusal(response, needs)
            if not _is_stream(response):
                raise not_a_gateway(self._target.url, response)
            yield from httpx2.EventSource(response)
        finally:
            response.close()

    def _call(self, request: httpx2.Request, needs: str) -> Answer:
        tries = _Tries()
        while True:
            try:
                response = self._client.send(request)
            except httpx2.TransportError as error:
                self._pause_or_fail(tries, request, error)
                continue
            if response.is_success:
                return self._accepted(response)
            if not tries.pause(_retry_after(response, tries)):
                raise self._refusal(response, needs)

    def _accepted(self, response: httpx2.Response) -> Answer:
        if response.content and not _is_json(response):
            raise not_a_gateway(self._target.url, response)
        return Answer(response.content)

    def _pause_or_fail(
        self, tries: "_Tries", request: httpx2.Request, error: httpx2.TransportError
    ) -> None:
        """Wait for the next try. A gateway that never answered is reported at once."""
        is_refused = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
        if is_refused and not tries.has_reached_it:
            raise unreachable(self._target, error) from error
        tries.has_reached_it = True
        if not tries.pause(tries.next_pause()):
            if request.method == "GET":
                raise unreachable(self._target, error) from error
            raise unknown_outcome(self._target.url, request.headers["Idempotency-Key"]) from error

    def _refusal(self, response: httpx2.Response, needs: str) -> Failure:
        if not _is_json(response):
            return not_a_gateway(self._target.url, response)
        return refusal(response.status_code, response.content, needs, as_json=self._as_json)


class _Tries:
    """How often a call was tried, and until when it may be again."""

    def __init__(self) -> None:
        self.has_reached_it = False
        self._end = time.monotonic() + RETRY_SECONDS
        self._count = 0

    def next_pause(self) -> float:
        """Doubling from a quarter of a second."""
        return min(FIRST_PAUSE * 2.0**self._count, LONGEST_PAUSE)

    def pause(self, seconds: float | None) -> bool:
        """Wait before the next try; False when there must be none."""
        if seconds is None or time.monotonic() + seconds > self._end:
            return False
        if self._count == 0:
            note("The gateway did not take the call yet; trying again…")
        self._count += 1
        time.sleep(seconds)
        return True


def _retry_after(response: httpx2.Response, tries: _Tries) -> float | None:
    """Seconds after which the same call may succeed; None when it will not."""
    told = response.headers.get("Retry-After", "")
    if response.status_code in (429, 503) and told.isdecimal():
        return max(float(told), FIRST_PAUSE)
    if response.status_code == 409 and tries.has_reached_it:
        # our own first try, whose answer was lost, is still running
        return tries.next_pause() if b"in_progress" in response.content else None
    return None


def _is_stream(response: httpx2.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/event-stream")


def _is_json(response: httpx2.Response) -> bool:
    return response.headers.get("Content-Type", "").split(";")[0].strip().endswith("json")


def connect(*, as_json: bool = False) -> Api:
    """The API of the gateway that the environment names."""
    return Api(find_target(), as_json=as_json)
