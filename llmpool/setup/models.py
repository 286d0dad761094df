"""Models on disk: pull, remove and list what the embedded provider runs."""

from __future__ import annotations

from collections.abc import Callable

from llmpool.core.ids import split_ref
from llmpool.discovery.refresh import refresh
from llmpool.embedded import fetch, server
from llmpool.embedded.fetch import EmbeddedModel
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.setup.init import Findings, write


def embedded_name(pool: Pool, ref: str) -> str:
    """Return the model's name of `embedded/NAME`; raises Misuse for providers that cannot pull yet."""
    provider, model = split_ref(ref)
    presets = {entry["id"]: entry["preset"] for entry in pool.routing["providers"]}
    if presets.get(provider, provider) != "embedded" or not model:
        raise Misuse(
            f"{ref} cannot be pulled by this version",
            hint=f"it pulls embedded models: {', '.join(fetch.CATALOGUE)}",
        )
    return model


def pull(
    pool: Pool, ref: str, source: str, sha256: str, progress: Callable[[int, int], None]
) -> EmbeddedModel:
    """Fetch a model for the embedded provider and take it up in config and inventory."""
    name = embedded_name(pool, ref)
    if not source and name not in fetch.CATALOGUE:
        known = ", ".join(f"embedded/{model}" for model in fetch.CATALOGUE)
        raise UnknownName(
            f"{name} is not in the catalogue", hint=f"known: {known}; any GGUF: --from URL_OR_FILE"
        )
    if not pool.offline or source:
        pulled = fetch.pull(pool.paths.state, name, source=source, sha256=sha256, progress=progress)
    else:
        raise Misuse("--offline forbids fetching a model", hint="give a file: --from FILE")
    take_up(pool)
    return pulled


def remove(pool: Pool, ref: str) -> None:
    """Stop and delete an embedded model."""
    name = embedded_name(pool, ref)
    server.stop(pool.paths.state, name)
    fetch.remove(pool.paths.state, name)
    take_up(pool)


def take_up(pool: Pool) -> None:
    """Make sure the embedded provider is configured, and list what is on disk now."""
    if not any(entry["preset"] == "embedded" for entry in pool.routing["providers"]):
        write(pool, Findings([], [], 0, 0), embedded=True)
    names = tuple(entry["id"] for entry in pool.routing["providers"] if entry["preset"] == "embedded")
    refresh(pool, names)
