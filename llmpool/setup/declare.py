"""Declare what the owner knows of a deployment, in the config."""

from __future__ import annotations

from typing import Any

from llmpool.config import edit
from llmpool.errors import Misuse
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.setup import configfile


def declare(pool: Pool, ref: str, fields: dict[str, Any]) -> str:
    """Set ratings, aliases, window or capabilities of one deployment in the config; returns its id."""
    if not fields:
        raise Misuse("nothing to declare", hint="llmpool models set -h")
    target = resolve.one(ref, pool.table).id
    configfile.change(pool, lambda text: edit.with_model(text, target, fields))
    return target
