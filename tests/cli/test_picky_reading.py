"""What a picky reader found: names that nobody has, figures without a unit, nulls that were zeros."""

from __future__ import annotations

import json
import re

import pytest

from tests import schemas
from tests.cli.test_usage import plant
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, finish, model, provider, wait_for
from tests.ttys import terminals


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "usage --provider opnai",
            'no provider "opnai" is in the config or in any record; did you mean openai?',
        ),
        ("usage list --deployment openai/gpt5", "did you mean openai/gpt-5?"),
        ("usage list --provider opnai --json", "did you mean openai?"),
        ("usage decisions --model GPT-6", "did you mean gpt-5?"),
        ("usage --provider gon", "did you mean gone?"),
        ("usage --model zzz", 'no model "zzz" is in the config or in any record\n'),
    ],
)
def test_a_name_that_nobody_has_is_said_so(home: Home, line: str, told: str) -> None:
    """Nothing found of a typo is not nothing used; records know names that the config does not."""
    home.write_config(provider("openai", "http://127.0.0.1:9/v1"), model("openai/gpt-5"))
    plant(home, {"deployment": "gone/old", "cost": "1"})
    shown = home.here(*line.split())
    assert shown.code == 0
    assert told in shown.err


@pytest.mark.parametrize(
    "line", ["usage --provider openai", "usage list --provider gone --since 1s", "usage"]
)
def test_a_name_that_is_known_is_not_remarked_on(home: Home, line: str) -> None:
    """It was not used, or not then; with a broken config, records alone are asked."""
    home.write_config(provider("openai", "http://127.0.0.1:9/v1"))
    plant(home, {"deployment": "gone/old", "cost": "1", "ago": 3600})
    assert "is in the config" not in home.here(*line.split()).err
    home.config.write_text("broken =")
    assert "no provider" not in home.here("usage", "--provider", "gone", "--since", "1s").err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("usage --by dya", "did you mean day?    one or several of: day,week,"),
        ("usage --by xxxxxxx", "one or several of: day,week,"),
        ("providers env a --for claud", "did you mean claude-code?"),
        ("route --no-stdin --strategy socre x", "did you mean score?"),
        ("models unload x --json", "what it prints is no data"),
    ],
)
def test_a_slip_gets_a_way_out(home: Home, line: str, hint: str) -> None:
    """On a terminal too, where `providers env` prints no key."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"))
    with terminals():
        shown = home.here(*line.split())
    assert shown.code == 2
    assert hint in shown.err


def test_what_nobody_knows_moves_by_nothing_anybody_knows(home: Home) -> None:
    """A deployment without a price, then and now, differs by `unknown`, not by $0.00."""
    home.write_config(provider("sky", "http://127.0.0.1:9/v1", location="cloud"))
    plant(home, {"deployment": "sky/odd", "cost": None})
    row = home.here("usage", "reprice").out.splitlines()[-1]
    assert row.split("\t")[2:5] == ["unknown", "unknown", "unknown"]


def test_the_best_models_cost_is_a_sentence(home: Home) -> None:
    """It says what would have been, and of whom."""
    home.write_config(provider("sky", "http://127.0.0.1:9/v1", location="cloud"), model("sky/m", quality=9))
    home.here("usage", "prices", "set", "sky/m", "--input", "10", "--output", "10")
    plant(home, {"deployment": "sky/old", "cost": "0.5", "input_tokens": 100_000, "output_tokens": 0})
    assert "\nhad sky/m (quality 9) answered it all: $1.00\n" in home.here("usage").out


def test_the_config_is_shown_with_its_units(home: Home) -> None:
    """As one writes them: nobody reads 2592000.0 as thirty days."""
    home.write_config('[routing]\nstale_after = "36h"\nconnect_timeout = "1500ms"\n[usage]\nretention = "0d"')
    shown = home.here("config", "show").out
    for line in (
        'stale_after = "36h"',
        'connect_timeout = "1500ms"',
        'retention = "0s"',
        'read_timeout = "2m"',
    ):
        assert f"{line}\n" in shown
    assert home.here("config", "show", "--json").json["config"]["routing"]["stale_after"] == 36 * 3600.0


def test_what_is_unknown_of_a_model_is_null(home: Home) -> None:
    """Whatever source does not know it: never 0, never an empty text (DESIGN 3.2)."""
    with FakeServer(["m"], behave=[faults.ok("x")]) as server:
        home.write_config(provider("a", server.url))
        home.here("refresh")
        home.here("models", "probe", "--yes")
        shown = home.here("models", "show", "a/m", "--json").json["model"]
    assert {shown["observed"][name] for name in ("context_window", "size", "digest", "input_price")} == {None}
    assert (shown["probe"]["error"], shown["probe"]["status"]) == (None, 200)
    assert shown["observed"]["remote"] is False


def test_a_preset_without_a_port_has_none(home: Home) -> None:
    """Null is nowhere; 0 would be a port."""
    known = {row["id"]: row for row in home.here("providers", "presets", "--json").json["presets"]}
    assert (known["openai"]["port"], known["ollama"]["port"]) == (None, 11434)
    assert (known["openai"]["oauth"], type(known["openai"]["priority"])) == (None, int)


def test_documents_of_trouble_meet_their_schemas(home: Home) -> None:
    """A failover, a rest that is tried all the same, a price of half, and more rejections than are listed."""
    with FakeServer(["m", "n"], behave=[faults.status(429), faults.ok("x")] * 3) as server:
        home.write_config(
            "[routing]\nmax_retries = 0",
            provider("a", server.url, location="cloud"),
            provider("openai", "http://127.0.0.1:9/v1", location="cloud", format=None),
            model("openai/text-embedding-3-small"),
            *(model(f"a/x{n}", supports_images=False) for n in range(60)),
        )
        home.here("refresh")
        for _ in range(2):
            home.here("chat", "--no-stdin", "--max-wait", "0", "-m", "a/m", "--fallback", "hi")
            home.here("chat", "--no-stdin", "--max-wait", "0", "-m", "a/n", "hi")
    records = home.here("usage", "list", "--json").json["records"]
    assert any("reason" in record for record in records)
    decisions = home.here("usage", "decisions", "--json").json["decisions"]
    assert any(line.get("once") for line in decisions)
    prices = home.here("usage", "prices", "list", "--json").json["prices"]
    assert None in [each["price"]["output"] for each in prices if each["price"]]
    refused = home.here("route", "--no-stdin", "--needs", "images", "hi", "--json").json["decision"]
    assert sum(each["count"] for each in refused["rejected_for"]) == refused["rejections_total"]


def test_decisions_by_lines_are_the_decisions(home: Home) -> None:
    """Each line of `--jsonl` meets what the schema says of an entry."""
    with FakeServer(["m"]) as server:
        home.write_config(provider("a", server.url))
        home.here("refresh")
        home.here("chat", "--no-stdin", "hi")
    lines = [json.loads(line) for line in home.here("usage", "decisions", "--jsonl").out.splitlines()]
    schemas.check(("usage", "decisions"), {"schema": 1, "decisions": lines, "bad_lines": 0})
    assert len(lines) == 1


def test_a_policy_is_told_alike_by_both_commands(home: Home) -> None:
    """`providers show` says what `policy show` does; what is long ago is not called by its second."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"))
    assert re.search(r"^policy +nothing decided$", home.here("providers", "show", "a").out, re.MULTILINE)
    home.here("policy", "set", "a", "--state", "flagged", "--no-routable", "--reason", "ask Ann")
    with terminals():
        both = [home.here(group, "show", "a").out for group in ("providers", "policy")]
    for shown in both:
        assert re.search(r"policy +flagged, only by name \(ask Ann\), \d+ s ago\n", shown)


