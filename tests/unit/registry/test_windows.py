"""What a window could grow to: only a local server's that loads on demand, never beyond the owner's word."""

from __future__ import annotations

from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.registry import windows
from tests.builders import row

SEEN = ObservedModel(name="m", context_window=4096, loaded_context=4096, max_context=32768)


def most(*models: ObservedModel, declared: tuple[str, ...] = (), **fields: object) -> dict[str, int]:
    """Return what `den/m`, loaded with 4096 tokens, could be loaded with."""
    entry = ProviderInventory(provider="den", attempted_at="2026-11-21T00:00:00Z", models=models)
    asked = row("den/m", **({"window": 4096, "local": True} | fields))  # type: ignore[arg-type]
    return windows.most([asked], {"den"}, Inventory(providers={"den": entry}), declared)


def test_a_loaded_model_may_have_its_largest() -> None:
    """What the server says it could have at most, where that is more than it has."""
    assert most(SEEN) == {"den/m": 32768}
    assert most(SEEN.replace(max_context=4096)) == {}
    assert most(SEEN.replace(name="m:latest")) == {"den/m": 32768}


def test_the_owners_window_is_the_limit() -> None:
    """The trap of 5.4: with an override a model would be loaded anew, and refused all the same."""
    assert most(SEEN, declared=("den/m",)) == {}
    assert most(SEEN, declared=("den/m:latest",)) == {}


def test_only_local_servers_that_load_on_demand_grow() -> None:
    """A cloud's window is what it is, forwarded models included; so is that of a model nobody has listed."""
    assert most(SEEN, local=False) == {}
    assert most(SEEN.replace(remote=True)) == {}
    assert most() == {}
    asked = row("vllm/m", window=4096, local=True)
    seen = {"vllm": ProviderInventory(provider="vllm", attempted_at="", models=(SEEN,))}
    assert windows.most([asked], {"den"}, Inventory(providers=seen), ()) == {}
