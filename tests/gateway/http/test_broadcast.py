"""One call puts a banner on every open screen: `POST /v1/broadcast`."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.model.message import Severity, State
from tests.fakes import START
from tests.gateway.http.http_kit import Gateway


async def test_one_text_is_all_it_takes(gateway: Gateway) -> None:
    """A17: `{text}` makes a live major banner for four hours."""
    reply = await gateway.post("/v1/broadcast", {"text": "Payments are delayed"})
    assert reply.status == 201
    assert reply.json == {
        "id": reply.json["id"],
        "revision": 1,
        "kind": "banner",
        "state": "live",
        "expires_at": "2026-11-21T16:00:00.000Z",
        "reach": {
            "targeted": None, "online": 3, "sent": 0, "received": 0, "displayed": 0,
            "clicked": 0, "dismissed": 0, "answered": 0, "offline": None, "suppressed": {},
            "sessions": {"online": 4},
        },
        "dry_run": False,
    }  # fmt: skip
    assert reply.header("ETag") == '"1"'
    assert reply.header("Location") == f"/v1/messages/{reply.json['id']}"


async def test_every_field_becomes_part_of_the_message(gateway: Gateway) -> None:
    """PROTOCOL §3: title, severity, link, incident, pages, dismissible, expiry."""
    reply = await gateway.post(
        "/v1/broadcast",
        {
            "text": "Cards fail. **Bank transfers** work.",
            "title": "Payments",
            "severity": "critical",
            "link": {"label": "Status", "href": "https://status.example.com"},
            "expires_in": "1h30m",
            "incident": {"status": "investigating", "body": "We look into it."},
            "pages": {"allow": ["/checkout/**"], "block": ["/checkout/done"]},
            "dismissible": False,
        },
    )
    message = gateway.messages.known[reply.json["id"]][0]
    content = message.content["en"]
    assert (content.title, content.body) == ("Payments", "Cards fail. **Bank transfers** work.")
    assert (content.actions[0].label, content.actions[0].href) == (
        "Status",
        "https://status.example.com",
    )
    assert message.severity is Severity.CRITICAL
    assert message.incident is not None
    assert message.incident.updates[0].body == "We look into it."
    assert message.pages.allow == ("/checkout/**",)
    assert message.pages.block == ("/checkout/done",)
    assert message.dismissible is False
    assert message.expires_at == START + timedelta(minutes=90)
    assert message.state is State.LIVE


async def test_dry_run_changes_nothing(gateway: Gateway) -> None:
    """`?dry_run=true` answers 200 with what would happen."""
    reply = await gateway.post("/v1/broadcast?dry_run=true", {"text": "Hello"})
    assert (reply.status, reply.json["dry_run"]) == (200, True)
    assert gateway.messages.known == {}


async def test_wait_asks_for_received_receipts(gateway: Gateway) -> None:
    """`?wait=2s` answers with what came within that time."""
    reply = await gateway.post("/v1/broadcast?wait=2s", {"text": "Hello"})
    assert gateway.messages.waited == [2.0]
    assert reply.json["reach"]["received"] == 3


@pytest.mark.parametrize("wait", ["31s", "2", "-1s", "0s", "soon", "1m", ""])
async def test_a_wait_that_cannot_be_kept_is_refused(gateway: Gateway, wait: str) -> None:
    """At most 30 s, with a unit; refused before anything is published."""
    reply = await gateway.post(f"/v1/broadcast?wait={wait}", {"text": "Hello"})
    assert (reply.status, reply.problem["code"]) == (400, "bad_query")
    assert list(reply.pointers) == ["/wait"]
    assert gateway.messages.known == {}


async def test_an_audience_is_refused_for_now(gateway: Gateway) -> None:
    """A condition that would be ignored must not look as if it had been obeyed."""
    reply = await gateway.post("/v1/broadcast", {"text": "Hello", "audience": {"all": []}})
    assert (reply.status, reply.problem["code"]) == (422, "audience_not_supported")
    reply = await gateway.post("/v1/broadcast", {"text": "Hello", "audience": None})
    assert reply.status == 201


@pytest.mark.parametrize(
    ("expiry", "at"),
    [
        ({"expires_in": "-1h"}, "/expires_in"),
        ({"expires_in": "0m"}, "/expires_in"),
        ({"expires_in": "4"}, "/expires_in"),
        ({"expires_in": 4}, "/expires_in"),
        ({"expires_in": "25h"}, "/expires_in"),
        ({"expires_in": "999999w"}, "/expires_in"),
        ({"expires_at": "2026-11-21T11:59:59Z"}, "/expires_at"),
        ({"expires_at": "2026-11-21T16:00:00"}, "/expires_at"),
        ({"expires_at": "2026-11-31T16:00:00Z"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "/expires_at"),
        ({"expires_at": 1795000000}, "/expires_at"),
        ({"expires_in": "1h", "expires_at": "2026-11-21T13:00:00Z"}, "/expires_at"),
    ],
)
async def test_an_end_that_makes_no_sense_is_refused(
    gateway: Gateway, expiry: dict[str, Any], at: str
) -> None:
    """Expiry in the past, without zone, beyond the policy, or said twice: 422 at that field."""
    reply = await gateway.post("/v1/broadcast", {"text": "Hello", **expiry})
    assert reply.status == 422
    assert list(reply.pointers) == [at]


async def test_every_bad_field_is_named_at_once(gateway: Gateway) -> None:
    """PROTOCOL §3: `errors[]` names every bad field at once, with a code for programs."""
    reply = await gateway.post(
        "/v1/broadcast",
        {
            "text": " ",
            "titel": "x",
            "severity": "terrible",
            "link": {"label": "y" * 61, "href": "javascript:alert(1)"},
            "expires_in": "1h",
            "expires_at": "2026-11-21T13:00:00Z",
            "incident": {"body": "We look into it."},
            "pages": {"allow": ["/a", "https://b.example.com/"]},
            "dismissible": "no",
        },
    )
    assert (reply.status, reply.problem["code"]) == (422, "invalid_body")
    assert reply.pointers == {
        "/text": "blank",
        "/titel": "unknown_field",
        "/severity": "unknown_value",
        "/link/label": "too_long",
        "/link/href": "bad_link",
        "/expires_at": "conflicting",
        "/incident/status": "missing",
        "/pages/allow/1": "bad_glob",
        "/dismissible": "wrong_type",
    }


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("titel", "`title`"),
        ("severty", "`severity`"),
        ("message", "`text`"),
        ("until", "`expires_"),
    ],
)
async def test_an_unknown_field_is_refused_with_the_right_name(
    gateway: Gateway, field: str, hint: str
) -> None:
    """Unknown fields are refused, not ignored, and the answer says what was meant."""
    reply = await gateway.post("/v1/broadcast", {"text": "Hello", field: "x"})
    [error] = reply.problem["errors"]
    assert (error["pointer"], error["code"]) == (f"/{field}", "unknown_field")
    assert hint in error["detail"]


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "a & b < c", "**bold** `code`"],
)
async def test_html_is_text(gateway: Gateway, text: str) -> None:
    """T55: mark-up is taken as it was typed; the wire carries nodes of text."""
    reply = await gateway.post("/v1/broadcast", {"text": text})
    assert reply.status == 201
    assert gateway.messages.known[reply.json["id"]][0].content["en"].body == text


async def test_what_cannot_be_seen_is_not_kept(gateway: Gateway) -> None:
    """T57: no bidi control or zero-width character lets a text pretend to be another."""
    message_id = await gateway.banner("pay\u202epal\u200b now\ufeff")
    assert gateway.messages.known[message_id][0].content["en"].body == "paypal now"


async def test_a_text_as_long_as_allowed_is_taken_and_no_longer_one(gateway: Gateway) -> None:
    """T57: 500 characters to read; addresses of links do not count."""
    assert (await gateway.post("/v1/broadcast", {"text": "x" * 500})).status == 201
    assert (await gateway.post("/v1/broadcast", {"text": "x" * 501})).status == 422
    link = "[here](https://example.com/" + "y" * 400 + ")"
    assert (await gateway.post("/v1/broadcast", {"text": "x" * 490 + " " + link})).status == 201
    assert (await gateway.post("/v1/broadcast", {"text": "x" * 499 + " " + link})).status == 422


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "//evil.example.com",
        "/\\evil.example.com",
        "http://example.com",
        "https://user:pw@example.com",
        "https://",
        "",
        "ftp://example.com",
    ],
)
async def test_a_dangerous_link_is_refused(gateway: Gateway, href: str) -> None:
    """T56: only https, mailto and paths, in links and in Markdown alike."""
    reply = await gateway.post(
        "/v1/broadcast", {"text": "Hello", "link": {"label": "x", "href": href}}
    )
    assert reply.status in (400, 422)
    assert gateway.messages.known == {}


@pytest.mark.parametrize(
    "text", ["[x](javascript:alert(1))", "<javascript:alert(1)>", "[x](//e.x)"]
)
async def test_a_dangerous_link_in_a_text_is_refused_too(gateway: Gateway, text: str) -> None:
    """T56: Markdown is no way around the list of schemes; its author is told."""
    reply = await gateway.post("/v1/broadcast", {"text": text})
    assert (reply.status, reply.pointers) == (422, {"/text": "bad_link"})


async def test_http_links_are_for_development(gateway: Gateway) -> None:
    """PROTOCOL §2: `http:` in dev only."""
    body = {"text": "Hello", "link": {"label": "x", "href": "http://localhost:3000/"}}
    assert (await gateway.post("/v1/broadcast", body)).status == 422
    assert (await Gateway(dev=True).post("/v1/broadcast", body)).status == 201


async def test_a_breach_of_policy_points_at_what_the_caller_wrote(gateway: Gateway) -> None:
    """The core speaks of `/content` and `/expires_at`; the caller wrote `text` and `expires_in`."""
    reply = await gateway.post("/v1/broadcast", {"text": "Hello", "expires_in": "2d"})
    assert (reply.status, reply.problem["code"]) == (422, "policy_violation")
    assert reply.pointers == {"/expires_in": "too_long"}
