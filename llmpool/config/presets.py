"""The presets: rows about known vendors, read once per process from `data/presets.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from llmpool.core.provider import Preset

_FILE = Path(__file__).parent.parent / "data" / "presets.toml"


@cache
def presets() -> dict[str, Preset]:
    """Return every preset by id, in the order of the file; callers do not change the dictionary."""
    with _FILE.open("rb") as file:
        rows = tomllib.load(file)
    return {name: _preset(name, row) for name, row in rows.items()}


def find_preset(name: str) -> Preset | None:
    """Find the preset called *name*, by id or by another spelling of it; upper case does not matter."""
    wanted = name.strip().lower()
    return presets().get(wanted) or _by_alias().get(wanted)


@cache
def plans() -> tuple[str, ...]:
    """Name the presets of accounts: what is asked of them is paid by a plan, not call by call."""
    return tuple(name for name, preset in presets().items() if preset.oauth)


@cache
def _by_alias() -> dict[str, Preset]:
    return {alias: preset for preset in presets().values() for alias in preset.aliases}


def _preset(name: str, row: dict[str, Any]) -> Preset:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
    }
    return Preset(id=name, **values)