def test_a_stack_begins_with_the_provider(home: Home) -> None:
    """Where no table fits, each entry is headed by what tells it apart: many keys are called `default`."""
    home.write_config(*(provider(f"p{n}", "http://127.0.0.1:9/v1", key={"env": "K"}) for n in range(2)))
    with terminals():
        shown = home.here("providers", "keys", "list", env={"COLUMNS": "20", "NO_COLOR": "1"}).out
    assert [line for line in shown.splitlines() if line[:1] != " "] == ["p0", "p1"]


def test_a_damaged_history_is_found(home: Home) -> None:
    """What was typed is examined as all state is: whether it is whole, and closed to others."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"))
    home.here("chat", "--list")
    sessions = home.state / "sessions"
    sessions.mkdir(parents=True)
    for path in (home.state / "history.json", sessions / "s.jsonl"):
        path.write_text("{bad")
        path.chmod(0o644)
    found = home.here("doctor", "--offline", "--json").json["findings"]
    assert ("warning", "history.json") in [(each["severity"], each["what"]) for each in found]
    (files,) = [each for each in found if each["area"] == "files"]
    assert re.match(
        r"(the directory itself|history.json|s.jsonl|sessions) and \d more may be read", files["message"]
    )


def test_ctrl_c_leaves_the_prompt_a_line_of_its_own(home: Home) -> None:
    """The terminal echoes ^C; what follows begins below it, and no bar is left."""
    hang = faults.always(faults.hang(30))
    with FakeServer(["a"], behave=hang, behave_listing=hang) as server:
        home.write_config(provider("slow", server.url))
        child = home.terminal("chat", "--no-stdin", "-m", "slow/a", "--force", "hi")
        wait_for(lambda: bool(server.requests))
        child.sendintr()
        shown = finish(child)
    assert shown.code == 130
    assert shown.out.endswith("^C\n")


def test_what_is_said_beside_a_list_has_its_times_too(home: Home) -> None:
    """How long ago for a person, exact in a pipe and on demand."""
    with FakeServer(["m"], behave_listing=faults.always(faults.status(500))) as server:
        home.write_config(
            "[routing]\nconnect_timeout = '1s'",
            provider("odd", server.url),
            provider("gone", "http://127.0.0.1:9/v1"),
        )
        home.here("refresh")
    with terminals():
        shown, exact = home.here("models", "list").err, home.here("models", "list", "--utc").err
    assert re.search(r"odd: scripted 500 \(asked \d+ s ago\)", shown)
    assert re.search(r"gone: unreachable for \d+ s ", shown)
    for told in (exact, home.here("models", "list").err):
        assert len(re.findall(r"(?:asked|unreachable since) \d{4}-\d\d-\d\dT", told)) == 2


def test_groups_of_two_kinds_have_two_columns(home: Home) -> None:
    """So that each can be cut out, and read."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"))
    plant(home, {"deployment": "a/m", "cost": "1", "tag": "batch"}, {"deployment": "a/m", "cost": "1"})
    rows = [line.split("\t") for line in home.here("usage", "--by", "model,tag").out.splitlines()]
    assert sorted(row[:3] for row in rows if len(row) > 2) == [["m", "batch", "1"], ["m", "none", "1"]]
    with terminals():
        shown = home.here("usage", "--by", "model,tag", "--color", "never").out
    assert re.search(r"^MODEL +TAG +CALLS", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("line", "told"),
    [("usage list", "no request is recorded yet"), ("usage list --failed", "no recorded request matches")],
)
def test_nothing_there_is_not_nothing_found(home: Home, line: str, told: str) -> None:
    """A new home has no records; a filter may have no match."""
    assert told in home.here(*line.split()).err


