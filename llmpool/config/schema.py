"""The schema of `config.toml` as data: every table, every key, how it is read and what it is for.

`CONFIG.read` makes the Config; `CONFIG.schema` is the same as a JSON schema, for editors.
"""

from __future__ import annotations

from typing import Any

from llmpool.config import addresses, keys
from llmpool.config.presets import find_preset
from llmpool.config.problems import Spot
from llmpool.config.tables import Field, named, table
from llmpool.config.values import (
    Kind,
    array,
    deployment_id,
    duration,
    flag,
    hint,
    matching,
    money,
    number,
    one_of,
    pairs,
    passage,
    public_key,
    size,
    text,
    whole,
    words,
    zone,
)
from llmpool.core.config import JUDGES, MODES, STRATEGIES, Budget, Group, Profile, ProviderTable, Routing
from llmpool.core.deployment import ALSO_TYPED, CAPABILITIES, COMPLEXITIES, DeclaredModel
from llmpool.core.provider import AUTHS, FORMATS, Params, RateLimit

LOCATIONS = ("cloud", "local")
SUPPORTS = ("tools", "streaming", "images", "json", "thinking")
OAUTH_TYPES = ("antigravity", "gemini-cli", "copilot", "codex")

_id = matching("[A-Za-z0-9][A-Za-z0-9_-]{0,127}", "an id: letters, digits, _ and -, a letter or digit first")
_limit = whole(1)
_rating = whole(0, 10)
_texts = array(text, "an array of texts")


_level = one_of("off", "low", "medium", "high")


def _thinking(value: object, spot: Spot) -> str | None:
    """Read a thinking level: a word, or a number of tokens, in quotes or not."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    kind = _limit if isinstance(value, int) and not isinstance(value, bool) else _level
    found = kind.read(value, spot)
    return None if found is None else str(found)


thinking = Kind(_thinking, {"type": ["string", "integer"]})

RATE_LIMIT = table(
    {
        "rpm": Field(_limit, "requests a minute"),
        "tpm": Field(_limit, "tokens a minute"),
        "rpd": Field(_limit, "requests a day"),
        "tpd": Field(_limit, "tokens a day"),
        "reset_tz": Field(zone, "the time zone in which a day ends"),
    },
    RateLimit,
)
PARAMS = table(
    {
        "temperature": Field(number(0, 2), "0 to 2"),
        "top_p": Field(number(0, 1), "0 to 1"),
        "frequency_penalty": Field(number(-2, 2), "-2 to 2"),
        "presence_penalty": Field(number(-2, 2), "-2 to 2"),
        "max_tokens": Field(whole(1), "tokens of an answer"),
        "thinking": Field(thinking, "off, low, medium, high, or a number of tokens"),
    },
    Params,
)


def _preset(value: object, spot: Spot) -> str | None:
    """Read the name of a preset as its id; whether it exists is checked with the rest of the provider."""
    found: str | None = text.read(value, spot)
    known = find_preset(found) if found else None
    return known.id if known else found


def _join_keys(values: dict[str, Any], spot: Spot) -> None:
    """Turn `key` into the one entry of `keys`; together they would leave the order open."""
    single = values.pop("key", None)
    if single is not None and "keys" in values:
        spot.at("keys").fault("stands beside key", "keep one of the two; keys takes them all")
    elif single is not None:
        values["keys"] = (single,)


def _finish_provider(values: dict[str, Any], spot: Spot) -> None:
    """Give a provider's values the shape of their record."""
    _join_keys(values, spot)
    if "headers" in values:
        values["headers"], values["header_env"] = values["headers"]


