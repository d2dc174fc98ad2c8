"""How this program is typed where it runs, for lines that people paste. Runs nothing."""

import shlex
import shutil
import sys
from pathlib import Path


def command() -> str:
    """How this program is typed here: a virtual environment that is not activated has it off PATH."""
    script = Path(sys.executable).with_name("gateway")
    found = shutil.which("gateway")
    if found is not None and Path(found).resolve() == script.resolve():
        return "gateway"
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m gateway"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))
