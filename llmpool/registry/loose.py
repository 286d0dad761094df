"""Loose matching: which models may answer for a name they do not carry, where the caller asked for that.

Two rules of the sources, either of which will do: another version of the same model (pool-routing-formats
4.3), and the same name but for spelling, vendor, quantisation and tag (reconcile-resolve 13.1).
"""

from __future__ import annotations

import re

from llmpool.core.ids import split_ref
from llmpool.core.routing import RoutingRow, RoutingTable

_CLAUDES = {
    "claude-haiku-4-5": ("claude-3-5-haiku", "claude-haiku-4-5"),
    "claude-sonnet-4-5": ("claude-sonnet-4-5", "claude-3-5-sonnet"),
    "claude-opus-4-5": ("claude-opus-4-5",),
    "claude-3-5-haiku": ("claude-haiku-4-5", "claude-3-5-haiku"),
    "claude-3-5-sonnet": ("claude-sonnet-4-5", "claude-3-5-sonnet"),
}
_FILLING = str.maketrans("", "", " -_.")
_QUANTISED = re.compile("awq|gptq|4bit|fp16")


def find(ref: str, table: RoutingTable) -> list[RoutingRow]:
    """Find the deployments that match *ref* loosely; `provider/model` stays at a provider that is configured.

    Those that carry the name itself match too.
    """
    provider, model = split_ref(ref.strip())
    place = next((n for n, entry in enumerate(table.providers) if entry["id"] == provider and model), None)
    wanted = ref.strip() if place is None else model
    spelt = normal(wanted)
    return [
        row
        for row in table.rows
        if (place is None or row.provider == place) and _matches(wanted, spelt, split_ref(row.id)[1])
    ]


def _matches(wanted: str, spelt: str, model: str) -> bool:
    return other_version(wanted, model) or (spelt != "" and spelt == normal(model))


def other_version(wanted: str, model: str) -> bool:
    """Say whether *model* is *wanted* in another version: a longer or shorter name, or a Claude of its kind.

    Case matters, and no vendor's prefix is looked behind.
    """
    kin = _CLAUDES.get(wanted, ())
    return (
        model == wanted
        or wanted.startswith(f"{model}-")
        or model.startswith((f"{wanted}-", *kin))
        or any(model.startswith(key) and wanted.startswith(values) for key, values in _CLAUDES.items())
    )


def normal(name: str) -> str:
    """Reduce a name to what spelling, vendor, quantisation and tag leave of it; it may be empty.

    Of several segments the last one counts: the source keeps the second, which of `a/b/c` is the vendor, and
    would take all models of a vendor for one.
    """
    text = name.lower().translate(_FILLING).rpartition("/")[2]
    text = _QUANTISED.sub("", text)
    return text.rpartition(":")[0] if ":" in text else text
