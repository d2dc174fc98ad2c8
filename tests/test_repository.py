"""The repository keeps its own rules: what is where, how long it is, what it must not contain.

Reads files only. What a linter or the import contracts already check is not repeated here.
"""

import ast
import fnmatch
import importlib.util
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]

REQUIRED = {
    "pyproject.toml",
    "gateway",
    "rules",
    "client-js",
    "tests",
    "Dockerfile",
    "README.md",
    "Makefile",
    "LICENSE",
    "CHANGELOG.md",
    "docs",
    "bench",
}
OPTIONAL = {"compose.yaml"}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 45
USUAL_FUNCTION_LINES = 25

FLOORS = {
    "starlette": "1.3.1",
    "uvicorn": "0.52.1",
    "websockets": "17.0.1",
    "h11": "0.16",
    "httptools": "0.8",
    "msgpack": "1.2.4",
    "PyJWT": "2.13.0",
}
"""Below these, published advisories or bugs apply to us (docs/security.md)."""

FORBIDDEN_MODULES = {
    "pickle": "runs what it reads",
    "marshal": "crashes on what it reads",
    "shelve": "is pickle",
    "multipart": "forms are not parsed here",
    "python_multipart": "forms are not parsed here",
}
FORBIDDEN_NAMES = {
    "eval": "runs what it reads",
    "exec": "runs what it reads",
    "msgpack.Unpacker": "its streaming reader had memory bugs (T36)",
    "yaml.load": "builds any object",
    "request.url": "is made from the Host header (T8)",
}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _ignored() -> list[str]:
    return (ROOT / ".gitignore").read_text().split()


def _is_ignored(name: str) -> bool:
    last = name.rpartition("/")[2]
    patterns = (pattern.rstrip("/") for pattern in _ignored())
    return any(fnmatch.fnmatch(last, each) or name == each for each in patterns)


