"""What needs no key: public banners, health, metrics, the client's files, the descriptions."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.http.api import health
from gateway.http.assets import Assets, client_root
from gateway.http.catalogue import CATALOGUE
from gateway.http.operations import operations
from gateway.messaging.messages import LiveView
from gateway.wire import frames
from tests.gateway.http.http_kit import Gateway, Reply

DOCS = Path(__file__).parents[3] / "docs"


async def _open(gateway: Gateway, path: str, **request: Any) -> Reply:
    return await gateway.call("GET", path, **request)


# Public banners


async def test_the_anonymous_live_set_is_for_any_site_and_any_cache(gateway: Gateway) -> None:
    """PROTOCOL §2, fallbacks: ETag, Cache-Control, CORS."""
    reply = await _open(gateway, "/v1/public/banners", headers={"Origin": "https://shop.example"})
    assert reply.json == {"revision": 7, "live": [{"id": "msg_1", "revision": 1}]}
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert (reply.header("Cache-Control") or "").startswith("public, max-age=5")
    assert re.fullmatch(r'"[0-9a-f]+"', reply.header("ETag") or "")


async def test_who_has_it_already_gets_304(gateway: Gateway) -> None:
    """RFC 9110 §13.1.2, weak comparison; a changed set is sent again."""
    etag = (await _open(gateway, "/v1/public/banners")).header("ETag") or ""
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        reply = await _open(gateway, "/v1/public/banners", headers={"If-None-Match": tags})
        assert (reply.status, reply.body, reply.header("ETag")) == (304, b"", etag)
        assert reply.header("Access-Control-Allow-Origin") == "*"
    gateway.live = LiveView(revision=8, messages=())
    reply = await _open(gateway, "/v1/public/banners", headers={"If-None-Match": etag})
    assert (reply.status, reply.json) == (200, {"revision": 8, "live": []})


# Health


async def test_alive_is_alive_even_without_a_store(gateway: Gateway) -> None:
    """Restarting a node does not bring a database back."""
    gateway.store.down = True
    gateway.node.draining.set()
    assert (await _open(gateway, "/healthz")).json == {"status": "ok", "node": "node-a"}


async def test_ready_says_why_it_is_not(gateway: Gateway) -> None:
    """503 while draining or without the store; the body says why."""
    assert (await _open(gateway, "/readyz")).json == {"status": "ready", "node": "node-a"}
    gateway.store.down = True
    reply = await _open(gateway, "/readyz")
    assert (reply.status, reply.problem["code"]) == (503, "store_unavailable")
    gateway.node.draining.set()
    reply = await _open(gateway, "/readyz")
    assert (reply.status, reply.problem["code"]) == (503, "draining")


async def test_a_store_that_hangs_is_not_ready(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that never comes is an answer, too."""
    monkeypatch.setattr(health, "_PING_SECONDS", 0.01)
    gateway.store.hangs = True
    assert (await _open(gateway, "/readyz")).status == 503


async def test_metrics_are_text_for_prometheus(gateway: Gateway) -> None:
    """The registry's own words and type."""
    reply = await _open(gateway, "/metrics")
    assert reply.body == b"gateway_up 1\n"
    assert (reply.header("Content-Type") or "").startswith("text/plain; version=")


# The client's files


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """A client of two modules, beside a file that is nobody's business."""
    root = tmp_path / "src"
    (root / "ui").mkdir(parents=True)
    (root / "index.js").write_text('export { x } from "./ui/x.js";')
    (root / "ui" / "x.js").write_text("export const x = 1;")
    (root / "notes.txt").write_text("secret")
    (tmp_path / "secret.js").write_text("secret")
    (root / "link.js").symlink_to(tmp_path / "secret.js")
    return root


def test_modules_are_served_with_the_type_that_browsers_ask_for(client: Path) -> None:
    """nosniff: a module of another type is not run."""
    answer = Assets(client, demo=False, fresh=False).find("/client/ui/x.js")
    assert answer is not None
    assert answer.body == b"export const x = 1;"
    assert answer.media_type == "text/javascript; charset=utf-8"


def test_the_sdk_leads_to_the_client(client: Path) -> None:
    """`<script type="module" src="/sdk.js">` is all a page needs, also from another host."""
    answer = Assets(client, demo=False, fresh=False).find("/sdk.js")
    assert answer is not None
    assert answer.body == b'export * from "./client/index.js";\n'


@pytest.mark.parametrize(
    "address",
    ["/client/../secret.js", "/client/ui/../../secret.js", "/client//etc/passwd", "/client/",
     "/client/%2e%2e/secret.js", "/client/..%2fsecret.js", "/client/notes.txt", "/client/link.js",
     "/client/ui", "/client/ui/x.js/", "/client/ui\\x.js", "/client/ui/x.js\x00"],
)  # fmt: skip
@pytest.mark.parametrize("fresh", [False, True])
def test_no_address_leads_out_of_the_client(client: Path, address: str, fresh: bool) -> None:
    """CVE-2023-29159 and its like: an address is looked up whole, never resolved."""
    assert Assets(client, demo=False, fresh=fresh).find(address) is None


def test_in_development_a_changed_file_is_read_again(client: Path) -> None:
    """Nobody restarts a server to see a line of JavaScript."""
    assets, fixed = (Assets(client, demo=False, fresh=fresh) for fresh in (True, False))
    (client / "ui" / "x.js").write_text("export const x = 2;")
    (client / "new.js").write_text("")
    found = assets.find("/client/ui/x.js")
    assert found is not None
    assert found.body == b"export const x = 2;"
    assert assets.find("/client/new.js") is not None
    assert fixed.find("/client/new.js") is None
    (client / "new.js").unlink()
    assert assets.find("/client/new.js") is None


