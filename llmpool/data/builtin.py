"""The catalog that ships with llmpool: what a provider has that is never listed over the network.

`catalog.json` is made by `tests/tools/make_catalog.py` out of the rows of the specification; it has the shape
of the official catalog, which may be laid over it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from llmpool.registry import official
from llmpool.registry.official import Official

FILE = Path(__file__).with_name("catalog.json")


@cache
def catalog() -> Official:
    """Read the built-in catalog, once; only compiling the registry and `models show` need it."""
    return official.read(json.loads(FILE.read_bytes()))
