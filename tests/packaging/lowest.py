"""The oldest versions that pyproject.toml allows, as constraints for pip.

    python -m tests.packaging.lowest embedded >lowest.txt
    pip install -c lowest.txt '.[dev,embedded]' && pytest

What was tried so stands in `tried.toml` beside this, and a test compares it with the bounds of today.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LEAST = re.compile(r"(?:>=|==)\s*([0-9][0-9a-z.]*)")


def project() -> dict[str, Any]:
    """Read the `[project]` table."""
    read: dict[str, Any] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return read


def asked_for(*extras: str) -> list[str]:
    """List what is asked for at run time, with the *extras* that are named."""
    table = project()
    optional = table["optional-dependencies"]
    return [*table["dependencies"], *(wanted for extra in extras for wanted in optional[extra])]


def lowest(wanted: str) -> str:
    """Turn `rich>=13.9; MARKER` into `rich==13.9; MARKER`; raises ValueError without a lower bound."""
    requirement, _, marker = wanted.partition(";")
    name, least = _NAME.match(requirement), _LEAST.search(requirement)
    if name is None or least is None:
        raise ValueError(f"{wanted!r} has no lower bound: nobody knows what was tried")
    return f"{name[0]}=={least[1]}" + (f";{marker}" if marker else "")


def main(extras: list[str]) -> None:
    """Print a constraint for each."""
    for wanted in asked_for(*extras):
        print(lowest(wanted))


if __name__ == "__main__":
    main(sys.argv[1:])
