"""Default ratings by family and size, for deployments whose owner gave none (DESIGN ruling 6).

The figures are this project's own judgement on the 0-10 scale of the config: 135 million parameters are
quality 1, 8 billion about 5, the frontier 9 to 10. A declared rating always wins.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from math import sqrt

from llmpool.core.deployment import DeclaredModel, Ratings
from llmpool.core.price import Price

UNKNOWN = (5, 5)

# Billions of parameters up to which a row holds: (limit, quality, speed on one's own machine).
_BY_SIZE = (
    (0.3, 1, 10),
    (0.8, 2, 9),
    (2.0, 3, 9),
    (5.0, 4, 8),
    (10.0, 5, 7),
    (20.0, 6, 5),
    (50.0, 7, 4),
    (100.0, 8, 3),
    (float("inf"), 8, 2),
)

# (pattern on the name after its last slash, quality, speed); the first that matches counts.
_FAMILIES = tuple(
    (re.compile(pattern), quality, speed)
    for pattern, quality, speed in (
        (r"gpt-oss.*120b", 8, 6),
        (r"gpt-oss", 6, 7),
        (r"gpt-5[\d.]*-pro|o[13]-pro", 10, 2),
        (r"gpt-5[\d.]*(-codex)?-mini", 8, 8),
        (r"gpt-5[\d.]*-nano", 6, 9),
        (r"gpt-5", 10, 5),
        (r"gpt-4\.1-mini|gpt-4o-mini", 6, 8),
        (r"gpt-4\.1-nano", 5, 9),
        (r"gpt-4\.1|gpt-4o|chatgpt-4o", 8, 7),
        (r"gpt-4-(turbo|1106|0125)", 8, 5),
        (r"gpt-4", 7, 5),
        (r"gpt-3\.5", 4, 8),
        (r"o[34]-mini", 8, 6),
        (r"o1-mini", 7, 6),
        (r"o[13]\b", 9, 3),
        (r"claude-opus-[4-9]", 10, 5),
        (r"claude-sonnet-[4-9]", 9, 7),
        (r"claude-haiku-[4-9]", 7, 9),
        (r"claude-3[-.][57]-sonnet|claude-3-opus", 8, 6),
        (r"claude-3[-.]5-haiku", 6, 9),
        (r"claude", 6, 7),
        (r"gemini.*flash-lite", 5, 10),
        (r"gemini-3[\d.]*-pro", 10, 6),
        (r"gemini-3[\d.]*-flash", 8, 9),
        (r"gemini-2\.5-pro", 9, 6),
        (r"gemini-2\.5-flash", 7, 9),
        (r"gemini.*pro", 7, 6),
        (r"gemini", 6, 9),
        (r"deepseek-(r1|reasoner)", 9, 4),
        (r"deepseek", 8, 6),
        (r"grok-4.*fast", 8, 9),
        (r"grok-4", 9, 6),
        (r"grok-3-mini", 7, 8),
        (r"grok", 7, 6),
        (r"mistral-large|pixtral-large|mistral-medium", 8, 6),
        (r"ministral", 4, 9),
        (r"mistral|codestral|devstral|magistral", 6, 8),
        (r"kimi-k2|moonshot.*k2|glm-5", 9, 6),
        (r"glm-4\.[5-9]|minimax-m", 8, 6),
        (r"qwen.*-max|qwen3-coder", 8, 6),
        (r"qwen.*-turbo", 5, 9),
        (r"qwen.*-plus|glm-4", 7, 7),
        (r"command-r-plus|command-a", 6, 5),
        (r"command-r", 5, 7),
        (r"llama-4-maverick", 7, 8),
        (r"llama-4", 6, 8),
    )
)
# Names are what others call their models: of figures that are no sizes none is read.
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d{1,4})x)?(\d{1,9}(?:\.\d{1,18})?)([bm])(?![a-z0-9])", re.ASCII)
_ACTIVE = re.compile(r"-a(\d{1,9}(?:\.\d{1,18})?)b(?![a-z0-9])", re.ASCII)


def billions(text: str) -> float:
    """Read a parameter count out of a name or size such as `qwen3:8b`, `8x7b`, `135M`; 0 without one.

    A mixture of experts is as able as the geometric mean of one of them and all: 8x7b is as good as 20b.
    """
    found = _SIZE.search(text.lower())
    if not found:
        return 0.0
    experts, number, unit = found.groups()
    return float(number) * sqrt(int(experts or 1)) / (1000 if unit == "m" else 1)


@lru_cache(4096)  # a hundred providers have the same few hundred models
def by_name(name: str, parameter_size: str = "") -> tuple[int, int]:
    """Rate a model by what its name tells: (quality, speed), 5/5 as the last resort."""
    bare = name.lower().rsplit("/", 1)[-1]
    size = billions(parameter_size) or billions(bare)
    if size and "gpt-oss" not in bare:
        active = _ACTIVE.search(bare)
        speed = _of_size(float(active[1]))[1] if active else _of_size(size)[1]
        return _of_size(size)[0], speed
    for pattern, quality, speed in _FAMILIES:
        if pattern.match(bare):
            return quality, speed
    return UNKNOWN


def _of_size(size: float) -> tuple[int, int]:
    return next((quality, speed) for limit, quality, speed in _BY_SIZE if size < limit)


def cost_tier(price: Price | None, local: bool, preset: str) -> int:
    """Rate the cost 0 to 3: local 0, else by the blended price (3 parts input, 1 part output).

    Up to 1 USD per million tokens is 1, up to 5 is 2, above 3 (DESIGN 3.4); without a price 3 for OpenAI and
    Anthropic and 1 for others (catalog-registry-router 3.3).
    """
    if local:
        return 0
    if price is None:
        return 3 if preset in ("openai", "anthropic") else 1
    blended = (3 * Decimal(price.input) + Decimal(price.output)) / 4
    return 0 if blended == 0 else 1 if blended <= 1 else 2 if blended <= 5 else 3


def ratings(declared: DeclaredModel | None, name: str, size: str, tier: int) -> Ratings:
    """Combine declared ratings with the defaults; each falls back alone."""
    quality, speed = by_name(name, size)
    if declared is None:
        return Ratings(quality=quality, speed=speed, cost_tier=tier)
    return Ratings(
        quality=quality if declared.quality is None else declared.quality,
        speed=speed if declared.speed is None else declared.speed,
        cost_tier=tier if declared.cost_tier is None else declared.cost_tier,
        min_complexity=declared.min_complexity or "simple",
    )


def origin(declared: DeclaredModel | None) -> dict[str, str]:
    """Say which ratings are the owner's and which are defaults."""
    owner = declared.as_dict() if declared else {}
    return {name: "default" if owner.get(name) is None else "config" for name in Ratings.__record_fields__}