async def test_files_are_cached_by_etag_and_open_to_other_sites(gateway: Gateway) -> None:
    """A page of another host may load the client; it asks each time whether it is still right."""
    module = sorted(client_root().rglob("*.js"))[0].relative_to(client_root())
    path = f"/client/{module.as_posix()}"
    reply = await _open(gateway, path)
    assert reply.status == 200
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert reply.header("Cross-Origin-Resource-Policy") == "cross-origin"
    assert reply.header("Cache-Control") == "public, no-cache"
    again = await _open(gateway, path, headers={"If-None-Match": reply.header("ETag") or ""})
    assert again.status == 304


# Development only


async def test_the_demo_exists_in_development_only() -> None:
    """Its settings hold a key: `gateway serve` has no such path."""
    demo = {"key": "igk_demo"}
    dev, serve = Gateway(dev=True, demo=demo), Gateway(demo=demo)
    local = {"Host": "127.0.0.1:8000"}
    assert (await _open(dev, "/demo/config.json", headers=local)).json == demo
    assert (await _open(dev, "/", headers=local)).status == 200
    for path in ("/demo/config.json", "/demo", "/"):
        assert (await _open(serve, path, headers=local)).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example.com:8000"},
        {"Host": "localhost.example.com"},
        {"Host": "127.0.0.1:8000", "Origin": "https://evil.example.com"},
        {"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:9000"},
        {"Host": "127.0.0.1:8000", "Origin": "null"},
    ],
)
async def test_the_demo_tells_its_key_to_this_machine_alone(headers: dict[str, str]) -> None:
    """DNS rebinding: a name of somebody else's that points here is not this machine."""
    gateway = Gateway(dev=True, demo={"key": "igk_demo"})
    assert (await _open(gateway, "/demo/config.json", headers=headers)).status == 404


async def test_a_browser_on_this_machine_gets_it() -> None:
    """By any of the machine's own names."""
    gateway = Gateway(dev=True, demo={"key": "igk_demo"})
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert (await _open(gateway, "/demo/config.json", headers=headers)).status == 200


# Descriptions


async def test_openapi_describes_every_operation(gateway: Gateway) -> None:
    """T61: OpenAPI 3.1, made from the registry, without a dangling reference."""
    document = (await _open(gateway, "/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    known = operations(docs=True, dev_mode=False)
    assert described == {(operation.method, operation.path) for operation in known}
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


async def test_openapi_tells_scopes_parameters_and_bodies(gateway: Gateway) -> None:
    """What a generated client needs to know."""
    paths = (await _open(gateway, "/openapi.json")).json["paths"]
    broadcast = paths["/v1/broadcast"]["post"]
    assert broadcast["x-scopes"] == ["banner:write"]
    names = {parameter["name"] for parameter in broadcast["parameters"]}
    assert names == {"dry_run", "wait", "Idempotency-Key"}
    assert set(broadcast["responses"]) >= {"200", "201", "400", "401", "403", "409", "422", "503"}
    assert paths["/healthz"]["get"]["security"] == []
    patch = paths["/v1/messages/{id}"]["patch"]
    assert "If-Match" in {parameter["name"] for parameter in patch["parameters"]}


async def test_asyncapi_describes_every_frame(gateway: Gateway) -> None:
    """From the frames' own types, without a dangling reference."""
    document = (await _open(gateway, "/asyncapi.json")).json
    named = [frames.Connect, frames.Welcome, frames.Bye, frames.Receipts]
    tags = {str(frame.__struct_config__.tag) for frame in named}
    assert tags <= set(document["components"]["messages"])
    assert document["channels"]["gateway"]["address"] == "/v1/ws"
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


@pytest.mark.parametrize("path", ["/docs", "/docs/problems"])
async def test_the_pages_load_nothing_from_elsewhere(gateway: Gateway, path: str) -> None:
    """PROTOCOL §3: no page loads anything from another host; none has a script or inline style."""
    reply = await _open(gateway, path)
    page = reply.body.decode()
    assert reply.header("Content-Type") == "text/html; charset=utf-8"
    assert "//" not in re.sub(r"<code>.*?</code>|<!doctype html>", "", page)
    assert "<script" not in page
    assert "style=" not in page
    loaded = re.findall(r'(?:src|href)="(/[^"]*)"', page)
    assert {(await _open(gateway, each)).status for each in loaded} == {200}


async def test_the_docs_page_has_every_operation_and_code(gateway: Gateway) -> None:
    """And each problem can be linked to by its code."""
    docs = (await _open(gateway, "/docs")).body.decode()
    assert all(f'id="{o.id}"' in docs for o in operations(docs=True, dev_mode=False))
    problems = (await _open(gateway, "/docs/problems")).body.decode()
    assert all(f'id="{code}"' in problems for code in CATALOGUE)


async def test_descriptions_can_be_switched_off() -> None:
    """`GATEWAY_DOCS=false`."""
    gateway = Gateway(docs=False)
    for path in ("/docs", "/docs/problems", "/openapi.json", "/asyncapi.json"):
        assert (await _open(gateway, path)).status == 404


def test_every_problem_code_is_written_down() -> None:
    """docs/http-api.md lists each code with its status."""
    text = (DOCS / "http-api.md").read_text(encoding="utf-8")
    missing = [
        code for code, entry in CATALOGUE.items() if f"| `{code}` | {entry.status} |" not in text
    ]
    assert missing == []
