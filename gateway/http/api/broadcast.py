"""`POST /v1/broadcast`: one call puts one banner on every open screen. Decides no policy."""

from gateway.http.answers import Answer, answer
from gateway.http.bodies import BroadcastBody, expiry, place_of_end
from gateway.http.body import blaming
from gateway.http.message_views import BroadcastView, broadcast_view
from gateway.http.operation import Call, Operation
from gateway.http.queries import BroadcastQuery
from gateway.http.services import Services
from gateway.messaging.messages import MessageDraft, Published
from gateway.model.admin import Scope
from gateway.model.message import Action, Content, Kind, Message, Pages, State
from gateway.model.receipt import Reach

_LOCALE = "en"
"""A broadcast speaks one language; use POST /v1/messages for more."""


async def broadcast(call: Call[BroadcastBody, BroadcastQuery]) -> Answer:
    """Make the banner live, or say what would happen; with `wait`, see who received it."""
    messages, draft = call.services.messages, _draft(call)
    with blaming({"/content": "/text", **place_of_end(call.body)}):
        if call.query.dry_run:
            return answer(broadcast_view(await messages.preview(call.caller, draft), dry_run=True))
        published = await messages.create(call.caller, draft)
    if call.query.wait is None:
        return _answer(published.message, published.reach)
    seconds = call.query.wait.total_seconds()
    return _answer(published.message, await messages.wait_received(published.message.id, seconds))


def _draft(call: Call[BroadcastBody, BroadcastQuery]) -> MessageDraft:
    body = call.body
    links = _links(body)
    content = Content(title=body.title, body=body.text, actions=links)
    return MessageDraft(
        kind=Kind.BANNER,
        state=State.LIVE,
        content={_LOCALE: content},
        default_locale=_LOCALE,
        severity=body.severity,
        incident=body.incident.value() if body.incident else None,
        dismissible=body.dismissible,
        pages=body.pages.value() if body.pages else Pages(),
        expires_at=expiry(call.services.clock.now(), body.expires_in, body.expires_at),
    )


def _links(body: BroadcastBody) -> tuple[Action, ...]:
    if body.link is None:
        return ()
    return (Action(id="link", label=body.link.label, href=body.link.href),)


def _answer(message: Message, reach: Reach) -> Answer:
    view = broadcast_view(Published(message=message, reach=reach))
    headers = {"ETag": f'"{message.revision}"', "Location": f"/v1/messages/{message.id}"}
    return answer(view, status=201, headers=headers)


async def _rebuild(services: Services, message_id: str) -> Answer:
    published = await services.messages.get(message_id)
    return _answer(published.message, published.reach)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="broadcast",
        method="POST",
        path="/v1/broadcast",
        tag="banners",
        summary="Put a banner on every open screen, now",
        description="One call, one banner, live when the answer comes. `?wait=2s` waits for"
        " `received` receipts, up to that time (at most 30s); `?dry_run=true` changes nothing and"
        " answers 200.",
        handler=broadcast,
        scopes=(Scope.BANNER_WRITE,),
        body=BroadcastBody,
        query=BroadcastQuery,
        returns=BroadcastView,
        status=201,
        rebuild=_rebuild,
    ),
)
