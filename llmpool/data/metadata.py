"""What a public table knows of models: windows and abilities, for whatever no provider reports itself.

`models.json` is vendored: `tests/tools/make_model_metadata.py` makes it, `MODELS-LICENSE` is its licence. It
has a table per preset, and one by bare name for providers of no preset and for resellers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from llmpool.core.deployment import Capabilities, ModelFacts
from llmpool.core.provider import Provider
from llmpool.registry.catalog import is_private
from llmpool.registry.kinds import SELF_HOSTED

FILE = Path(__file__).with_name("models.json")
# What resellers append to a model's name without making it another model; a size is not among them.
_TAGS = ("free", "latest", "beta", "extended", "thinking", "nitro", "floor", "online", "exacto")
_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)$")


class Table(NamedTuple):
    """The vendored file: each model's place among *rows*, by preset and by bare name, all in lower case."""

    rows: list[list[int]]
    presets: Mapping[str, Mapping[str, int]]
    names: Mapping[str, int]
    capabilities: list[str]


def facts(provider: Provider, model: str) -> ModelFacts | None:
    """Look up *model* as *provider* calls it; None where the table knows nothing.

    Nothing is told of a local server, nor of open weights behind a private address: only the server knows
    which file it runs, and with what window.
    """
    if provider.location == "local" or provider.preset in SELF_HOSTED:
        return None
    place = _find(provider.preset, list(spellings(model)))
    if place is None or (table().rows[place][4] and is_private(provider.url)):
        return None
    return _row(place)


def spellings(model: str) -> Iterator[str]:
    """Give the names to look up, the given one first: no tag, no date, no vendor in front, in lower case."""
    name = model.strip().lower()
    while name:
        head, _, tag = name.rpartition(":")
        for text in (name, head) if tag in _TAGS else (name,):
            yield text
            if (undated := _DATE.sub("", text)) != text:
                yield undated
        name = name.partition("/")[2]


@cache
def table() -> Table:
    """Read the vendored file, once; only compiling the registry and `models show` need it."""
    data = json.loads(FILE.read_bytes())
    tables = data["presets"]
    presets = {name: tables[each] if isinstance(each, str) else each for name, each in tables.items()}
    return Table(data["rows"], presets, data["names"], data["capabilities"])


def _find(preset: str, names: list[str]) -> int | None:
    """Find a model in its preset's own table, else by its bare name."""
    own = _first(table().presets.get(preset, {}), names)
    return _first(table().names, names) if own is None else own


def _first(known: Mapping[str, int], names: Iterable[str]) -> int | None:
    return next((known[name] for name in names if name in known), None)


@cache
def _row(place: int) -> ModelFacts:
    """Unpack a row: window, longest answer, bits of what it can do and of what it cannot."""
    window, longest, yes, no, _ = table().rows[place]
    known = {
        name: bool(yes >> bit & 1) for bit, name in enumerate(table().capabilities) if (yes | no) >> bit & 1
    }
    return ModelFacts(context_window=window, max_output=longest, capabilities=Capabilities(**known))
