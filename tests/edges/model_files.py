"""What the tests of model files share: a model, and what is left of a pull."""

from __future__ import annotations

import hashlib
from pathlib import Path

from llmpool.embedded import models_dir


def ignore(_done: int, _total: int) -> None:
    """Hear the progress and do nothing."""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left(state: Path) -> list[str]:
    """List what lies in the model directory, locks aside."""
    return sorted(path.name for path in models_dir(state).iterdir() if path.suffix != ".lock")
