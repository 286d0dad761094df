"""The command line: names, aliases, sizes, money, durations and times, as typed or as a script makes them."""

from __future__ import annotations

import os
import zlib
from functools import partial

from tests.fuzz import bytewise
from tests.fuzz.command_targets import ended
from tests.fuzz.golden import golden
from tests.fuzz.promise import Target

HOLE = "\x00"  # which no argument can have
NAMES = (
    *(
        ("models", "show", HOLE),
        ("route", "-m", HOLE, "q"),
        ("route", "--exclude", HOLE, "q"),
        ("route", "--prefer", HOLE, "q"),
    ),
    *(
        ("chat", "-m", HOLE, "--dry-run", "q"),
        ("policy", "set", HOLE, "--state", "flagged", "--yes"),
        ("policy", "clear", HOLE),
    ),
    *(
        ("policy", "set", HOLE, "--force", "--no-routable", "--yes"),
        ("providers", "show", HOLE),
        ("providers", "clear", HOLE),
    ),
    *(
        ("models", "set", HOLE, "--quality", "5", "--alias", HOLE),
        ("usage", "prices", "show", HOLE),
        ("usage", "prices", "unset", HOLE),
    ),
    *(
        ("usage", "prices", "set", HOLE, "--input", "1", "--output", "2"),
        ("route", "--group", HOLE, "q"),
        ("route", "--profile", HOLE, "q"),
    ),
    *(
        ("chat", "--show", HOLE),
        ("chat", "--session", HOLE, "q"),
        ("chat", "--delete", HOLE),
        ("chat", "--export", HOLE),
    ),
    *(
        ("route", "--id", HOLE),
        ("route", "--replay", HOLE),
        ("config", "get", HOLE),
        ("config", "unset", HOLE),
        ("chat", "-t", HOLE, "q"),
    ),
    *(
        ("providers", "add", HOLE, "--url", "http://127.0.0.1:9/v1"),
        ("providers", "remove", HOLE, "--yes"),
        ("chat", "--tag", HOLE, "q"),
    ),
    *(
        ("policy", "group", "set", HOLE, "--models", HOLE),
        ("models", "pull", HOLE),
        ("models", "load", HOLE),
        ("providers", "enable", HOLE),
    ),
    *(
        ("providers", "keys", "list", HOLE),
        ("providers", "login", HOLE),
        ("providers", "limits", HOLE),
        ("route", "--hint", HOLE, "q"),
    ),
    *(
        ("usage", "summary", "--by", HOLE),
        ("route", "--needs", HOLE, "q"),
        ("config", "set", HOLE, "x"),
        ("models", "list", HOLE),
    ),
    *(
        (HOLE,),
        ("chat", HOLE),
        (HOLE, "list"),
        ("models", HOLE),
        ("completion", HOLE),
        ("chat", "-s", HOLE, "q"),
        ("chat", "--var", HOLE, "-t", "review", "q"),
    ),
    *(
        ("chat", "-a", HOLE, "q"),
        ("--config", HOLE, "models", "list"),
        ("--state", HOLE, "usage"),
        ("providers", "import", HOLE),
    ),
)
FIGURES = (
    *(
        ("usage", "--since", HOLE),
        ("usage", "list", "--until", HOLE),
        ("usage", "decisions", "--since", HOLE, "--until", HOLE),
    ),
    *(
        ("usage", "list", "--limit", HOLE),
        ("policy", "budget", "set", HOLE),
        ("route", "--context-size", HOLE, "q"),
    ),
    *(
        ("route", "--max-cost", HOLE, "q"),
        ("route", "--tool-count", HOLE, "q"),
        ("route", "--min-quality", HOLE, "q"),
    ),
    *(
        ("chat", "--dry-run", "--max-tokens", HOLE, "q"),
        ("chat", "--dry-run", "--temperature", HOLE, "q"),
        ("chat", "--think", HOLE, "q"),
    ),
    *(
        ("chat", "--max-wait", HOLE, "q"),
        ("refresh", "--if-stale", HOLE),
        ("refresh", "--if-stale", "1h", "--timeout", HOLE),
        ("models", "set", "den/small", "--quality", HOLE),
    ),
    *(
        ("models", "set", "den/small", "--context-window", HOLE, "--cost-tier", HOLE),
        ("usage", "prices", "set", "den/small", "--input", HOLE, "--output", HOLE),
    ),
    *(
        ("usage", "summary", "--since", HOLE, "--by", "week"),
        ("usage", "prune", "--before", HOLE, "--yes"),
        ("config", "set", "budgets.daily.limit", HOLE),
    ),
    *(
        ("config", "set", "routing.stale_after", HOLE),
        ("config", "set", "routing.max_retries", HOLE),
        ("config", "set", "usage.retention", HOLE),
    ),
    *(
        ("models", "load", "den/small", "--context-size", HOLE),
        ("chat", "--timeout", HOLE, "q"),
        ("usage", "export", "--since", HOLE),
        ("refresh", "--jobs", HOLE, "--offline"),
    ),
    *(
        ("config", "set", "providers.sky.rate_limit.rpm", HOLE),
        ("config", "set", "models.den/small.quality", HOLE),
        ("policy", "simulate", "--set", HOLE),
    ),
)
NAME_SEEDS = (
    "den/small",
    "tiny",
    "small",
    "sky/big",
    "den",
    "talk",
    "family",
    "mine",
    "review",
    "openai/gpt-5*",
    "local",
    "auto",
    "*/x",
    "day",
    "key=value",
    "providers.den.url",
    "den/small:latest",
    "./x",
    "-",
    "--json",
    "speed=high",
)
FIGURE_SEEDS = (
    "5",
    "10k",
    "1.5M",
    "7d",
    "2026-11-01",
    "2026-11-21T03:44:00Z",
    "5/day",
    "0.5",
    "20s",
    "week",
    "today",
    "$5.00",
    "1e3",
    "-1",
    "500ms",
    "9999-12-31",
    "1970-01-01",
    "0001-01-01",
    "2026-11-21T03:44Z",
    "2m30s",
    "UTC",
    "low",
    "models.den/small.quality=3",
)


def typed(commands: tuple[tuple[str, ...], ...], content: bytes) -> None:
    """Type what the document says where the command has its hole."""
    home = golden()
    home.restore()
    text = os.fsdecode(content.replace(b"\0", b"")[:6000])
    words = commands[zlib.crc32(content) % len(commands)]
    ended(home, tuple(text if word == HOLE else word for word in words))


def _seeds(texts: tuple[str, ...]) -> list[bytes]:
    return [text.encode() for text in texts]


TARGETS = [
    Target("words-names", partial(_seeds, NAME_SEEDS), bytewise.mutated, partial(typed, NAMES)),
    Target("words-figures", partial(_seeds, FIGURE_SEEDS), bytewise.mutated, partial(typed, FIGURES)),
]
