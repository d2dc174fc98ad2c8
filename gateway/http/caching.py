"""ETags of what may be cached, and the question whether a reader has it already (RFC 9110 §13)."""

import hashlib

from gateway.http.answers import Answer
from gateway.http.operation import Headers


def etag_of(body: bytes) -> str:
    """A strong ETag: the same for the same bytes on every node."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def cached(answer: Answer, headers: Headers) -> Answer:
    """The answer, or 304 when the reader has just that."""
    if not _has(headers.get(b"if-none-match", b""), answer.headers["ETag"].encode()):
        return answer
    return Answer(status=304, media_type=None, headers=answer.headers, policy=answer.policy)


def _has(if_none_match: bytes, etag: bytes) -> bool:
    tags = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return etag in tags or b"*" in tags
