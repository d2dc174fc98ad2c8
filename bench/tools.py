"""Builds the C programs, and fetches what peers are made of, into bench/build.

Owns that folder. Nothing is installed on the machine: Debian packages are unpacked, not installed.
What cannot be had raises `Unavailable` with the reason, which becomes a line of the report.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "build"
SETUPS = HERE / "setups"
"""Configurations and scripts, one for each peer."""

INSTALL_SECONDS = 600
"""A whole Go server is built from source within this time on two cores."""


class Unavailable(Exception):
    """Something that a measurement needs cannot be had here; the text says why."""


def compile_c(name: str) -> Path:
    """Build bench/NAME.c when its program is older than its source."""
    source, program = HERE / f"{name}.c", BUILD / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        fresh = program.with_suffix(f".{os.getpid()}")  # somebody may be running the old one
        run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(fresh), str(source)])
        fresh.replace(program)
    return program


def go_install(module: str, program: str) -> Path:
    """Build a Go program from its module, such as `example.org/server/v2@v2.1.0`."""
    target = BUILD / "bin" / program
    if not target.exists():
        run(["go", "install", module], GOBIN=str(target.parent), GOFLAGS="-buildvcs=false")
    return target


def npm_install(script: str, *packages: str) -> Path:
    """Put a peer's script beside the packages that it imports; returns the script's path."""
    folder = BUILD / "js" / Path(script).stem
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
        run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages], folder)
    return Path(shutil.copy(SETUPS / script, folder))


def pip_install(*packages: str) -> Path:
    """Put Python packages where only a peer sees them; returns the folder for its PYTHONPATH."""
    folder = BUILD / "python"
    if not folder.exists():
        run([sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), *packages])
    return folder


def debian_unpack(*packages: str) -> Path:
    """Unpack Debian packages, without installing them; returns the root folder."""
    root = BUILD / "debian"
    for package in packages:
        done = root / f".{package}"
        if not done.exists():
            root.mkdir(parents=True, exist_ok=True)
            for old in root.glob(f"{package}_*.deb"):
                old.unlink()
            run(["apt-get", "download", package], root)
            run(["dpkg", "-x", str(next(root.glob(f"{package}_*.deb"))), "."], root)
            done.touch()
    return root


def run(command: list[str], folder: Path | None = None, **env: str) -> None:
    """Run a build step; its last line of output is the reason when it fails."""
    try:
        subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **env},
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise Unavailable(f"`{command[0]}` is not here") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"`{' '.join(command[:3])}` took over {INSTALL_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"`{' '.join(command[:3])}`: {_reason(error.stderr)}") from None


def _reason(output: str) -> str:
    """The end of an error, where the cause is, without the addresses in it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    words = (lines[-1] if lines else "failed without a word").split()
    return " ".join(word for word in words if "://" not in word)[-100:]
