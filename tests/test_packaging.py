"""What is shipped: the wheel, the image, and the two commands that set everything up."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

ROOT = Path(__file__).parents[1]
START_SECONDS = 20
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files in a folder of their own, away from the checkout."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_has_every_file_of_the_product(wheel: Path) -> None:
    """Pages, migrations and the browser client travel with the code."""
    shipped = set(zipfile.ZipFile(wheel).namelist())
    client = ROOT / "client-js/src"
    wanted = {f"gateway/client_js/{path.relative_to(client)}" for path in _files(client)}
    for package in ("gateway", "rules"):
        wanted |= {str(path.relative_to(ROOT)) for path in _files(ROOT / package)}
    assert sorted(wanted - shipped) == []
    extra = {name for name in shipped - wanted if ".dist-info/" not in name}
    assert sorted(extra) == []


def _files(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]


@pytest.fixture
def served(installed: Path, tmp_path: Path) -> Iterator[int]:
    """`gateway serve` from the wheel, as the image starts it but for host and port."""
    port = _free_port()
    data = tmp_path / "data"
    data.mkdir()
    env = _bare_environment(installed) | {
        "GATEWAY_PORT": str(port),
        "GATEWAY_DATABASE_URL": f"sqlite:///{data / 'gateway.db'}",
        "GATEWAY_TOKEN_SECRET": "a-secret-for-one-test-of-32-bytes-or-more",
        "GATEWAY_ADMIN_KEY": "a-key-for-one-test-of-32-bytes-or-more-too",
        "SQLITE_TMPDIR": str(data),
    }
    command = [sys.executable, "-P", "-m", "gateway"]
    subprocess.run([*command, "migrate"], cwd=data, env=env, check=True, capture_output=True)
    log = (tmp_path / "log").open("wb")
    server = subprocess.Popen([*command, "serve"], cwd=data, env=env, stdout=log, stderr=log)
    try:
        _wait_until_ready(port, server, tmp_path / "log")
        yield port
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _bare_environment(site: Path) -> dict[str, str]:
    """Nothing of the caller's own gateway settings, and the wheel before the checkout."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GATEWAY_")}
    return clean | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"not ready: {log.read_text()}")


def test_the_wheel_alone_serves_the_client(served: int, installed: Path) -> None:
    """A page needs one script tag; the gateway has every module of it, wherever it is installed."""
    before = _listing(installed)
    waiting, seen = ["/sdk.js"], set()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += [urljoin(path, each) for each in IMPORT.findall(_script(served, path))]
    assert len(seen) > 5
    assert _listing(installed) == before, "the installed code is not written to"


def _script(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        assert answer.headers.get_content_type() == "text/javascript"
        return str(answer.read().decode())


def _listing(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


# ---- the image


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def _of(kind: str) -> list[str]:
    return [rest for name, rest in _instructions() if name == kind]


def _allowed_for_the_builder() -> set[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return {line[1:] for line in lines if line.startswith("!")}


def test_every_file_that_the_image_copies_is_there() -> None:
    """Sources of COPY exist, and .dockerignore lets them through."""
    sources = [
        source
        for copy in _of("COPY")
        if not copy.startswith("--from")
        for source in copy.split()[:-1]
    ]
    assert sources
    assert [each for each in sources if not (ROOT / each).exists()] == []
    assert sorted(set(sources) - _allowed_for_the_builder()) == []


def test_the_image_does_not_run_as_root() -> None:
    """A hole in the gateway is not a hole in the host."""
    *_, user = _of("USER")
    assert user.split(":")[0] not in {"0", "root"}


def test_the_image_runs_the_python_that_is_tested() -> None:
    """The image's Python is one that the project says it runs on."""
    (argument,) = _of("ARG")
    assert argument == "PYTHON=3.11"
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


def test_the_health_check_of_the_image_tells_sick_from_well(served: int) -> None:
    """The command in HEALTHCHECK succeeds on a live gateway, and fails without one."""
    (check,) = _of("HEALTHCHECK")
    _, script, code = json.loads(check.partition("CMD ")[2])
    assert _exit_code(script, code, served) == 0
    assert _exit_code(script, code, _free_port()) != 0


def _exit_code(script: str, code: str, port: int) -> int:
    env = os.environ | {"GATEWAY_PORT": str(port)}
    done = subprocess.run([sys.executable, script, code], env=env, capture_output=True, check=False)
    return done.returncode


# ---- the two commands


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH of its own: the tools of the scripts, and what a test puts beside them."""
    for tool in ("sh", "env", "dirname", "echo", "cat"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    return tmp_path


def _put(machine: Path, name: str, script: str) -> None:
    (machine / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


def _run(machine: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    shell = str(machine / "sh")
    script, *rest = command
    return subprocess.run(
        [shell, str(ROOT / ".ci" / script), *rest],
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_root_gets_what_is_missing_installed(machine: Path) -> None:
    """A fresh Debian machine needs no command but ours."""
    _put(machine, "id", "echo 0")
    _put(machine, "apt-get", f'echo "$@" >> {machine}/log')
    done = _run(machine, "need", "there=x", "sh=dash", "chromium=chromium")
    assert done.returncode == 0
    update, install = (machine / "log").read_text().splitlines()
    assert update.startswith("update")
    assert install == "install -y --no-install-recommends x chromium"


def test_anybody_else_gets_the_exact_command(machine: Path) -> None:
    """Nothing is skipped: what is missing stops the set-up, with the line to type."""
    _put(machine, "id", "echo 1000")
    _put(machine, "apt-get", "exit 99")
    done = _run(machine, "need", "node=nodejs", "npm=npm")
    assert done.returncode == 1
    line = "sudo apt-get update && sudo apt-get install -y --no-install-recommends nodejs npm"
    assert line in done.stderr


def test_nothing_is_asked_for_that_is_there(machine: Path) -> None:
    """The usual case costs nothing and says nothing."""
    done = _run(machine, "need", "sh=dash")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_old_python_is_refused_with_what_to_do(machine: Path) -> None:
    """Not a traceback from deep inside a dependency."""
    _put(machine, "python3", "exit 1")
    done = _run(machine, "make-venv", "folder")
    assert done.returncode == 1
    assert "No Python 3.11 or later" in done.stderr
    assert "apt-get install -y python3" in done.stderr


def test_a_later_python_is_found_by_its_own_name(machine: Path) -> None:
    """python3 may be old while python3.12 is there."""
    _put(machine, "python3", "exit 1")
    _put(machine, "python3.12", f'echo "$@" >> {machine}/log')
    assert _run(machine, "make-venv", "folder").returncode == 0
    assert "-m venv --clear folder" in (machine / "log").read_text()


def test_a_python_without_venv_is_completed(machine: Path) -> None:
    """Debian ships the venv module as a package of its own."""
    _put(machine, "id", "echo 1000")
    _put(machine, "apt-get", "exit 99")
    answers = 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.12;; esac'
    _put(machine, "python3", answers)
    done = _run(machine, "make-venv", "folder")
    assert done.returncode == 1
    assert "install -y --no-install-recommends python3.12-venv" in done.stderr


def test_continuous_integration_runs_the_same_command() -> None:
    """What CI runs is what a person types."""
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "exec make test"
    assert os.access(ROOT / ".ci/run", os.X_OK)
