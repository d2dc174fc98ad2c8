"""Idempotency-Key: the same request twice does the work once and gets the same answer twice.

The claim on a key is written by the transaction of the change itself; here it is only made,
looked up and answered. Only accepted requests are remembered: a refused one changed nothing, so
its key may come again with a better body.
"""

import hashlib
import re
from typing import Any

from gateway.clock import Clock
from gateway.errors import Conflict, DependencyDown
from gateway.http.answers import Answer, Stream
from gateway.http.operation import Call, Headers, Operation
from gateway.http.problems import HttpError
from gateway.http.services import Services
from gateway.log import get_logger
from gateway.model.admin import AdminKey, IdempotencyClaim, IdempotencyRecord
from gateway.store.base import Store

_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("ETag", "Location")

_log = get_logger("gateway.http")


def claim_of(
    key: AdminKey, headers: Headers, method: str, path: bytes, query: bytes, body: bytes
) -> IdempotencyClaim | None:
    """The caller's claim on its Idempotency-Key, bound to everything that says what is asked."""
    given = headers.get(b"idempotency-key")
    if given is None:
        return None
    if _KEY.fullmatch(given) is None:
        raise HttpError("bad_header", "`Idempotency-Key` has 1 to 255 visible ASCII characters.")
    asked = b"\0".join((method.encode(), path, query, body))
    return IdempotencyClaim(
        key=f"{key.id}:{given.decode()}", fingerprint=hashlib.sha256(asked).hexdigest()
    )


class Once:
    """Runs each claimed request once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._running: dict[str, str] = {}

    async def run(self, operation: Operation, call: Call[Any, Any]) -> Answer | Stream:
        """Answer again what was answered before, or do the work and remember the answer."""
        claim = call.caller.idempotency
        if claim is None:
            return await operation.handler(call)
        self._begin(claim)
        try:
            known = await self._store.idempotency(claim.key)
            if known is not None:
                return await self._again(operation, call.services, claim, known)
            answer = await operation.handler(call)
            await self._keep(operation, claim, answer)
            return answer
        finally:
            del self._running[claim.key]

    def _begin(self, claim: IdempotencyClaim) -> None:
        running = self._running.get(claim.key)
        if running is None:
            self._running[claim.key] = claim.fingerprint
        elif running != claim.fingerprint:
            raise HttpError("idempotency_key_reused")
        else:
            raise HttpError("idempotency_in_progress", headers={"Retry-After": "1"})

    async def _again(
        self,
        operation: Operation,
        services: Services,
        claim: IdempotencyClaim,
        known: IdempotencyRecord,
    ) -> Answer:
        if known.fingerprint != claim.fingerprint:
            raise HttpError("idempotency_key_reused")
        if known.status:
            return _replay(Answer(status=known.status, body=known.body, headers=known.headers))
        if known.resource is None or operation.rebuild is None:
            raise Conflict("The first request's answer was lost.", code="idempotency_in_progress")
        answer = await operation.rebuild(services, known.resource)
        await self._keep(operation, claim, answer)
        return _replay(answer)

    async def _keep(
        self, operation: Operation, claim: IdempotencyClaim, answer: Answer | Stream
    ) -> None:
        """Remember the answer. The change is durable by now, so a store that fails here costs no
        more than that a repeated request is answered from the message as it is then."""
        if isinstance(answer, Stream) or not operation.keeps_answer:
            return
        record = IdempotencyRecord(
            key=claim.key,
            fingerprint=claim.fingerprint,
            created_at=self._clock.now(),
            status=answer.status,
            headers={n: v for n, v in answer.headers.items() if n in _KEPT_HEADERS},
            body=answer.body,
        )
        try:
            await self._store.put_idempotent_answer(record)
        except DependencyDown as error:
            _log.warning("answer_not_kept", operation=operation.id, code=error.code)


def _replay(answer: Answer) -> Answer:
    headers = {**answer.headers, "Idempotent-Replay": "true"}
    return Answer(status=answer.status, body=answer.body, headers=headers)
