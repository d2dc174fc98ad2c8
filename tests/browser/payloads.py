"""Texts and addresses that try to become more than text: 200 and more, each with a purpose.

They are made from what a filter may overlook (tags, attributes, encodings, ways out of a context)
times where they may stand. A payload that ever ran would open a dialog, which fails the test.
"""

from itertools import product

CALLS = ["alert(1)", "confirm`1`", "prompt(document.domain)"]

TAGS = [
    "<script>{call}</script>",
    "<SCRIPT/SRC=data:,{call}></SCRIPT>",
    "<scr<script>ipt>{call}</scr</script>ipt>",
    "<img src=x onerror={call}>",
    "<img/src='x'/onerror={call}>",
    "<svg onload={call}>",
    "<svg><script>{call}</script></svg>",
    "<svg><animate onbegin={call} attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><img src onerror={call}>",
    "<iframe srcdoc='<script>{call}</script>'></iframe>",
    "<iframe src=javascript:{call}></iframe>",
    "<object data=javascript:{call}></object>",
    "<embed src=javascript:{call}>",
    "<details open ontoggle={call}>",
    "<video><source onerror={call}></video>",
    "<body onload={call}>",
    "<input autofocus onfocus={call}>",
    "<form action=javascript:{call}><button>x</button></form>",
    "<a href=javascript:{call}>x</a>",
    "<base href=javascript:{call}//>",
    "<meta http-equiv=refresh content='0;url=javascript:{call}'>",
    "<link rel=stylesheet href=javascript:{call}>",
    "<style>@import 'javascript:{call}';</style>",
    "<template><script>{call}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={call}>'>",
    "<xss style=animation-name:x onanimationstart={call}>",
    "<marquee onstart={call}>",
    "<div contenteditable onbeforeinput={call}>",
    "&lt;script&gt;{call}&lt;/script&gt;",
    "&#60;script&#62;{call}&#60;/script&#62;",
    "\\u003cscript\\u003e{call}\\u003c/script\\u003e",
    "%3Cscript%3E{call}%3C/script%3E",
    "+ADw-script+AD4-{call}+ADw-/script+AD4-",
    "${{{call}}}",
    "{{{{constructor.constructor('{call}')()}}}}",
    "[x](javascript:{call})",
    '![x](x"onerror="{call})',
]
EXITS = ["", '">', "'>", "-->", "</textarea>", "</title></style></script>", "]]>", "`;", "\x00"]

HREFS = [
    "javascript:{call}",
    "JaVaScRiPt:{call}",
    " javascript:{call}",
    "java\nscript:{call}",
    "java\tscript:{call}",
    "java\rscript:{call}",
    "\x01javascript:{call}",
    "javascript\x00:{call}",
    "javascript:/*--></title></style>*/{call}",
    "javascript://https://shop.example/%0A{call}",
    "javascript&colon;{call}",
    "&#106;avascript:{call}",
    "data:text/html,<script>{call}</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload={call}>",
    "vbscript:{call}",
    "livescript:{call}",
    "blob:javascript:{call}",
    "filesystem:javascript:{call}",
    "view-source:javascript:{call}",
    "feed:javascript:{call}",
    "jar:javascript:{call}",
    "ftp://evil.example/{call}",
    "//evil.example/{call}",
    "\\\\evil.example\\{call}",
    "/\\evil.example/{call}",
    "https:\\\\evil.example",
    "ws://evil.example/",
    "chrome://settings/",
    "about:blank#{call}",
    "mailto:a@b.example?body=<script>{call}</script>",
    'https://evil.example/"onclick="{call}',
]


def texts() -> list[str]:
    """Every tag with every call, and a way out of a context before each."""
    made = [tag.format(call=call) for tag, call in product(TAGS, CALLS)]
    return made + [end + tag.format(call=CALLS[0]) for end, tag in product(EXITS[1:], TAGS[:14])]


def hrefs() -> list[str]:
    """Every address with every call."""
    return [href.format(call=call) for href, call in product(HREFS, CALLS)]
