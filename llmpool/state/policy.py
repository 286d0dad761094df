"""policy.json: the overlay on providers and deployments, by id; a decision of the owner, never forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.core.policy import STATES, Policy
from llmpool.state import jsonfile, shape

NAME = "policy.json"


def read(state: Path) -> dict[str, Policy]:
    """Read the policies by provider or deployment id; a corrupt file raises StateUnusable."""
    return jsonfile.read(state / NAME, precious=True, decode=_policies)


def put(state: Path, target: str, decided: Policy) -> Policy:
    """Merge *decided* into the policy of *target*, field by field (DESIGN ruling 19); return the result."""
    merged = decided

    def change(policies: dict[str, Policy]) -> Any:
        nonlocal merged
        before = policies.get(target, Policy())
        merged = Policy(
            state=decided.state or before.state,
            routable=before.routable if decided.routable is None else decided.routable,
            reason=decided.reason or before.reason,
            updated_at=decided.updated_at,
        )
        return _data(policies | {target: merged})

    jsonfile.update(state / NAME, change, precious=True, decode=_policies)
    return merged


def drop(state: Path, target: str) -> bool:
    """Drop the policy of *target*, whether it exists upstream or not; False when there was none."""
    found = False

    def change(policies: dict[str, Policy]) -> Any:
        nonlocal found
        found = policies.pop(target, None) is not None
        return _data(policies)

    jsonfile.update(state / NAME, change, precious=True, decode=_policies)
    return found


def _policies(data: Any) -> dict[str, Policy]:
    known = {} if data is None else shape.mapping(shape.mapping(data).get("policies", {}))
    return {name: _policy(entry) for name, entry in known.items()}


def _policy(entry: Any) -> Policy:
    """Read one policy; one that does not even say that nothing was decided may be a misspelt decision."""
    known = shape.fields(entry, _POLICY)
    return Policy(**known | {"state": known["state"], "routable": known["routable"]})


def _state(value: Any) -> str:
    if value not in STATES:
        raise ValueError("not a state")
    return shape.text(value)


def _data(policies: dict[str, Policy]) -> dict[str, Any]:
    return {"policies": {name: policies[name].as_dict() for name in sorted(policies)}}


_POLICY = {
    "state": shape.unset_or(_state),
    "routable": shape.unset_or(shape.flag),
    "reason": shape.text,
    "updated_at": shape.moment,
}
