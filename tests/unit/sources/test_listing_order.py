"""The order of a listing: by id, whatever an allow-list says (catalog-registry-router 1.4)."""

from __future__ import annotations

from tests.unit.registry.layers import SKY, registry


def test_16_an_allow_list_chooses_and_does_not_sort() -> None:
    """pool-routing-formats 16 keeps the order of the list; its entries are patterns here, and ids sort.

    The order of deployments is the last tie-break of the score, so nothing but ids may decide it.
    """
    allowed = SKY.replace(allowed_models=("gpt-5.3-codex", "gpt-4o*"))
    made = registry(allowed, observed={"sky": ["gpt-5.3-codex", "gpt-4o-mini", "o3", "gpt-4o"]})
    assert [each.id for each in made.deployments if not each.blocked] == [
        "sky/gpt-4o", "sky/gpt-4o-mini", "sky/gpt-5.3-codex",
    ]  # fmt: skip
    assert [each.blocked for each in made.deployments if each.model == "o3"] == ["not in allowed_models"]
