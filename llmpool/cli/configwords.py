"""What each table and key of `config.toml` means: a sentence or two for the man page, and for editors."""

from __future__ import annotations

from llmpool.cli.keywords import NONE, OBSERVED, OF_ROUTING, Key, Table
from llmpool.cli.providerwords import OAUTH, PARAMS, PROVIDER, RATE_LIMIT, TRIAL

_STRATEGY = Key(
    "How the deployments that may answer are ranked: by points for the prompt (`score`), the cheapest that "
    "is good enough (`value`), by the priority of providers, by cost, by latency, or in turn.",
    '"score"',
)
_MODE = Key("Where a request may run: `local` means your own machines only, `cloud` the others.", '"auto"')

TOP = Table(
    "These stand at the top of the file, before the first table.",
    {
        "default_model": Key(
            "What answers when routing finds nothing else; it must meet the requirements of the request.",
            '"openai/gpt-5-mini"',
            NONE,
        ),
        "recovery_model": Key(
            "The last of all, when everything before it failed; it must meet the requirements too.",
            '"den/qwen3:8b"',
            NONE,
        ),
        "local_first": Key(
            "Whether your own machines get more points with the strategy `score`, save for a complex prompt.",
            "true",
        ),
        "catalog_url": Key(
            "Where `llmpool refresh --catalog` finds a catalog of models.",
            '"https://models.example/catalog.json"',
            NONE,
        ),
        "prices_url": Key(
            "Where `llmpool usage prices update` finds a price list.",
            '"https://prices.example/prices.json"',
            "that of the genai-prices project",
        ),
    },
)

ROUTING = Table(
    "How a deployment is chosen, and what is waited for. `llmpool-route`(1) explains the strategies.",
    {
        "strategy": _STRATEGY,
        "mode": _MODE,
        "fallbacks": Key(
            "Deployments that are asked, in this order, when every candidate failed.",
            '["anthropic/claude-haiku-4-5", "den/qwen3:8b"]',
        ),
        "discovered": Key(
            "Whether models that a provider lists and you did not declare are chosen by themselves; with "
            "`explicit` they answer by name only, until `llmpool policy set --routable`.",
            '"routable"',
        ),
        "auto_min_quality": Key(
            "Below this quality a model that you did not declare is chosen only where nothing better may "
            "answer.",
            "4",
        ),
        "quality_target": Key("How good, from 0 to 1, is good enough for the strategy `value`.", "0.8"),
        "complexity": Key(
            "What tells the strategy `score` how complex a prompt is: lists of keywords, or the difficulty "
            "score that `value` goes by.",
            '"difficulty"',
        ),
        "stale_after": Key(
            "How old a listing may be, once its provider fails, before its models are no longer chosen.",
            '"7d"',
        ),
        "max_retries": Key("How often the same deployment is asked again before the next one is.", "2"),
        "connect_timeout": Key("How long connecting may take, TCP and TLS.", '"3s"'),
        "first_token_timeout": Key("How long the first token may take.", '"60s"'),
        "read_timeout": Key("How long the pause between two pieces of an answer may be.", '"120s"'),
    },
    '[routing]\nstrategy = "score"\nfallbacks = ["anthropic/claude-haiku-4-5", "den/qwen3:8b"]',
)

MODEL = Table(
    "What you declare of a deployment goes before what is observed. One table for each.",
    {
        "id": Key("The deployment, as `provider/model`; required.", '"den/qwen3:8b"'),
        "quality": Key("How good it is, 10 the best.", "6", "by family and size, else 5"),
        "speed": Key("How fast it is, 10 the fastest.", "8", "by family and size, else 5"),
        "cost_tier": Key(
            "How dear it is, from 0 (free) to 3.",
            "0",
            "local 0; by its price up to 1 USD a million tokens 1, up to 5 USD 2, else 3",
        ),
        "min_complexity": Key(
            "What is worth asking it; below that it loses its base points.", '"simple"', "`simple`"
        ),
        "context_window": Key(
            "Tokens of prompt and answer together; 0 is unknown. In quotes also with k (1024) or M.",
            '"32k"',
            OBSERVED,
        ),
        "supports_tools": Key("Whether it takes tools.", "true", OBSERVED),
        "supports_streaming": Key("Whether it streams.", "true", OBSERVED),
        "supports_images": Key("Whether it sees images.", "true", OBSERVED),
        "supports_json": Key("Whether it answers as a JSON schema says.", "true", OBSERVED),
        "supports_thinking": Key("Whether it can think before it answers.", "true", OBSERVED),
        "pull": Key("Whether `llmpool refresh --pull` fetches it where it is missing.", "false"),
        "aliases": Key("Other names of it; each names one model only.", '["small"]'),
        "rate_limit": Key("Limits of this model; see RATE LIMITS below.", "{ rpm = 10 }"),
    },
    '[[models]]\nid = "den/qwen3:8b"\nquality = 6\naliases = ["small"]',
)

