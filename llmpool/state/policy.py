"""policy.json: the overlay on providers and deployments, by id; a decision of the owner, never forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.core.policy import Policy
from llmpool.state import jsonfile

NAME = "policy.json"


def read(state: Path) -> dict[str, Policy]:
    """Read the policies by provider or deployment id; a corrupt file raises StateUnusable."""
    return _policies(jsonfile.read(state / NAME, precious=True))


def put(state: Path, target: str, decided: Policy) -> Policy:
    """Merge *decided* into the policy of *target*, field by field (DESIGN ruling 19); return the result."""
    merged = decided

    def change(old: Any) -> Any:
        nonlocal merged
        policies = _policies(old)
        before = policies.get(target, Policy())
        merged = Policy(
            state=decided.state or before.state,
            routable=before.routable if decided.routable is None else decided.routable,
            reason=decided.reason or before.reason,
            updated_at=decided.updated_at,
        )
        return _data(policies | {target: merged})

    jsonfile.update(state / NAME, change, precious=True)
    return merged


def drop(state: Path, target: str) -> bool:
    """Drop the policy of *target*, whether it exists upstream or not; False when there was none."""
    found = False

    def change(old: Any) -> Any:
        nonlocal found
        policies = _policies(old)
        found = policies.pop(target, None) is not None
        return _data(policies)

    jsonfile.update(state / NAME, change, precious=True)
    return found


def _policies(data: Any) -> dict[str, Policy]:
    known = data.get("policies", {}) if isinstance(data, dict) else {}
    return {name: Policy(**entry) for name, entry in known.items()}


def _data(policies: dict[str, Policy]) -> dict[str, Any]:
    return {"policies": {name: policies[name].as_dict() for name in sorted(policies)}}
