"""Routing: the request, the facts of the moment, and the decision with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.core.config import Group, Profile, Routing
from llmpool.core.record import Record

if TYPE_CHECKING:
    from decimal import Decimal  # a millisecond, only where there are budgets

# Bits of RoutingRow.flags. HARD: blocked even by name; TOOLS_OFF: the owner switched tool use off here.
LOCAL, LAST_RESORT, LOADED, DECLARED, TOOLS_OFF, HARD = 1, 2, 4, 8, 16, 32
_NOTHING: Mapping[str, Any] = MappingProxyType({})
VALUE = "value"  # the strategy that goes by how hard a query is
BUDGET = "budget"  # how the reasons begin that budgets give, and the code of a call they forbid
MAX_COST = "--max-cost"  # the code of a call that this forbids


class RoutingRow(NamedTuple):
    """The columns of a deployment that a decision needs; `routing.json` holds one a line.

    *provider* indexes the table's providers; *yes* and *no* are bit sets over `CAPABILITIES` (in neither:
    unknown); *blocked* is why it may not be chosen automatically, empty when it may; prices are USD per
    million tokens, None when unknown.
    """

    id: str
    provider: int
    yes: int
    no: int
    window: int
    speed: int
    quality: int
    cost_tier: int
    min_complexity: int
    flags: int
    blocked: str
    input_price: float | None
    output_price: float | None


class RoutingTable(Record):
    """Everything a decision needs of the registry: rows, and what the config says about routing.

    *dear* has the deployments whose price is more than the two figures of its row: steps of a prompt's size
    above which they hold, input, output, and what each request costs.
    """

    generation: int
    providers: tuple[dict[str, Any], ...]
    rows: list[RoutingRow]
    aliases: dict[str, str]
    default_model: str
    recovery_model: str
    local_first: bool
    routing: Routing
    profiles: tuple[Profile, ...]
    groups: tuple[Group, ...]
    dear: Mapping[str, list[list[Any]]] = _NOTHING

    def judges(self, strategy: str) -> bool:
        """Say whether a strategy (empty: the config's) goes by how hard a query is, or the config does."""
        return (strategy or self.routing.strategy) == VALUE or self.routing.complexity == "difficulty"


class RouteRequest(Record):
    """What a caller wants decided. *context_size* is tokens, *stated* by the caller or else an estimate.

    *hints* are (name, value) pairs; *loose* lets what only resembles the model's name answer for it.
    *continues* is the deployment that answered this conversation last, *warm* while its prompt cache likely
    is. *tag* is what the call is recorded with. *difficulty*, 0 to 1, is how hard the query was judged to be,
    and *quality_target* what is good enough for it. None and empty mean not given.
    """

    query: str = ""
    context_size: int = 0
    stated: bool = True
    needs: tuple[str, ...] = ()
    tool_count: int = 0
    priority: str = "interactive"
    hints: tuple[tuple[str, str], ...] = ()
    model: str = ""
    strategy: str = ""
    mode: str = ""
    local_only: bool = False
    min_quality: int | None = None
    max_cost: str | None = None
    max_tokens: int | None = None
    exclude: tuple[str, ...] = ()
    prefer: str = ""
    group: str = ""
    fallback: bool | None = None
    loose: bool = False
    continues: str = ""
    warm: bool = False
    tag: str = ""
    difficulty: float | None = None
    quality_target: float | None = None


class Experience(NamedTuple):
    """Long-run averages of a deployment: counts, milliseconds, tokens."""

    successes: int = 0
    failures: int = 0
    avg_latency_ms: int = 0
    avg_tokens: int = 0


class Rest(NamedTuple):
    """How a deployment rests: until when (seconds since the epoch), and why.

    *told*: its vendor's rate limit named a time that is not over yet, so asking it now is of no use and does
    harm. *refused*: no key of its provider was taken, or each is used up. *held*: nothing is wrong with it,
    a limit is used up, and whoever asks it waits in line.
    """

    until: float
    why: str
    told: bool = False
    refused: bool = False
    held: bool = False


class Cap(NamedTuple):
    """A budget as one decision sees it: what is *left* for calls in its *scope*, which is a *tag*'s or any's.

    *steps*: own machines answer where it forbids; else what would have been paid for is refused. *words* are
    its figures.
    """

    name: str
    scope: str
    tag: str | None
    steps: bool
    left: Decimal
    words: str


class Facts(Record):
    """The mutable world as one decision sees it: read once, then handed to the pure router.

    *cooling* maps a provider to why it rests, *unreachable* to how its last contact failed (under 15 minutes
    ago), *keyless* to why it has no usable key, *stale* to since when its listing is too old to trust.
    *absent* maps a deployment to why it is not there, as a probe found. *latency* is milliseconds by
    provider, *cursors* the round-robin counters.

    *resting* holds the deployments in cooldown, and those whose provider has all its keys in one; *free_at*
    maps the providers that are cooling or unreachable to until when, where that is known. *affinity* scores
    how well its provider speaks the tongue of a deployment that was asked for by name; none is 0.

    *caps* are the budgets that forbid, *unpriced* whether calls of unknown price are allowed: `allow`, `deny`
    or, empty, where no cap holds. *denied* is why own machines may not stand in for what is forbidden.
    """

    cooling: dict[str, str]
    unreachable: dict[str, str]
    experience: dict[str, Experience]
    keyless: dict[str, str]
    stale: dict[str, str]
    absent: dict[str, str]
    latency: dict[str, float]
    cursors: dict[str, int]
    resting: Mapping[str, Rest] = _NOTHING
    free_at: Mapping[str, float] = _NOTHING
    affinity: Mapping[str, int] = _NOTHING
    caps: tuple[Cap, ...] = ()
    unpriced: str = ""
    denied: str = ""


class RuleHit(NamedTuple):
    """A rule that moved a score, and by how much."""

    rule: str
    points: int


class Candidate(NamedTuple):
    """An eligible deployment with its score and what made it; *hits* are told for the best ones only."""

    deployment: str
    score: float
    hits: tuple[RuleHit, ...]
    last_resort: bool = False


class Rejection(NamedTuple):
    """A deployment that may not answer, with every reason.

    Where its *window* is too small, *needed* is what the request takes: tokens, 0 where that is no reason.
    """

    deployment: str
    reasons: tuple[str, ...]
    needed: int = 0
    window: int = 0

    def as_json(self) -> dict[str, Any]:
        """Show the rejection as `--json` and the decision log have it (DESIGN 3.2)."""
        shown: dict[str, Any] = {"deployment": self.deployment, "reasons": list(self.reasons)}
        return shown | ({"needed": self.needed, "window": self.window} if self.needed else {})


class Decision(Record):
    """The answer to "which one and why": features of the request, never its text.

    *turns* names the counters that a call moves: that of `round_robin`, those of shortlists. *loosely*: the
    selected one only resembles the name that was asked for. *grows*: the window it must be loaded with at
    most before it can take the request, 0 where it can as it is. *once*: it is resting as all who may answer
    are, and is tried all the same. *resting*: the end of the plan, each of whom is asked a single time (all
    of the plan with *once*). *held*: nothing is wrong with it, but a limit makes it wait in line.
    *difficulty* is None where nobody judged it.
    """

    id: str
    at: str
    selected: str
    strategy: str
    mode: str
    complexity: str
    intent: str
    candidates: tuple[Candidate, ...]
    rejections: tuple[Rejection, ...]
    reasoning: str
    no_eligible: bool
    query_length: int = 0
    context_size: int = 0
    needs: tuple[str, ...] = ()
    tool_count: int = 0
    priority: str = "interactive"
    hints: tuple[tuple[str, str], ...] = ()
    requested: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    generation: int = 0
    loosely: bool = False
    grows: int = 0
    turns: tuple[str, ...] = ()
    once: bool = False
    held: bool = False
    resting: tuple[str, ...] = ()
    difficulty: float | None = None
