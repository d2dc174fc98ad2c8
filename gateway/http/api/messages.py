"""`/v1/messages`: make, find, read, change, and the verbs of a message's life."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import UNSET

from gateway.errors import Fault
from gateway.http.answers import Answer, answer
from gateway.http.bodies import MessageBody, PatchBody, expiry, place_of_end
from gateway.http.body import ReasonBody, blaming
from gateway.http.message_views import MessageView, RevisionView, message_view, revision_view
from gateway.http.operation import Call, Handler, Operation, Rebuild
from gateway.http.parts import ContentBody, content_of
from gateway.http.problems import HttpError
from gateway.http.queries import DryRunQuery, MessagesQuery, Query
from gateway.http.services import Services
from gateway.http.views import Listed
from gateway.messaging.messages import MessageDraft, MessagePatch, Published
from gateway.model.admin import Scope
from gateway.model.message import Pages, State

_WRITE = (Scope.BANNER_WRITE, Scope.MESSAGE_WRITE)
_READ = (Scope.READ,)


def _answer(published: Published, status: int = 200) -> Answer:
    message = published.message
    headers = {"ETag": f'"{message.revision}"'}
    if status == 201:
        headers["Location"] = f"/v1/messages/{message.id}"
    return answer(message_view(published), status=status, headers=headers)


def _rebuild(status: int) -> Rebuild:
    async def rebuild(services: Services, message_id: str) -> Answer:
        return _answer(await services.messages.get(message_id), status)

    return rebuild


# Make and find


async def create(call: Call[MessageBody, DryRunQuery]) -> Answer:
    """Make a message, or say what would happen."""
    draft = _draft(call.body, call.services.clock.now())
    messages = call.services.messages
    with blaming(place_of_end(call.body)):
        if call.query.dry_run:
            return answer(message_view(await messages.preview(call.caller, draft)))
        return _answer(await messages.create(call.caller, draft), status=201)


def _draft(body: MessageBody, now: datetime) -> MessageDraft:
    return MessageDraft(
        kind=body.kind,
        state=State(body.state),
        content=content_of(body.content, body.default_locale),
        default_locale=body.default_locale,
        severity=body.severity,
        incident=body.incident.value() if body.incident else None,
        dismissible=body.dismissible,
        pages=body.pages.value() if body.pages else Pages(),
        priority=body.priority,
        category=body.category,
        tags=tuple(body.tags),
        resurface=body.resurface,
        starts_at=body.starts_at,
        expires_at=expiry(now, body.expires_in, body.expires_at or body.ends_at),
        owner=body.owner,
        contact=body.contact,
    )


async def find(call: Call[Any, MessagesQuery]) -> Answer:
    """List messages."""
    wanted = call.query
    page = await call.services.messages.find(
        state=wanted.state,
        kind=wanted.kind,
        tag=wanted.tag,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    data = tuple(message_view(published) for published in page.data)
    return answer(Listed(data=data, next_cursor=page.next_cursor))


async def get(call: Call[Any, Query]) -> Answer:
    """Read one message."""
    return _answer(await call.services.messages.get(call.params["id"]))


async def revisions(call: Call[Any, Query]) -> Answer:
    """Read all revisions of one message."""
    found = await call.services.messages.revisions(call.params["id"])
    return answer(Listed(data=tuple(revision_view(one) for one in found), next_cursor=None))


# Change


async def patch(call: Call[PatchBody, Query]) -> Answer:
    """Make a new revision."""
    changes = await _patch(call)
    with blaming(place_of_end(call.body)):
        return _answer(
            await call.services.messages.patch(
                call.caller, call.params["id"], changes, call.if_match
            )
        )


_AS_THEY_ARE = ("default_locale", "severity", "dismissible", "priority", "category", "resurface",
                "starts_at", "owner", "contact")  # fmt: skip


async def _patch(call: Call[PatchBody, Query]) -> MessagePatch:
    body, given = call.body, call.body.model_fields_set
    changes: dict[str, Any] = {name: getattr(body, name) for name in _AS_THEY_ARE if name in given}
    if body.content is not None or body.default_locale is not None:
        changes |= await _content_changes(call)
    if body.incident is not None:
        changes["incident"] = body.incident.value()
    if body.pages is not None:
        changes["pages"] = body.pages.value()
    if body.tags is not None:
        changes["tags"] = tuple(body.tags)
    now = call.services.clock.now()
    changes["expires_at"] = expiry(now, body.expires_in, body.expires_at or body.ends_at) or UNSET
    return MessagePatch(**changes)


async def _content_changes(call: Call[PatchBody, Query]) -> dict[str, Any]:
    """The content as a whole; the default locale has to be among it, now or from before."""
    current = (await call.services.messages.get(call.params["id"])).message
    default = call.body.default_locale or current.default_locale
    forms = call.body.content
    content = current.content if forms is None else content_of(forms, default)
    if default not in content:
        at = "/default_locale" if forms is None or isinstance(forms, ContentBody) else "/content"
        detail = f"the default locale `{default}` has no content"
        fault = Fault(pointer=at, detail=detail, code="missing_locale")
        raise HttpError("invalid_body", f"{at}: {detail}", faults=[fault])
    return {"content": content} if forms is not None else {}


def _verb(name: str) -> Handler:
    async def act(call: Call[ReasonBody, Query]) -> Answer:
        use_case = getattr(call.services.messages, name)
        return _answer(
            await use_case(call.caller, call.params["id"], call.body.reason, call.if_match)
        )

    return act


def _verb_operation(name: str, summary: str, description: str) -> Operation:
    return Operation(
        id=f"{name}_message",
        method="POST",
        path=f"/v1/messages/{{id}}/{name}",
        tag="messages",
        summary=summary,
        description=description,
        handler=_verb(name),
        scopes=_WRITE,
        body=ReasonBody,
        returns=MessageView,
        if_match=True,
        rebuild=_rebuild(200),
    )


def _reader(
    id: str,  # noqa: A002 - the field's name
    path: str,
    summary: str,
    handler: Callable[[Call[Any, Any]], Any],
    returns: Any,
    description: str = "",
    query: type[Query] = Query,
) -> Operation:
    return Operation(
        id=id, method="GET", path=path, tag="messages", summary=summary, description=description,
        handler=handler, scopes=_READ, query=query, returns=returns,
    )  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="create_message",
        method="POST",
        path="/v1/messages",
        tag="messages",
        summary="Make a message",
        description='A draft, or live with `"state": "live"`. Only the kind `banner` so far.'
        " `?dry_run=true` changes nothing and answers 200.",
        handler=create,
        scopes=_WRITE,
        body=MessageBody,
        query=DryRunQuery,
        returns=MessageView,
        status=201,
        rebuild=_rebuild(201),
    ),
    _reader("list_messages", "/v1/messages", "Find messages, newest first", find,
            Listed[MessageView], query=MessagesQuery),
    _reader("get_message", "/v1/messages/{id}", "Read a message", get, MessageView,
            "The newest revision with its content, who made it and its reach."),
    Operation(
        id="patch_message",
        method="PATCH",
        path="/v1/messages/{id}",
        tag="messages",
        summary="Change a message",
        description="Makes a new revision; shown copies change in place. `incident` sets the"
        " status and appends an update; `resolved` is how an outage ends. `content` replaces all"
        " locales.",
        handler=patch,
        scopes=_WRITE,
        body=PatchBody,
        returns=MessageView,
        if_match=True,
        rebuild=_rebuild(200),
    ),
    _verb_operation("publish", "Make a message live", "From draft, review or paused."),
    _verb_operation("pause", "Take a message off all screens for now", "It may be published again."),
    _verb_operation("retract", "Take a message off all screens for good",
                    "Ending an ended message changes nothing."),
    _reader("list_revisions", "/v1/messages/{id}/revisions", "Read all revisions of a message",
            revisions, Listed[RevisionView], "Oldest first; a revision never changes."),
)  # fmt: skip
