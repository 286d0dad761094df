"""The program as people have it: an installed wheel, whose modules are compiled.

A checkout has none of that, so the default run installs it into an environment of its own first.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.support import CODE, Home


class Program(NamedTuple):
    """The interpreter and the console script of an environment, and what is said of it."""

    python: str
    script: str
    about: str
    own: bool = False  # whether the environment is its own, where the checkout must not be found

    def env(self, home: Home) -> dict[str, str]:
        """Return the variables of a run in a home."""
        return {k: v for k, v in home.env.items() if not (self.own and k == "PYTHONPATH")}

    def llmpool(self, *args: str) -> list[str]:
        """Return the command line that runs llmpool with *args*."""
        return [self.script, *args] if self.script else [self.python, "-m", "llmpool", *args]

    def run(self, code: str, *args: str) -> list[str]:
        """Return the command line that runs a text of Python."""
        return [self.python, "-c", code, *args]


def here() -> Program:
    """Return the program of this environment: its console script, which is what people start."""
    script = _script(Path(sys.executable).parent)
    return Program(sys.executable, script, f"llmpool from {CODE.name}")


def installed(directory: Path, *also: str) -> Program:
    """Install the checkout into an environment in *directory*; the checkout itself where that fails."""
    if not (CODE / "pyproject.toml").exists():
        return here()._replace(about="as it is installed here")
    python = make(directory, str(CODE), "httpx-sse", *also)
    if python is None:
        return Program(sys.executable, "", "the checkout: it could not be installed, so start-up is slower")
    return Program(str(python), _script(python.parent), "an installed wheel of this checkout", own=True)


def make(directory: Path, *packages: str) -> Path | None:
    """Make a virtual environment with these packages; return its interpreter, None where it failed."""
    python = directory / "bin" / "python"
    commands = (
        [sys.executable, "-m", "venv", str(directory)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{' '.join(command[1:4])} failed: {done.stderr.strip().splitlines()[-1:]}")
            return None
    return python


def versions(python: Path, *names: str) -> dict[str, str]:
    """Return the versions of the distributions that an environment has."""
    code = (
        "import importlib.metadata as m, sys\nfor name in sys.argv[1:]:\n"
        "  try: print(name, m.version(name))\n  except m.PackageNotFoundError: pass\n"
    )
    done = subprocess.run([str(python), "-c", code, *names], capture_output=True, text=True, check=False)
    return dict(line.split() for line in done.stdout.splitlines())


def version() -> str:
    """Return the version of the llmpool under test."""
    try:
        return importlib.metadata.version("llmpool")
    except importlib.metadata.PackageNotFoundError:
        from llmpool import __version__

        return __version__


def _script(beside: Path) -> str:
    script = beside / "llmpool"
    return str(script) if script.exists() else ""
