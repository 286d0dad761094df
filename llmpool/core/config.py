"""The owner's `config.toml` as values: what it says, before presets and defaults are applied."""

from __future__ import annotations

from llmpool.core.deployment import DeclaredModel
from llmpool.core.provider import KeyRef, Params, RateLimit
from llmpool.core.record import Record

JUDGES = ("keywords", "difficulty")  # what the complexity of a prompt is told by
STRATEGIES = ("score", "value", "priority", "cost", "latency", "round_robin")
MODES = ("auto", "cloud", "local")


class ProviderTable(Record):
    """A `[providers.ID]` table; None is left out. Durations are seconds.

    *header_env* has the headers whose values are in variables: a header and a variable each.
    """

    id: str
    name: str | None = None
    preset: str | None = None
    format: str | None = None
    format_mode: str | None = None
    url: str | None = None
    alternate_urls: tuple[str, ...] = ()
    location: str | None = None
    enabled: bool = True
    optional: bool = False
    priority: int | None = None
    keys: tuple[KeyRef, ...] = ()
    key_rotation: str = "first"
    auth: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    header_env: tuple[tuple[str, str], ...] = ()
    rate_limit: RateLimit | None = None
    params: Params = Params()
    allowed_models: tuple[str, ...] = ()
    api_version: str | None = None
    metadata: str | None = None
    verify_tls: bool = True
    timeout: float | None = None
    connect_timeout: float | None = None
    first_token_timeout: float | None = None
    read_timeout: float | None = None
    total_timeout: float | None = None
    project: str | None = None
    idle_ttl: float | None = None
    prune: bool = False
    supports_tools: bool | None = None
    supports_streaming: bool | None = None
    supports_images: bool | None = None


class Routing(Record):
    """The `[routing]` table with its defaults. Durations are seconds."""

    strategy: str = "score"
    mode: str = "auto"
    fallbacks: tuple[str, ...] = ()
    discovered: str = "routable"
    auto_min_quality: int = 4
    quality_target: float = 0.8
    complexity: str = "keywords"
    stale_after: float = 7 * 86400.0
    max_retries: int = 2
    connect_timeout: float = 3.0
    first_token_timeout: float = 60.0
    read_timeout: float = 120.0


class Profile(Record):
    """A named set of routing options and hints, `[profiles.NAME]`."""

    name: str
    local_only: bool = False
    model: str | None = None
    strategy: str | None = None
    mode: str | None = None
    group: str | None = None
    priority: str | None = None
    min_quality: int | None = None
    quality_target: float | None = None
    max_cost: str | None = None
    needs: tuple[str, ...] = ()
    prefer: str | None = None
    exclude: tuple[str, ...] = ()
    hints: tuple[tuple[str, str], ...] = ()


class Group(Record):
    """`[groups.NAME]`: members are providers x models; None means all."""

    name: str
    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None


# Tokens of an answer that has a price to keep to and whose caller sets no limit (DESIGN ruling 17), and the
# fewest that are of use.
ANSWER, LEAST_ANSWER = 4096, 256


class Budget(Record):
    """`[budgets.NAME]`: a limit in USD (decimal string) per day, week, month or in total."""

    name: str
    limit: str
    per: str = "month"
    scope: str = "*"
    on_exceed: str = "deny"
    tag: str | None = None


class Config(Record):
    """A whole config; the defaults are those of a missing file."""

    path: str
    exists: bool = False
    default_model: str = ""
    recovery_model: str = ""
    catalog_url: str = ""
    prices_url: str = ""
    local_first: bool = True
    routing: Routing = Routing()
    providers: tuple[ProviderTable, ...] = ()
    models: tuple[DeclaredModel, ...] = ()
    profiles: tuple[Profile, ...] = ()
    groups: tuple[Group, ...] = ()
    budgets: tuple[Budget, ...] = ()
    unpriced: str | None = None
    retention: float = 30 * 86400.0
    oauth: tuple[tuple[str, tuple[tuple[str, object], ...]], ...] = ()
    trial_keys: tuple[tuple[str, str], ...] = ()
    templates: tuple[tuple[str, str], ...] = ()

    @property
    def spoken(self) -> tuple[str, ...]:
        """The models that stand in for others: default, recovery, fallbacks; empty where none is named."""
        return self.default_model, self.recovery_model, *self.routing.fallbacks
