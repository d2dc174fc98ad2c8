"""The pages `/docs` and `/docs/problems`, made from the operations and the table of problems.

Plain HTML with one stylesheet of our own; nothing is loaded from another host and nothing runs.
"""

from collections.abc import Mapping, Sequence
from html import escape

from gateway import __version__
from gateway.http.catalogue import CATALOGUE, Entry
from gateway.http.operation import Operation

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="stylesheet" href="/docs.css"></head>
<body><header><a href="/docs">HTTP API</a> <a href="/docs/problems">Problems</a>
<a href="/openapi.json">openapi.json</a> <a href="/asyncapi.json">asyncapi.json</a>
<span>inapp-gateway {version}</span></header><main><h1>{title}</h1>{main}</main></body></html>
"""


def _page(title: str, main: str) -> bytes:
    return _PAGE.format(title=title, main=main, version=__version__).encode()


def docs_page(operations: Sequence[Operation]) -> bytes:
    """All operations, by tag."""
    tags = dict.fromkeys(operation.tag for operation in operations)
    sections = [_section(tag, [o for o in operations if o.tag == tag]) for tag in tags]
    intro = (
        "<p>Send <code>Authorization: Bearer &lt;admin key&gt;</code>. Errors are"
        ' <code>application/problem+json</code>; <a href="/docs/problems">all codes</a>.'
        " <code>Idempotency-Key</code> works on every POST and PATCH.</p>"
    )
    return _page("HTTP API", intro + "".join(sections))


def _section(tag: str, operations: Sequence[Operation]) -> str:
    return f"<h2>{escape(tag)}</h2>" + "".join(_operation(one) for one in operations)


def _operation(one: Operation) -> str:
    rows: dict[str, str] = {}
    if one.scopes:
        rows["Scope"] = " or ".join(f"<code>{scope}</code>" for scope in one.scopes)
    query = list(one.query.model_fields)
    if query:
        rows["Query"] = " ".join(f"<code>{name}</code>" for name in query)
    if one.body is not None:
        rows["Body"] = _fields(one)
    other = "".join(f", <code>{escape(media)}</code>" for media in one.streams)
    rows["Answers"] = f"{one.status}{other}"
    table = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
    head = f"<code class={one.method.lower()}>{one.method}</code> <code>{escape(one.path)}</code>"
    text = f"<p>{escape(one.description)}</p>" if one.description else ""
    return (
        f'<article id="{one.id}"><h3>{head}</h3><p><b>{escape(one.summary)}</b></p>{text}'
        f"<table>{table}</table></article>"
    )


def _fields(one: Operation) -> str:
    fields = one.body.model_fields if one.body is not None else {}
    needed = [f"<code><b>{n}</b></code>" for n, field in fields.items() if field.is_required()]
    others = [f"<code>{n}</code>" for n, field in fields.items() if not field.is_required()]
    return " ".join([*needed, *others]) or "<code>{}</code> or none"


def problems_page(catalogue: Mapping[str, Entry] = CATALOGUE) -> bytes:
    """Every code with its meaning."""
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{entry.status}</td>'
        f"<td>{escape(entry.title)}</td><td>{escape(entry.meaning)}</td></tr>"
        for code, entry in catalogue.items()
    )
    head = "<tr><th>code</th><th>status</th><th>title</th><th>what it means, what to do</th></tr>"
    return _page("Problems", f"<table>{head}{rows}</table>")


def index_page(has_demo: bool) -> bytes:
    """Where to go from the root, in development."""
    demo = '<li><a href="/demo">Demo</a>: three users and a panel that sends banners</li>'
    links = '<li><a href="/docs">HTTP API</a></li><li><a href="/v1/public/banners">Live banners</a></li>'
    return _page("inapp-gateway", f"<ul>{demo if has_demo else ''}{links}</ul>")
