"""The pages for operators and authors of clients say all that the code knows by name.

Reads the code's own tables, so that a new setting, metric, close code, frame or operation fails
here until somebody has written it down.
"""

import re
from functools import cache
from pathlib import Path
from typing import get_args

import click
import pytest

from gateway.cli.main import cli
from gateway.http.operations import operations
from gateway.metrics import Metrics
from gateway.settings import Settings
from gateway.wire import frames
from gateway.wire.close_codes import CloseCode

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _missing(page: str, words: list[str]) -> list[str]:
    """The words that the page does not have, each as a word of its own."""
    text = _page(page)
    return [word for word in words if not re.search(rf"(?<![\w]){re.escape(word)}(?!\w)", text)]


def test_every_setting_is_documented() -> None:
    """Style 20: settings are documented once, under the name that is typed."""
    names = [f"GATEWAY_{name.upper()}" for name in Settings.model_fields if name != "dev"]
    assert _missing("operations.md", names) == []


def test_no_setting_is_documented_that_is_not_there() -> None:
    """A setting that was renamed or dropped is not left on the page."""
    known = {f"GATEWAY_{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    known |= {"GATEWAY_CONFIG", "GATEWAY_URL", "GATEWAY_KEY"}
    assert sorted(set(re.findall(r"GATEWAY_[A-Z_]+[A-Z]", _page("operations.md"))) - known) == []


def test_every_metric_is_documented() -> None:
    """Dashboards rely on names: a metric that nobody can find was not worth its cost."""
    families = [family.name for family in Metrics().registry.collect()]
    text = _page("operations.md")
    assert [name for name in families if name not in text] == []


def test_every_close_code_is_documented() -> None:
    """PROTOCOL §2: the number alone says what to do, so each number is explained."""
    assert _missing("protocol.md", [str(int(code)) for code in CloseCode]) == []


@pytest.mark.parametrize("union", [frames.ClientFrame, frames.NodeFrame], ids=["client", "node"])
def test_every_frame_is_documented(union: type) -> None:
    """Each frame by its type, and each of its fields."""
    words = []
    for frame in get_args(union):
        words += [f"`{frame.__struct_config__.tag}`", *frame.__struct_encode_fields__]
    text = _page("protocol.md")
    assert [word for word in words if word not in text] == []


def test_every_operation_is_documented() -> None:
    """Each call with its method and path as they are typed."""
    text = _page("http-api.md")
    calls = [f"{each.method} {each.path}" for each in operations(docs=True, dev_mode=False)]
    assert [call for call in calls if call not in text] == []


def _verbs() -> dict[str, list[str]]:
    """Each verb as it is typed, with its long options."""
    found: dict[str, list[str]] = {}
    waiting: list[tuple[str, click.Command]] = [("gateway", cli)]
    while waiting:
        name, command = waiting.pop()
        context = click.Context(command)
        if isinstance(command, click.Group):
            for sub in command.list_commands(context):
                each = command.get_command(context, sub)
                assert each is not None
                waiting.append((f"{name} {sub}", each))
        else:
            found[name] = [
                option
                for parameter in command.params
                for option in parameter.opts
                if option.startswith("--") and not getattr(parameter, "hidden", False)
            ]
    return found


def test_every_verb_is_documented() -> None:
    """Each command with every option, so that nobody has to read --help to know it is there."""
    verbs = _verbs()
    words = {word for verb in verbs for word in verb.split()[1:]}
    assert _missing("cli.md", sorted(words)) == []
    options = {option for each in verbs.values() for option in each}
    assert _missing("cli.md", sorted(options)) == []


def _markdown() -> list[Path]:
    folders = [ROOT / "docs", ROOT / "bench"]
    pages = [page for folder in folders for page in sorted(folder.rglob("*.md"))]
    return [*sorted(ROOT.glob("*.md")), *(page for page in pages if "build" not in page.parts)]


@pytest.mark.parametrize("page", _markdown(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A link to a file of the repository has a file behind it."""
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    local = [link for link in links if link and ":" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []
