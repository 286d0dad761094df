"""The provider of a trial: what is asked, where and how is its licence's, whatever the config says (8.4)."""

from __future__ import annotations

from collections.abc import Iterator

from llmpool.core.config import Config, ProviderTable
from llmpool.core.deployment import DeclaredModel
from llmpool.core.provider import Provider
from llmpool.core.trial import TRIAL, Terms

INSTALL = "llmpool providers trial install"
_OF_THE_LICENCE = (
    "url", "alternate_urls", "format", "format_mode", "location", "headers", "header_env", "api_version",
    "metadata", "project", "allowed_models", "auth",
)  # fmt: skip


def has_trial(config: Config) -> bool:
    """Say whether a config names a trial."""
    return any(table.preset == TRIAL for table in config.providers)


def problems(table: ProviderTable) -> Iterator[str]:
    """List what the table of a trial may not say."""
    if table.id != TRIAL:
        yield f'[providers.{table.id}] preset: "{TRIAL}" is that of [providers.{TRIAL}] alone. Take it out'
    if len(table.keys) != 1:
        yield f"[providers.{table.id}] key: it says where the licence is. Add it: {INSTALL}"
    given = [name for name in _OF_THE_LICENCE if getattr(table, name)]
    given += [] if table.verify_tls else ["verify_tls"]
    for name in given:
        yield f"[providers.{table.id}] {name}: comes from the licence of the trial alone. Take it out"


def hardened(provider: Provider, terms: Terms | None) -> Provider:
    """Make a provider what the licence says: one address, one format, one model, its certificate verified.

    Without a licence it has no address; routing refuses it then.
    """
    return provider.replace(
        preset=TRIAL,
        url=terms.url.rstrip("/") if terms else "",
        alternate_urls=(),
        format=terms.format if terms else "",
        format_mode="pinned",
        location="cloud",
        verify_tls=True,
        metadata="catalog",
        needs_key=True,
        key_env=(),
        headers=(),
        header_env=(),
        allowed_models=(terms.model,) if terms else (),
        exact=False,
        auth="",
    )


def declared(models: tuple[DeclaredModel, ...], terms: Terms | None) -> tuple[DeclaredModel, ...]:
    """Add the licence's model, unless its owner has declared it."""
    ref = f"{TRIAL}/{terms.model}" if terms else ""
    known = not ref or any(model.id == ref for model in models)
    return models if known else (*models, DeclaredModel(id=ref))
