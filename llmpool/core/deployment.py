"""Deployments: a model at a provider, what was declared and what was observed of it."""

from __future__ import annotations

from llmpool.core.policy import Policy
from llmpool.core.price import Price
from llmpool.core.record import Record

CAPABILITIES = ("chat", "streaming", "tools", "images", "thinking", "json", "embeddings")
ALSO_TYPED = {"vision": "images", "function_call": "tools", "stream": "streaming", "embed": "embeddings"}
# Tokens of an answer where a format insists on a limit and nobody set one (failover-cooldown 6.2).
ASKED_OUTPUT = 16384
COMPLEXITIES = ("simple", "moderate", "complex")


class Capabilities(Record):
    """Yes, no, or unknown (None) for each thing a model may do."""

    chat: bool | None = None
    streaming: bool | None = None
    tools: bool | None = None
    images: bool | None = None
    thinking: bool | None = None
    json: bool | None = None
    embeddings: bool | None = None


class Ratings(Record):
    """How good, fast and dear a deployment is: quality and speed 0-10, cost tier 0 (free) to 3."""

    quality: int
    speed: int
    cost_tier: int
    min_complexity: str = "simple"


class ObservedModel(Record):
    """One line of what a provider reported. Sizes are tokens or bytes; 0 and None are unknown.

    Prices are decimal strings, USD per million tokens; empty where the provider told none.
    """

    name: str
    kind: str = ""
    family: str = ""
    families: tuple[str, ...] = ()
    publisher: str = ""
    compatibility_type: str = ""
    parameter_size: str = ""
    quantization: str = ""
    state: str = ""
    capabilities: Capabilities = Capabilities()
    context_window: int = 0
    max_context: int = 0
    loaded_context: int = 0
    loaded_instance: str = ""
    max_output: int = 0
    size: int = 0
    digest: str = ""
    remote: bool = False
    input_price: str = ""
    output_price: str = ""


class ModelFacts(Record):
    """What the vendored metadata knows of a model; 0 and None are unknown."""

    context_window: int = 0
    max_output: int = 0
    capabilities: Capabilities = Capabilities()


class DeclaredModel(Record):
    """A `[[models]]` table of the owner's config; None is left out."""

    id: str
    quality: int | None = None
    speed: int | None = None
    cost_tier: int | None = None
    min_complexity: str | None = None
    context_window: int | None = None
    supports: tuple[tuple[str, bool], ...] = ()
    pull: bool = False
    aliases: tuple[str, ...] = ()
    rate_limit: object = None


class Deployment(Record):
    """The routing unit: effective values, and in *origin* who each of them came from."""

    id: str
    provider: str
    model: str
    source: str
    location: str
    declared: DeclaredModel | None = None
    observed: ObservedModel | None = None
    capabilities: Capabilities
    context_window: int
    max_output: int = 0
    ratings: Ratings
    price: Price | None = None
    aliases: tuple[str, ...] = ()
    routable: bool = True
    routable_source: str = "default"
    last_resort: bool = False
    policy: Policy = Policy()
    provider_policy: Policy = Policy()
    blocked: str = ""
    origin: tuple[tuple[str, str], ...] = ()