PROVIDER = {
    "name": Field(text, "how to show it"),
    "preset": Field(Kind(_preset, text.schema), "the known vendor it is; see llmpool providers presets"),
    "format": Field(one_of(*FORMATS), "the wire protocol; left out, it is detected"),
    "format_mode": Field(one_of("auto", "pinned"), "whether other formats are tried"),
    "url": Field(addresses.url, "its base URL"),
    "alternate_urls": Field(addresses.urls, "other addresses of the same server"),
    "location": Field(one_of(*LOCATIONS), "cloud or local"),
    "enabled": Field(flag, "false: not asked, not listed"),
    "optional": Field(flag, "true: its absence is no failure"),
    "priority": Field(whole(-1000, 1000), "higher goes first with the strategy priority"),
    "key": Field(keys.single, "where its key comes from"),
    "keys": Field(keys.several, "where its keys come from"),
    "key_rotation": Field(one_of("first", "round_robin", "least_used"), "which of several keys is used"),
    "auth": Field(one_of(*AUTHS), "how its key is sent; left out, as its format does"),
    "headers": Field(addresses.headers, 'headers every call gets; a secret one is { env = "NAME" }'),
    "rate_limit": Field(RATE_LIMIT, "limits kept across all processes"),
    "params": Field(PARAMS, "parameters of calls that do not set them"),
    "allowed_models": Field(_texts, "names or patterns; nothing else is used"),
    "api_version": Field(matching(r"[A-Za-z0-9._-]{1,64}", "a version"), "the API version to ask for"),
    "metadata": Field(one_of("dynamic", "catalog"), "catalog: never list over the network"),
    "verify_tls": Field(flag, "false: any certificate will do"),
    "timeout": Field(duration(), "to the first token and between reads, where nothing finer is said"),
    "connect_timeout": Field(duration(), "to connect (TCP and TLS)"),
    "first_token_timeout": Field(duration(), "to the first token"),
    "read_timeout": Field(duration(), "between two pieces of an answer"),
    "total_timeout": Field(duration(), "for a whole call"),
    "project": Field(text, "the project a Cloud Code call is made for"),
    "idle_ttl": Field(duration(zero=True), "how long a loaded model stays"),
    "prune": Field(flag, "true: refresh --remove-undeclared may remove models"),
    "supports_tools": Field(flag, "whether its models take tools"),
    "supports_streaming": Field(flag, "whether its models stream"),
    "supports_images": Field(flag, "whether its models see images"),
}


def _join_supports(values: dict[str, Any], spot: Spot) -> None:  # noqa: ARG001 - the shape of a finish
    """Turn `supports_X` keys into pairs."""
    found = ((name, values.pop(f"supports_{name}", None)) for name in SUPPORTS)
    values["supports"] = tuple((name, yes) for name, yes in found if yes is not None)


MODEL = {
    "id": Field(deployment_id, "write it as provider/model"),
    "quality": Field(_rating, "0 to 10"),
    "speed": Field(_rating, "0 to 10"),
    "cost_tier": Field(whole(0, 3), "0 (free) to 3"),
    "min_complexity": Field(one_of(*COMPLEXITIES), "what is worth asking it"),
    "context_window": Field(size, "tokens; 0 is unknown"),
    "pull": Field(flag, "true: refresh --pull keeps it there"),
    "aliases": Field(_texts, "other names of it"),
    "rate_limit": Field(RATE_LIMIT, "limits kept across all processes"),
} | {f"supports_{name}": Field(flag, f"whether it supports {name}") for name in SUPPORTS}

ROUTING = {
    "strategy": Field(one_of(*STRATEGIES), "how one is chosen"),
    "mode": Field(one_of(*MODES), "auto, cloud or local"),
    "fallbacks": Field(_texts, "asked when everything better failed"),
    "discovered": Field(one_of("routable", "explicit"), "explicit: only by name until promoted"),
    "auto_min_quality": Field(_rating, "below it, a discovered model is a last resort"),
    "quality_target": Field(number(0, 1), "for the strategy value"),
    "complexity": Field(one_of(*JUDGES), "what tells how complex a prompt is"),
    "stale_after": Field(duration(zero=True), "how long an old listing is trusted"),
    "max_retries": Field(whole(0, 100), "the same deployment again"),
    "connect_timeout": Field(duration(), "TCP and TLS"),
    "first_token_timeout": Field(duration(), "until the first event"),
    "read_timeout": Field(duration(), "between two events"),
}

PROFILE = {
    "local_only": Field(flag, "never leave the machine and its network"),
    "model": Field(text, "a deployment, an alias, a name, or auto, cloud, local"),
    "strategy": ROUTING["strategy"],
    "mode": ROUTING["mode"],
    "group": Field(text, "the group to stay in"),
    "priority": Field(one_of("interactive", "background"), "who waits for the answer"),
    "min_quality": Field(_rating, "0 to 10"),
    "quality_target": ROUTING["quality_target"],
    "max_cost": Field(money, "USD, for the worst case"),
    "needs": Field(words(CAPABILITIES, ALSO_TYPED), "what the model must be able to do"),
    "prefer": Field(text, "a provider to try first"),
    "exclude": Field(_texts, "providers or deployments to leave out"),
    "hints": Field(pairs(hint), "wishes that move scores"),
}

