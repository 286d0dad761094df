"""Loads texts as configs, for the tests of the config."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.load import load
from llmpool.core.config import Config
from llmpool.errors import ConfigInvalid

PLANTED = "sk-proj-Zq81xPLANTEDqq72KEYab"


def load_text(folder: Path, text: str | bytes) -> Config:
    """Load *text* as the config."""
    path = folder / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


def problems_of(folder: Path, text: str | bytes) -> list[dict[str, Any]]:
    """Load a text that must fail, and return its problems."""
    with pytest.raises(ConfigInvalid) as caught:
        load_text(folder, text)
    assert len(caught.value.lines) == len(caught.value.details["problems"])
    assert all(line.isprintable() for line in (*caught.value.lines, caught.value.message))
    json.dumps(caught.value.as_json())
    found: list[dict[str, Any]] = caught.value.details["problems"]
    return found


def everything(error: ConfigInvalid) -> str:
    """Return all the text an error could ever show."""
    trace = "".join(traceback.format_exception(error))
    return "\n".join([error.message, error.hint, *error.lines, repr(error.as_json()), repr(error), trace])