def test_words_have_room_beside_long_ids(home: Home) -> None:
    """One long name does not squeeze what all the others have to say into a narrow column."""
    from llmpool.cli.layout import lines

    rows = [
        ["1", "lab/an-extremely-long-model-name-of-a-corporation-2025", "base +20, cost -8"],
        *([f"{n}", f"lab/model-{n}-instruct-large-{'x' * (n % 20)}", f"word {n}, " * 6] for n in range(40)),
    ]
    made = list(lines([">score", "=deployment", "why"], rows, 80, lambda text, _style: text))
    assert max(map(len, made)) <= 80
    assert len(made) < 41 * 3.1


def test_a_provider_is_enabled_or_disabled_in_so_many_words(home: Home) -> None:
    """Not "enabled is no"; again is said to be as it was."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"))
    assert home.here("providers", "disable", "a").err.startswith("a: disabled\n")
    assert home.here("providers", "disable", "a").err.startswith("a: disabled  (as it was)\n")
    assert home.here("providers", "enable", "a").err.startswith("a: enabled\n")


def test_what_tools_read_is_broken_between_words(home: Home) -> None:
    """On a terminal, below its own column; in a pipe a tool is a line."""
    variables = {"OPENAI_API_KEY": "sk-planted-000000000000000000000000"}
    with terminals():
        shown = home.here("providers", "import", env=variables | {"COLUMNS": "60"}).err
    assert max(map(len, shown.splitlines())) <= 60
    piped = home.here("providers", "import", env=variables).err
    assert re.search(r"^  codex +-?.*OPENAI_API_KEY.*CODEX_API_KEY.*OPENAI_BASE_URL$", piped, re.MULTILINE)