@cache
def _files() -> list[Path]:
    """Every file that belongs to the repository, hidden ones too."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        here = "" if folder == str(ROOT) else _name(Path(folder)) + "/"
        folders[:] = [each for each in folders if each != ".git" and not _is_ignored(here + each)]
        found += [Path(folder, each) for each in files if not _is_ignored(here + each)]
    return sorted(found)


def _modules(*folders: str) -> list[Path]:
    roots = [ROOT / folder for folder in folders]
    return [
        path
        for path in _files()
        if path.suffix == ".py" and any(path.is_relative_to(root) for root in roots)
    ]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


PRODUCT = _modules("gateway", "rules")


def test_the_top_level_is_what_it_is_meant_to_be() -> None:
    """One look at the repository tells what there is; nothing else gathers there."""
    entries = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    entries = {entry for entry in entries if not _is_ignored(entry)}
    assert sorted(REQUIRED - entries) == []
    assert sorted(entries - REQUIRED - OPTIONAL) == []


def test_every_module_opens_with_what_it_owns() -> None:
    """Style 1: a file opens with a docstring; only a package of tests may be empty."""
    bare = [
        _name(path)
        for path in _modules("gateway", "rules", "bench", "tests")
        if not ast.get_docstring(_tree(path))
        and not (path.is_relative_to(ROOT / "tests") and not path.read_text().strip())
    ]
    assert bare == []


def test_every_file_is_short_enough_to_read_at_once() -> None:
    """Style: no file over 400 lines."""
    lengths = {_name(path): len(path.read_text().splitlines()) for path in PRODUCT}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def _function_lengths() -> dict[str, int]:
    lengths = {}
    for path in PRODUCT:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                lengths[f"{_name(path)}:{node.lineno} {node.name}"] = length
    return lengths


def test_functions_are_short() -> None:
    """Style 3: nine in ten functions are under 25 lines, none is over 45."""
    lengths = _function_lengths()
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}
    usual = sum(n < USUAL_FUNCTION_LINES for n in lengths.values())
    assert usual / len(lengths) >= 0.9


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def _used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, _dotted(node.func)
        elif isinstance(node, ast.Attribute):
            yield node.lineno, _dotted(node)


def _what_bites(tree: ast.AST) -> list[str]:
    modules = (
        (line, name, FORBIDDEN_MODULES.get(name.split(".")[0])) for line, name in _imported(tree)
    )
    names = ((line, name, FORBIDDEN_NAMES.get(name)) for line, name in _used(tree))
    return sorted({f"{line}: {name} {why}" for line, name, why in [*modules, *names] if why})


def test_nothing_that_is_known_to_bite_is_used() -> None:
    """T8, T36, T72: no unsafe reader, no decision by request.url, no form parser."""
    found = {_name(path): _what_bites(_tree(path)) for path in PRODUCT}
    assert {name: each for name, each in found.items() if each} == {}


def test_the_search_for_what_bites_finds_it() -> None:
    """A check that never failed proves nothing."""
    bad = "import pickle\nfrom python_multipart import x\neval(x)\nrequest.url\n"
    bad += "msgpack.Unpacker(f)\n"
    assert [each.split(":")[0] for each in _what_bites(ast.parse(bad))] == list("12345")


def test_the_rules_are_pure() -> None:
    """Architecture §1: the rules use the standard library alone: no clock, no chance, no I/O."""
    impure = {"asyncio", "time", "random", "secrets", "os", "socket", "threading", "uuid", "io"}
    imported = {
        name.split(".")[0] for path in _modules("rules") for _, name in _imported(_tree(path))
    }
    assert sorted(imported - sys.stdlib_module_names - {"rules"}) == []
    assert sorted(imported & impure) == []


# ---- dependencies


def _pins() -> dict[str, str]:
    lines = (ROOT / ".ci/constraints.txt").read_text().split()
    return {canonicalize_name(name): pin for name, pin in (line.split("==") for line in lines)}


def _dependencies() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    return [Requirement(each) for each in [*project["dependencies"], *extras]]


@pytest.mark.parametrize("requirement", _dependencies(), ids=lambda each: each.name)
def test_a_dependency_has_a_floor_and_one_exact_version(requirement: Requirement) -> None:
    """T72: what is installed is what was tested, and never older than its floor."""
    pin = _pins()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pin)
    assert {each.operator for each in requirement.specifier} <= {">=", "=="}
    assert version(requirement.name) == pin


def test_what_dependencies_need_is_pinned_too() -> None:
    """T72: nothing gets in by way of something else in a version that nobody has tested."""
    waiting, seen = [*_dependencies()], set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in seen:
            continue
        seen.add(name)
        for text in requires(name) or []:
            further = Requirement(text)
            extras = [{"extra": extra} for extra in requirement.extras or [""]]
            if not further.marker or any(further.marker.evaluate(each) for each in extras):
                waiting.append(further)
    assert sorted(seen - set(_pins())) == []


@pytest.mark.parametrize(("name", "floor"), FLOORS.items(), ids=list(FLOORS))
def test_no_version_with_a_known_hole_is_installed(name: str, floor: str) -> None:
    """F15, T72: advisory services may be out of reach, so the floors are kept here."""
    assert Version(version(name)) >= Version(floor)
    named = [each for each in _dependencies() if each.name.lower() == name.lower()]
    for requirement in named:
        assert not requirement.specifier.contains(_just_below(floor))


def _just_below(floor: str) -> str:
    """A version right under the floor: 1.3.1 → 1.3.0.999."""
    *head, last = (int(part) for part in floor.split("."))
    return ".".join(str(part) for part in (*head, last - 1, 999)) if last else f"{floor}.dev0"


@pytest.mark.parametrize("module", ["multipart", "python_multipart"])
def test_no_form_parser_is_installed(module: str) -> None:
    """T72: what is not there cannot be attacked; starlette would use it for any form."""
    assert importlib.util.find_spec(module) is None


def test_the_client_has_no_dependency_at_run_time() -> None:
    """Style 33: plain modules; what tests need stays out of what pages load."""
    package = json.loads((ROOT / "client-js/package.json").read_text())
    assert package.get("dependencies", {}) == {}
    assert package.get("peerDependencies", {}) == {}


# ---- text


HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "proxy.golang" + ".org")
MACHINE = re.compile(r"(?<![\w.~}*-])/(?:work|root|home/\w+)/\w")
TEXT = {
    ".py", ".toml", ".md", ".js", ".mjs", ".json", ".txt", ".yaml", ".yml", ".html", ".css",
    ".c", ".conf", ".sql", ".ini", ".mako", ".sh", "",
}  # fmt: skip


def _readable_files() -> list[Path]:
    return [path for path in _files() if path.suffix in TEXT]


def test_no_file_names_a_machine_or_a_registry() -> None:
    """A checkout builds anywhere, from whichever mirror the reader's tools are set up for."""
    found = []
    for path in _readable_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{_name(path)}: {host}" for host in HOSTS if host in text]
        found += [f"{_name(path)}: {match[0]}" for match in MACHINE.finditer(text)]
    assert found == []


def test_lock_files_hold_no_addresses() -> None:
    """The lock pins versions and hashes; where they come from is the machine's business."""
    for lock in (path for path in _readable_files() if path.name == "package-lock.json"):
        assert '"resolved"' not in lock.read_text(), _name(lock)


def test_every_package_has_its_ring() -> None:
    """The import contracts name every part of the gateway, so that a new one must be placed."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    rings = " ".join(config["contracts"][0]["layers"])
    parts = {path.stem for path in (ROOT / "gateway").iterdir() if not path.name.startswith("_")}
    packages = {part for part in parts if not _is_ignored(part)} - {"client_js"}
    assert [each for each in sorted(packages) if f"gateway.{each}" not in rings] == []