GROUP = {"providers": Field(_texts, "absent: all"), "models": Field(_texts, "absent: all")}

BUDGET = {
    "limit": Field(money, 'write it in USD, as limit = "5.00"'),
    "per": Field(one_of("day", "week", "month", "total"), "in local time"),
    "scope": Field(text, "*, a provider, a deployment or a key"),
    "on_exceed": Field(one_of("deny", "local", "warn"), "what happens then"),
    "tag": Field(text, "only calls with this tag"),
}


def _reference(value: object, spot: Spot) -> Any:
    return keys.read_key(value, spot, str(spot.path[-1]))


def _public(value: object, spot: Spot) -> Any:
    """Read a client id, which is no secret: text, or where to find it."""
    return text.read(value, spot) if isinstance(value, str) else _reference(value, spot)


OAUTH = {
    "client_id": Field(Kind(_public, {"anyOf": [text.schema, keys.single.schema]}), "your own client id"),
    "client_secret": Field(Kind(_reference, keys.single.schema), "where your client secret comes from"),
    "scopes": Field(_texts, "what to ask for"),
    "headers": Field(addresses.plain_headers, "headers that name your client"),
    "redirect_port": Field(whole(1, 65535), "the port the browser comes back to"),
} | {
    f"{name}_url": Field(addresses.url, f"another {name} address")
    for name in ("authorize", "token", "device", "userinfo", "api")
}


def _oauth(name: str, **values: Any) -> tuple[str, tuple[tuple[str, object], ...]]:
    return name, tuple(values.items())


def _models(value: object, spot: Spot) -> Any:
    if isinstance(value, dict):
        return spot.fault("is one table", "write [[models]], once for each model")
    return _model_array.read(value, spot)


_model_array = array(
    table(MODEL, DeclaredModel, required=("id",), finish=_join_supports), "[[models]] tables"
)


def _flatten(values: dict[str, Any], spot: Spot) -> None:  # noqa: ARG001 - the shape of a finish
    """Lift the keys of the one-key tables to where Config has them."""
    for name in ("policy", "usage", "trial"):
        values.update(values.pop(name, {}))


def _trial(**values: Any) -> dict[str, Any]:
    return {"trial_keys": values.get("keys", ())}


TOP = {
    "default_model": Field(text, "when routing finds nothing else"),
    "recovery_model": Field(text, "last of all"),
    "catalog_url": Field(addresses.url, "where refresh --catalog finds the catalog"),
    "prices_url": Field(addresses.url, "where usage prices update finds the price list"),
    "local_first": Field(flag, "your own machines before others"),
    "routing": Field(table(ROUTING, Routing), "how a deployment is chosen"),
    "providers": Field(
        named(PROVIDER, ProviderTable, name=_id, key="id", finish=_finish_provider), "your endpoints"
    ),
    "models": Field(Kind(_models, _model_array.schema), "declared deployments"),
    "profiles": Field(named(PROFILE, Profile), "named sets of routing options"),
    "groups": Field(named(GROUP, Group), "named sets of providers and models"),
    "budgets": Field(named(BUDGET, Budget, required=("limit",)), "what may be spent"),
    "policy": Field(
        table({"unpriced": Field(one_of("allow", "deny"), "calls of unknown price")}, dict), "rules for calls"
    ),
    "usage": Field(
        table({"retention": Field(duration(zero=True), "how long records stay")}, dict), "what is recorded"
    ),
    "oauth": Field(named(OAUTH, _oauth, name=one_of(*OAUTH_TYPES)), "your OAuth clients"),
    "trial": Field(
        table({"keys": Field(pairs(public_key), "Ed25519 public keys")}, _trial), "who may sign trials"
    ),
    "templates": Field(pairs(passage), "prompts with {input}"),
}

CONFIG = table(TOP, dict, finish=_flatten)
