"""Models on disk: pull, remove and list what the embedded provider runs."""

from __future__ import annotations

from collections.abc import Callable

from llmpool.core.ids import split_ref
from llmpool.discovery.refresh import refresh
from llmpool.embedded import fetch, server
from llmpool.embedded.fetch import EmbeddedModel
from llmpool.errors import Misuse, Refused, UnknownName
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.setup.init import Findings, write


def embedded_name(pool: Pool, ref: str) -> str:
    """Return the model's name of `embedded/NAME`, or of another name that means one.

    Raises UnknownName and AmbiguousName for names as such, Misuse for providers this version cannot pull at.
    """
    presets = {entry["id"]: entry["preset"] for entry in pool.routing["providers"]} | {"embedded": "embedded"}
    provider, model = split_ref(ref)
    if provider not in presets and ref in fetch.CATALOGUE:
        provider, model = "embedded", ref
    elif provider not in presets:
        provider, model = split_ref(resolve.one(ref, pool.table).id)
    if presets[provider] != "embedded" or not model:
        raise Misuse(
            f"{ref} is not of the embedded provider, and this version pulls nowhere else",
            hint=f"known: {', '.join(f'embedded/{name}' for name in fetch.CATALOGUE)}",
        )
    return model


def pull(
    pool: Pool, ref: str, source: str, sha256: str, progress: Callable[[int, int], None]
) -> EmbeddedModel:
    """Fetch a model for the embedded provider and take it up in config and inventory."""
    name = embedded_name(pool, ref)
    if not source and name not in fetch.CATALOGUE:
        known = ", ".join(f"embedded/{model}" for model in fetch.CATALOGUE)
        hint = f"known: {known}; any GGUF: --from URL_OR_FILE"
        raise UnknownName(f"{name} is not in the catalogue", hint=hint)
    if pool.offline and (not source or "://" in source):
        raise Refused("--offline forbids fetching a model", hint="give a file: --from FILE")
    pulled = fetch.pull(pool.paths.state, name, source=source, sha256=sha256, progress=progress)
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
