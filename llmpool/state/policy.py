"""policy.json: the overlay on providers and deployments, by id; a decision of the owner, never forgotten."""

from __future__ import annotations

from pathlib import Path

from llmpool.core.policy import Policy
from llmpool.state import jsonfile

NAME = "policy.json"


def read(state: Path) -> dict[str, Policy]:
    """Read the policies by provider or deployment id; a corrupt file raises StateUnusable."""
    data = jsonfile.read(state / NAME, precious=True) or {}
    return {name: Policy(**entry) for name, entry in data.get("policies", {}).items()}
