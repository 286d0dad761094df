"""Documents from elsewhere: catalogs, price lists, YAML, variables in a file, model files."""

from __future__ import annotations

import json
import struct
from functools import cache, partial
from pathlib import Path

from llmpool.data import prices
from llmpool.embedded import gguf
from llmpool.importers import dotenv, yaml_subset
from llmpool.pricing import match, upstream, validate
from llmpool.registry import official
from tests.edges.foreign_pools import THANE
from tests.fuzz import bytewise
from tests.fuzz.login_targets import in_file
from tests.fuzz.promise import Target, fit, kept

CATALOG = json.dumps(
    {
        "providers": {
            "openai": {"base_url": "https://x.test", "api_format": "openai", "website": "https://x.test"}
        },
        "models": {
            "openai": [
                {
                    "id": "gpt-x",
                    "display_name": "X",
                    "context_window": 1000,
                    "max_output": 10,
                    "capabilities": ["tools", "chat"],
                }
            ]
        },
        "pinchbench_models": {
            "openai": [{"id": "gpt-x", "pinchbench_score": 12.5, "pinchbench_url": "https://p.test"}]
        },
    }
).encode()


YAML = [THANE.encode(), b"a:\n  - b: 'c'\n    d: \"e\\n\"\n  -\n    - f\n"]
DOTENV = b"export A_KEY='x' # c\nB=\"y\\n\"\nC=$D\n"


def read_official(content: bytes) -> None:
    """Read a catalog; what is kept of it comes back the same."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return
    found = official.read(document)
    again = official.read(json.loads(kept(official.as_data(found))))
    assert again == found
    for lines in found.models.values():
        for entry in lines.values():
            official.facts_of(entry)
            fit(entry.id)


def read_prices(content: bytes) -> None:
    """Read a price document, ours and the one that it is made of; what it sells can be priced."""
    try:
        document = json.loads(content, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return
    for make in (validate.validated, lambda found: upstream.packed(found, "v")):
        try:
            made = make(document)
        except ValueError:
            continue
        shelves = match.Book(made)
        for vendor, model in list(shelves.models())[:20]:
            priced = shelves.entry(vendor, model) or shelves.find(vendor, model)
            if priced is not None:
                kept(priced.as_data())
        shelves.find_maker("gpt-5")


@cache
def price_seeds() -> list[bytes]:
    """Cut a few vendors out of the book that is built in."""
    whole = json.loads(prices.FILE.read_bytes())
    names = sorted(whole["vendors"], key=lambda name: len(json.dumps(whole["vendors"][name])))[:8]
    shelves = {name: {**whole["vendors"][name], "sells": []} for name in names}
    small = {**whole, "vendors": shelves, "media": dict(list(whole.get("media", {}).items())[:3])}
    theirs = [
        {
            "id": "x",
            "name": "X",
            "api_pattern": "x",
            "models": [
                {
                    "id": "m",
                    "match": {"or": [{"equals": "m"}, {"regex": "^m-[0-9]+$"}]},
                    "prices": [
                        {
                            "constraint": {"start_date": "2025-01-01"},
                            "prices": {
                                "input_mtok": {"base": 1, "tiers": [{"start": 1000, "price": 2}]},
                                "output_mtok": 1.5,
                            },
                        }
                    ],
                }
            ],
        }
    ]
    return [json.dumps(small).encode(), json.dumps(theirs).encode()]


def read_yaml(content: bytes) -> None:
    """Read YAML, or refuse it with the line."""
    try:
        found = yaml_subset.parse(content.decode("utf-8", "replace"))
    except yaml_subset.NotYaml as error:
        fit(str(error))
        return
    json.dumps(found)


def _model(path: Path) -> None:
    try:
        made = gguf.summarise(path)
    except gguf.NotWholeError as error:
        fit(str(error))
    else:
        assert made.size <= path.stat().st_size


def _text(words: bytes) -> bytes:
    return struct.pack("<Q", len(words)) + words


def gguf_seed() -> bytes:
    """Write the smallest model file that has every kind of line."""
    pairs = (
        _text(b"general.architecture") + struct.pack("<I", 8) + _text(b"llama"),
        _text(b"llama.context_length") + struct.pack("<II", 4, 4096),
        _text(b"general.alignment") + struct.pack("<II", 4, 32),
        _text(b"words") + struct.pack("<IIQ", 9, 8, 2) + _text(b"a") + _text(b"b"),
        _text(b"scores") + struct.pack("<IIQ", 9, 6, 2) + bytes(8),
    )
    tensor = _text(b"t") + struct.pack("<IQQIQ", 2, 4, 8, 0, 0)
    head = struct.pack("<4sIQQ", b"GGUF", 3, 1, len(pairs)) + b"".join(pairs) + tensor
    return head + bytes(-len(head) % 32 + 4 * 8 * 4)


TARGETS = [
    Target("parse-official", lambda: [CATALOG], bytewise.json_document, read_official),
    Target("parse-prices", price_seeds, bytewise.json_document, read_prices),
    Target("parse-yaml", lambda: YAML, bytewise.text_lines, read_yaml),
    Target("parse-dotenv", lambda: [DOTENV], bytewise.text_lines, partial(in_file, dotenv.read)),
    Target("parse-gguf", lambda: [gguf_seed()], bytewise.mutated, partial(in_file, _model)),
]