PROFILE = Table(
    "A named set of routing options, for `--profile NAME`. What is on the command line goes before it. "
    "`premium`, `fast`, `private` and `background` are built in; yours of the same name takes its place.",
    {
        "local_only": Key("Whether only your own machines may answer.", "true"),
        "model": Key("A deployment, an alias, a model name, or auto, cloud, local.", '"small"', NONE),
        "strategy": _STRATEGY._replace(default=OF_ROUTING),
        "mode": _MODE._replace(default=OF_ROUTING),
        "group": Key("The group to stay in.", '"family"', NONE),
        "priority": Key("Whether somebody waits for the answer.", '"background"', "`interactive`"),
        "min_quality": Key("The least quality.", "7", NONE),
        "quality_target": Key("How good is good enough for the strategy `value`.", "0.9", OF_ROUTING),
        "max_cost": Key("What the request may cost at worst, in USD.", '"0.05"', NONE),
        "needs": Key("What the model must be able to do.", '["tools"]'),
        "prefer": Key("A provider to ask first.", '"den"', NONE),
        "exclude": Key("Providers or deployments to leave out, or patterns.", '["*:free"]'),
        "hints": Key("Wishes that move points, as `--hint` gives them.", '{ prefer_speed = "true" }'),
    },
    "[profiles.private]\nlocal_only = true",
)

GROUP = Table(
    "Providers and models under one name, for `--group NAME`: these models at these providers.",
    {
        "providers": Key("The providers in it.", '["den", "attic"]', "all"),
        "models": Key("The models in it, by name or pattern.", '["qwen*"]', "all"),
    },
    '[groups.family]\nproviders = ["den"]',
)

BUDGET = Table(
    "What may be spent, kept by all processes together; see BUDGETS in `llmpool-policy`(1).",
    {
        "limit": Key("The amount in USD; required.", '"5.00"'),
        "per": Key("The time it is for; days, weeks and months begin in local time.", '"day"'),
        "scope": Key(
            "What it counts: everything (`*`), a provider, a deployment, or a key as `provider:label`.",
            '"openai"',
        ),
        "tag": Key("Only calls with this `--tag`.", '"batch"', "all calls"),
        "on_exceed": Key(
            "What happens at the limit: `deny` refuses what costs something, `local` lets your own machines "
            "answer, `warn` only says so.",
            '"deny"',
        ),
    },
    '[budgets.daily]\nlimit = "5.00"\nper = "day"',
)

POLICY = Table(
    "A rule for all calls.",
    {
        "unpriced": Key(
            "Whether a call of unknown price is made.", '"allow"', "`deny` under a budget, else `allow`"
        )
    },
    '[policy]\nunpriced = "allow"',
)

USAGE = Table(
    "What is recorded.",
    {
        "retention": Key(
            "How long single records and decisions are kept; sums stay for good, and `0d` keeps everything.",
            '"90d"',
        )
    },
    '[usage]\nretention = "90d"',
)

TEMPLATES = Table(
    "Prompts that `llmpool chat -t NAME` fills: `{input}` is where the prompt goes, other names in braces "
    "are filled with `--var NAME=TEXT`, and `{{` is a brace. Without `{input}` the prompt goes behind it.",
    {},
    '[templates]\nreview = "Review this change:\\n{input}"',
)

TABLES = {
    "routing": ROUTING,
    "providers": PROVIDER,
    "models": MODEL,
    "profiles": PROFILE,
    "groups": GROUP,
    "budgets": BUDGET,
    "policy": POLICY,
    "usage": USAGE,
    "oauth": OAUTH,
    "trial": TRIAL,
    "templates": TEMPLATES,
}
SHARED = {"rate_limit": RATE_LIMIT, "params": PARAMS}
HEADINGS = {
    "providers": "[providers.ID]",
    "models": "[[models]]",
    "profiles": "[profiles.NAME]",
    "groups": "[groups.NAME]",
    "budgets": "[budgets.NAME]",
    "oauth": "[oauth.TYPE]",
    "trial": "[trial.keys]",
}
