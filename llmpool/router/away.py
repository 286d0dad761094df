"""Where those run that a request kept to own machines leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmpool.core.routing import Rejection
from llmpool.router.eligible import NOT_LOCAL


def told(rejection: Rejection, routing: Mapping[str, Any], *, forced: bool) -> tuple[str, ...]:
    """Word the reasons of *rejection* for a person; *forced*: the order stands in a variable."""
    own = {entry["id"] for entry in routing["providers"] if entry["location"] == "local"}
    elsewhere = "excluded by LLMPOOL_LOCAL_ONLY" if forced else NOT_LOCAL
    words = "forwarded by its server, so it runs elsewhere" if _owner(rejection) in own else elsewhere
    return tuple(words if reason == NOT_LOCAL else reason for reason in rejection.reasons)


def is_forced(env: Mapping[str, str]) -> bool:
    """Say whether the order to stay on own machines stands in a variable."""
    return env.get("LLMPOOL_LOCAL_ONLY", "").strip().lower() in ("1", "true", "yes", "on", "t", "y")


def _owner(rejection: Rejection) -> str:
    return rejection.deployment.partition("/")[0]
