"""The catalog: what config and presets declare, normalised (DESIGN rulings 1, 5, 13; spec 1)."""

from __future__ import annotations

from collections.abc import Container, Mapping

from llmpool.core.config import Config, ProviderTable
from llmpool.core.hosts import is_near
from llmpool.core.ids import split_ref
from llmpool.core.provider import Params, Preset, Provider
from llmpool.core.registry import Catalog
from llmpool.core.trial import TRIAL, Terms
from llmpool.errors import ConfigInvalid
from llmpool.registry import trial

_THINKS_UNASKED = ("embedded", "llamacpp")  # llama.cpp lets a model think unless told not to (ruling 25)
_BARE = Preset(id="", name="", format="", needs_key=False, priority=50)


def build_catalog(config: Config, presets: Mapping[str, Preset], granted: Terms | None = None) -> Catalog:
    """Combine the config with the presets its providers start from; raises ConfigInvalid for what is missing.

    A declared model at a preset nobody configured brings that provider along: a key is all it needs.
    *granted* is what the licence of a trial says, where there is one.
    """
    tables = {table.id: table for table in config.providers}
    for model in config.models:
        owner = split_ref(model.id)[0]
        if owner not in tables and owner in presets:
            tables[owner] = ProviderTable(id=owner)
    problems: list[str] = []
    providers = [
        _trial(tables[name], granted, problems)
        if tables[name].preset == TRIAL
        else _provider(tables[name], presets, problems)
        for name in sorted(tables)
    ]
    problems += _nobodys(config, tables)
    if problems:
        message = f"{config.path} has {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise ConfigInvalid(message, lines=tuple(problems), hint="mend the file, then: llmpool config check")
    models = trial.declared(config.models, granted) if trial.has_trial(config) else config.models
    return Catalog(config=config, providers=tuple(providers), models=models)


def _params(own: Params, preset: str) -> Params:
    """Return the owner's parameters of calls; thinking is off where a server does it unasked."""
    return own.replace(thinking="off") if own.thinking is None and preset in _THINKS_UNASKED else own


def _nobodys(config: Config, tables: Container[str]) -> list[str]:
    """Name the models that stand for others but belong to no configured provider, or to several."""
    routing = [(f"[routing] fallbacks[{n}]", ref) for n, ref in enumerate(config.routing.fallbacks)]
    spoken = [("default_model", config.default_model), ("recovery_model", config.recovery_model), *routing]
    aliases = {alias for model in config.models for alias in model.aliases}
    problems = []
    for key, ref in spoken:
        owner = split_ref(ref)[0]
        carried = sorted(model.id for model in config.models if split_ref(model.id)[1] == ref)
        if ref in aliases:
            continue
        if owner and owner not in tables:
            fact = f"is at no configured provider. Add [providers.{owner}], or correct it"
            problems.append(f'{key}: "{ref}" {fact}')
        elif not owner and len(carried) > 1:
            problems.append(f'{key}: "{ref}" is carried by {", ".join(carried)}. Write one of them')
    return problems


def _provider(table: ProviderTable, presets: Mapping[str, Preset], problems: list[str]) -> Provider:
    preset = _preset(table, presets, problems)
    url = (table.url or preset.url).rstrip("/")
    if not url and preset.id != "embedded":
        known = f'preset "{preset.id}" has no URL of its own' if preset.id else "neither a preset nor a url"
        problems.append(f'[providers.{table.id}]: {known}. Add: url = "https://..."')
    own_url = table.url is not None
    alternates = table.alternate_urls or (() if own_url else preset.alternate_urls)
    return Provider(
        id=table.id,
        name=table.name or preset.name or table.id,
        preset=preset.id,
        format=table.format or preset.format,
        format_mode=table.format_mode or ("pinned" if table.format else ""),
        url=url,
        location=table.location or location(preset, url, *alternates),
        alternate_urls=alternates,
        enabled=table.enabled,
        optional=table.optional,
        priority=preset.priority if table.priority is None else table.priority,
        keys=table.keys,
        key_rotation=table.key_rotation,
        needs_key=preset.needs_key and not own_url,
        key_env=() if table.keys or own_url else preset.env,
        key_page=preset.key_page,
        headers=table.headers,
        header_env=table.header_env,
        rate_limit=table.rate_limit,
        params=_params(table.params, preset.id),
        allowed_models=table.allowed_models,
        api_version=table.api_version or preset.api_version,
        metadata=table.metadata or preset.metadata,
        verify_tls=table.verify_tls,
        timeout=table.timeout,
        connect_timeout=table.connect_timeout,
        first_token_timeout=table.first_token_timeout,
        read_timeout=table.read_timeout,
        total_timeout=table.total_timeout,
        idle_ttl=table.idle_ttl,
        prune=table.prune,
        exact=bool(preset.url) and not own_url,
        auth=table.auth or preset.auth,
        project=table.project or "",
        max_tokens_field=preset.max_tokens_field,
        supports_tools=table.supports_tools,
        supports_streaming=table.supports_streaming,
        supports_images=table.supports_images,
        oauth=preset.oauth,
    )


def _trial(table: ProviderTable, granted: Terms | None, problems: list[str]) -> Provider:
    """Make the provider of a trial out of its licence."""
    problems += trial.problems(table)
    bare = {TRIAL: _BARE.replace(id=TRIAL, url="https://unknown.invalid")}
    return trial.hardened(_provider(table, bare, problems), granted)


def _preset(table: ProviderTable, presets: Mapping[str, Preset], problems: list[str]) -> Preset:
    """Find the preset a table starts from: the one it names, or the one its id is."""
    wanted = (table.preset or table.id).strip().lower()
    found = presets.get(wanted) or next((p for p in presets.values() if wanted in p.aliases), None)
    if found is None and table.preset:
        problems.append(
            f'[providers.{table.id}] preset: "{table.preset}" is not known. List: llmpool providers presets'
        )
    return found or _BARE


def location(preset: Preset, *urls: str) -> str:
    """Say where a provider runs: local for a self-hosted preset at private addresses alone (ruling 5)."""
    return "local" if preset.location == "local" and all(map(is_private, filter(None, urls))) else "cloud"


def is_private(url: str) -> bool:
    """Say whether a URL's host is this machine or a private network, by the address or the name alone."""
    host = url.partition("://")[2]
    for end in "/?#":
        host = host.partition(end)[0]
    host = host.rpartition("@")[2]
    return is_near(host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0])
