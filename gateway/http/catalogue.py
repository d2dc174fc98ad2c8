"""Every problem code with its status, its title and what to do. Data only.

Drives the statuses of `problems`, the page `/docs/problems` and a test of docs/http-api.md.
Programs rely on the codes: add, never rename.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: its status, what it is called, what it means and what to do."""

    status: int
    title: str
    meaning: str


_FIELDS = "`errors` names every field that is wrong, why, and what would be right."

CATALOGUE: Mapping[str, Entry] = {
    # the request as such
    "bad_host": Entry(400, "Bad Host header", "Send exactly one `Host`: a name or an address, with or without a port."),
    "bad_path": Entry(400, "Bad path", "The path holds a percent escape or an identifier that is not valid."),
    "bad_query": Entry(400, "Bad query", "A query parameter is unknown, came twice, or has a value that is not allowed."),
    "bad_header": Entry(400, "Bad header", "A header cannot be read; `detail` names it."),
    "bad_cursor": Entry(400, "Bad cursor", "Use `next_cursor` of an earlier answer as it is."),
    "body_not_allowed": Entry(400, "No body expected", "This operation takes no body. Parameters go into the query."),
    "body_missing": Entry(400, "Body missing", "Send a JSON object."),
    "malformed": Entry(400, "Not JSON", "The body is not valid JSON."),
    "too_deep": Entry(400, "Nested too deeply", "The body nests objects and arrays more than 16 deep."),
    "bad_number": Entry(400, "Bad number", "Numbers are finite, integers within ±2^53."),
    "bad_text": Entry(400, "Bad text", "Text is UTF-8 without control characters, byte order mark or lone surrogates."),
    "bad_type": Entry(400, "Bad type", "Only objects, arrays, text, numbers, booleans and null."),
    "duplicate_key": Entry(400, "Duplicate key", "An object in the body has the same key twice."),
    "body_timeout": Entry(408, "Body too slow", "The body did not arrive in time. Send it again."),
    "body_too_large": Entry(413, "Body too large", "The body is larger than the gateway takes (`GATEWAY_MAX_BODY_BYTES`)."),
    "not_json": Entry(415, "Not application/json", "Send `Content-Type: application/json`, uncompressed."),
    # who asks
    "key_missing": Entry(401, "Key missing", "Send `Authorization: Bearer <admin key>`."),
    "key_unknown": Entry(401, "Key unknown", "The gateway does not know this key."),
    "key_revoked": Entry(401, "Key revoked", "This key was revoked. Use another one."),
    "scope_missing": Entry(403, "Scope missing", "The key is valid but lacks the scope that `detail` names."),
    # what is asked for
    "not_found": Entry(404, "Not found", "There is no such path, or no such thing."),
    "message_not_found": Entry(404, "No such message", "No message has this id."),
    "key_not_found": Entry(404, "No such key", "No admin key has this id."),
    "method_not_allowed": Entry(405, "Method not allowed", "The path exists; the header `Allow` names its methods."),
    "conflict": Entry(409, "Conflict", "Somebody else was faster. Read the current state, then decide again."),
    "idempotency_in_progress": Entry(409, "Still in progress", "The first request with this Idempotency-Key is still running. Try again after `Retry-After`."),
    "idempotency_key_in_use": Entry(409, "Idempotency-Key in use", "Another node has just accepted a request with this Idempotency-Key. Send it again to get its answer."),
    "precondition_failed": Entry(412, "Changed meanwhile", "The message has a newer revision than your `If-Match`. Read it again, then decide."),
    # what is not allowed
    "invalid_body": Entry(422, "Fields are wrong", _FIELDS),
    "audience_not_supported": Entry(422, "No audiences yet", "Conditions come with the rules; until then a banner is for everybody. Leave `audience` out, or send null."),
    "kind_not_supported": Entry(422, "Kind not supported yet", "Only the kind `banner` can be made so far."),
    "field_not_supported": Entry(422, "Field not supported yet", "The field is part of a message's definition but not supported so far."),
    "policy_violation": Entry(422, "Against the policy", "The house rules forbid this message. " + _FIELDS),
    "wrong_state": Entry(422, "Wrong state", "A message in this state cannot go there; `detail` names where it can go."),
    "ended": Entry(422, "Ended", "The message has ended for good. Publish a new one."),
    "too_many_live": Entry(422, "Too many live", "As many messages are live as the policy allows. End one first."),
    "empty_patch": Entry(422, "Nothing to change", "Name at least one field to change."),
    "key_of_settings": Entry(422, "Key of the settings", "This key is `GATEWAY_ADMIN_KEY`: change or unset that, then restart."),
    "not_storable": Entry(422, "Not storable", "The database cannot hold one of the values."),
    "idempotency_key_reused": Entry(422, "Idempotency-Key used before", "The key came with another request within 24 h. Use a new key for a new request."),
    # not now
    "rate_limited": Entry(429, "Too many requests", "Try again after `Retry-After`."),
    "internal": Entry(500, "Internal error", "A fault of the gateway. Its log has a line with this `request_id`."),
    "overloaded": Entry(503, "Overloaded", "Too much at once. Try again after `Retry-After`."),
    "dependency_down": Entry(503, "Dependency down", "Something the gateway needs does not answer. Try again after `Retry-After`."),
    "store_unavailable": Entry(503, "Store unavailable", "The database does not answer. Nothing was changed; try again after `Retry-After`."),
    "store_full": Entry(503, "Store full", "The database has no room. Nothing was changed; live messages go on."),
    "draining": Entry(503, "Draining", "This node is stopping. Go to another one."),
}  # fmt: skip
