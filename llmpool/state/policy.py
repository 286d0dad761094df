"""policy.json: the overlay on providers and deployments, by id; a decision of the owner, never forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmpool.core.policy import STATES, Policy
from llmpool.state import jsonfile, shape

NAME = "policy.json"


def read(state: Path) -> dict[str, Policy]:
    """Read the policies by provider or deployment id; a corrupt file raises StateUnusable."""
    return jsonfile.read(state / NAME, precious=True, decode=_policies)


def update(state: Path, change: Callable[[dict[str, Policy]], dict[str, Policy]]) -> dict[str, Policy]:
    """Replace all policies by what *change* makes of those there are now, as one change; return them."""
    result: dict[str, Policy] = {}

    def write(policies: dict[str, Policy]) -> Any:
        nonlocal result
        result = change(policies)
        return {"policies": {name: result[name].as_dict() for name in sorted(result)}}

    jsonfile.update(state / NAME, write, precious=True, decode=_policies)
    return result


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


_POLICY = {
    "state": shape.unset_or(_state),
    "routable": shape.unset_or(shape.flag),
    "reason": shape.text,
    "updated_at": shape.moment,
}
