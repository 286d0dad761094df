"""`llmpool route`: the decision without the call."""

from __future__ import annotations

import json

from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, model, provider

TWO = (
    provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
    provider("den", "http://127.0.0.1:9/v1"),
    model("sky/big", quality=10, speed=6, cost_tier=3, context_window=200000, supports_images=True),
    model("den/small", quality=5, speed=8, context_window=8192, aliases=["small"]),
)


def test_a_pipe_gets_the_id_alone(home: Home) -> None:
    """Piped, route prints the selected id and nothing else; no network, nothing recorded."""
    home.write_config(*TWO)
    result = home.here("route", "hello")
    assert (result.code, result.out, result.err) == (0, "den/small\n", "")
    assert not (home.state / "decisions").exists()


def test_json_is_the_whole_decision(home: Home) -> None:
    """--json carries candidates with every rule, rejections with every reason, and the request's features."""
    home.write_config(*TWO)
    decision = home.here("route", "--json", "--needs", "images", "explain this").json["decision"]
    assert decision["selected"] == "sky/big"
    assert decision["complexity"] == "complex"
    assert decision["candidates"][0]["hits"][0] == {"rule": "base", "points": 20}
    assert decision["candidates"][0]["score"] == sum(h["points"] for h in decision["candidates"][0]["hits"])
    assert decision["rejections"] == [{"deployment": "den/small", "reasons": ["missing image support"]}]
    assert decision["request"]["needs"] == ["images"]
    assert "explain this" not in json.dumps(decision)


def test_nothing_eligible_prints_the_decision_and_ends_with_6(home: Home) -> None:
    """With nothing eligible --json still prints the decision; a person gets each rejection."""
    home.write_config(*TWO)
    result = home.here("route", "--json", "--local-only", "--min-quality", "9", "x")
    assert result.code == 6
    assert result.json["decision"]["no_eligible"] is True
    told = home.here("route", "--local-only", "--min-quality", "9", "x")
    assert (told.code, told.out) == (6, "")
    assert "quality 5 below 9" in told.err
    assert "not local" in told.err


def test_references_resolve_as_ruled(home: Home) -> None:
    """An id, an alias and a unique name all mean the same deployment."""
    home.write_config(*TWO)
    for ref in ("den/small", "small"):
        assert home.here("route", "-m", ref, "x").out == "den/small\n"
    assert home.here("route", "-m", "big", "x").out == "sky/big\n"
    assert home.here("route", "-m", "cloud", "x").out == "sky/big\n"
    unknown = home.here("route", "-m", "smal", "x")
    assert unknown.code == 3
    assert "den/small" in unknown.err


def test_an_unlisted_model_is_called_as_is_only_when_nothing_contradicts(home: Home) -> None:
    """provider/model passes with a note when its provider was never listed; a healthy listing refuses it."""
    with FakeServer(models=("known",)) as one:
        home.write_config(provider("a", one.url), provider("dead", f"http://127.0.0.1:{closed_port()}/v1"))
        never = home.here("route", "-m", "a/new", "x")
        assert (never.code, never.out) == (0, "a/new\n")
        assert "never listed" in never.err
        home.here("refresh")
        assert home.here("route", "-m", "a/new", "x").code == 3
        assert home.here("route", "-m", "a/new", "--force", "x").out == "a/new\n"
        assert home.here("route", "-m", "dead/any", "x").out == "dead/any\n"
        assert home.here("route", "-m", "nobody/x", "x").code == 3


def test_profiles_and_groups_from_the_config(home: Home) -> None:
    """A profile's options apply beneath the command line's; unknown ones end with 3."""
    home.write_config(*TWO, '[profiles.best]\nmin_quality = 9\n[groups.home]\nproviders = ["den"]\n')
    assert home.here("route", "--profile", "best", "x").out == "sky/big\n"
    assert home.here("route", "--profile", "best", "--group", "home", "x").code == 6
    assert home.here("route", "--group", "home", "x").out == "den/small\n"
    assert home.here("route", "--profile", "nosuch", "x").code == 3
    assert home.here("route", "--group", "nosuch", "x").code == 3


def test_soft_hints_that_sound_hard_are_pointed_out(home: Home) -> None:
    """A hint is a wish; the CLI says so when it looks like a requirement."""
    home.write_config(*TWO)
    result = home.here("route", "--hint", "local_only=true", "x")
    assert "--local-only" in result.err
    assert home.here("route", "--hint", "nonsense", "x").code == 2
    assert "prefer_speed" in home.here("route", "--hint", "prefer_sped=true", "x").err


def test_variables_stand_for_options(home: Home) -> None:
    """Every routing option has an environment variable."""
    home.write_config(*TWO)
    assert home.here("route", "x", env={"LLMPOOL_MIN_QUALITY": "9"}).out == "sky/big\n"
    assert home.here("route", "x", env={"LLMPOOL_EXCLUDE": "den"}).out == "sky/big\n"


def test_the_text_on_stdin_counts(home: Home) -> None:
    """Complexity is judged on the prompt, size on everything; stdin alone is the prompt."""
    home.write_config(*TWO)
    decision = home.here("route", "--json", "turn on", stdin="explain " * 6000).json["decision"]
    assert decision["complexity"] == "simple"
    assert decision["request"]["context_size"] > 10000
    assert decision["selected"] == "sky/big"
    assert home.here("route", "--json", stdin="explain it").json["decision"]["complexity"] == "complex"


def test_batch_decides_line_by_line(home: Home) -> None:
    """--batch prints a decision a line in order; a bad line becomes an error in its place and exit 2."""
    home.write_config(*TWO)
    good = (
        '{"query": "explain", "needs_images": true}\n\n'
        '{"query": "hi", "context_size": 0, "hints": {"prefer_speed": true}}\n'
    )
    result = home.here("route", "--batch", "-", "--json", stdin=good)
    assert result.code == 0
    assert [d["decision"]["selected"] for d in result.documents] == ["sky/big", "den/small"]
    mixed = home.here(
        "route",
        "--batch",
        "-",
        "--json",
        stdin='{"query": "hi"}\n{"query": 7}\nnot json\n{"query": "x", "no": 1}\n',
    )
    assert mixed.code == 2
    assert ["error" in d for d in mixed.documents] == [False, True, True, True]
    assert mixed.documents[2]["line"] == 3
    nothing = home.here(
        "route", "--batch", "-", "--json", "--min-quality", "10", "--local-only", stdin='{"query": "x"}\n'
    )
    assert (nothing.code, nothing.documents[0]["decision"]["no_eligible"]) == (0, True)
    assert home.here("route", "--batch", "/no/such/file", "--json").code == 2


def test_recorded_decisions_can_be_looked_at(home: Home) -> None:
    """--record keeps a decision; --last and --id show it again; an unknown id ends with 3."""
    home.write_config(*TWO)
    assert home.here("route", "--last").code == 3
    made = home.here("route", "--record", "--json", "x").json["decision"]
    assert home.here("route", "--last", "--json").json["decision"]["id"] == made["id"]
    assert home.here("route", "--id", made["id"], "--json").json["decision"] == made
    assert made["selected"] in home.here("route", "--last").out
    assert home.here("route", "--id", "d-nosuch").code == 3


def test_a_terminal_gets_the_table(home: Home) -> None:
    """On a terminal: candidates with their rules, the margin, and what would change the choice."""
    home.write_config(*TWO)
    child = home.terminal("route", "hello")
    child.expect("den/small")
    child.expect("free .15")
    child.expect("sky/big")
    child.expect("ahead by")
    child.expect("--min-quality 6: sky/big")
    child.wait()


def test_the_preview_is_the_run(home: Home, server: FakeServer) -> None:
    """What route says is what chat asks."""
    home.write_config(provider("a", server.url), model("a/m", quality=6))
    chosen = home.here("route", "hello").out.strip()
    assert home.here("chat", "--json", "hello").json["served_by"] == chosen


def test_a_decision_follows_the_config_at_once(home: Home) -> None:
    """The compiled registry is made anew when the config changes; the generation moves only on change."""
    home.write_config(*TWO)
    first = home.here("route", "--json", "x").json["decision"]
    again = home.here("route", "--json", "x").json["decision"]
    assert first["generation"] == again["generation"]
    home.write_config("local_first = false", *TWO, model("sky/new", quality=9, cost_tier=0))
    changed = home.here("route", "--json", "x").json["decision"]
    assert changed["generation"] == first["generation"] + 1
    assert changed["candidates_total"] == 3
    home.write_config(
        "# only a comment", "local_first = false", *TWO, model("sky/new", quality=9, cost_tier=0)
    )
    assert home.here("route", "--json", "x").json["decision"]["generation"] == changed["generation"]


def test_strategies_can_be_asked_for(home: Home) -> None:
    """--strategy ranks otherwise; an unknown one is refused."""
    home.write_config(
        provider("a", "http://127.0.0.1:9/v1", priority=10),
        provider("b", "http://127.0.0.1:9/v1", priority=90),
        model("a/m", quality=9),
        model("b/m", quality=1),
    )
    assert home.here("route", "x").out == "a/m\n"
    assert home.here("route", "--strategy", "priority", "x").out == "b/m\n"
    assert home.here("route", "--strategy", "value", "x").out == "a/m\n"
    assert home.here("route", "--strategy", "best", "x").code == 2


def test_a_word_for_the_mode_is_what_the_caller_said(home: Home) -> None:
    """`-m local` comes before a profile's mode as `--mode local` does."""
    home.write_config(*TWO, "[profiles.away]", 'mode = "cloud"', "[profiles.named]", 'model = "sky/big"')
    for said in (("-m", "local"), ("--mode", "local"), ("-m", "auto", "--mode", "local")):
        assert home.here("route", *said, "--profile", "away", "x").out == "den/small\n"
    assert home.here("route", "-m", "local", "--profile", "named", "x").out == "den/small\n"
    assert home.here("route", "--profile", "away", "x").out == "sky/big\n"


def test_local_is_not_talked_over(home: Home) -> None:
    """`-m local` is kept beside another mode: a variable that stands there since long takes nobody out."""
    home.write_config(*TWO)
    for other in ("cloud", "auto"):
        assert home.here("route", "-m", "local", "x", env={"LLMPOOL_MODE": other}).out == "den/small\n"
        assert home.here("route", "-m", "Local", "--mode", other, "x").out == "den/small\n"
    assert home.here("route", "-m", "cloud", "x", env={"LLMPOOL_MODE": "local"}).out == "den/small\n"
    assert home.here("route", "-m", "cloud", "--mode", "auto", "x").code == 0


def test_a_variable_does_not_lift_the_mode_of_a_profile(home: Home) -> None:
    """What a profile keeps at home stays there, whatever `LLMPOOL_MODE` says; what is typed counts more."""
    home.write_config(*TWO, "[profiles.home]", 'mode = "local"', "[profiles.away]", 'mode = "cloud"')
    for other in ("cloud", "auto"):
        assert home.here("route", "--profile", "home", "x", env={"LLMPOOL_MODE": other}).out == "den/small\n"
    away = {"LLMPOOL_MODE": "local", "LLMPOOL_PROFILE": "away"}
    assert home.here("route", "x", env=away).out == "den/small\n"
    assert home.here("route", "--profile", "home", "--mode", "cloud", "x").out == "sky/big\n"


def test_a_variable_does_not_lift_the_limits_of_a_profile(home: Home) -> None:
    """The stricter of both holds; what is typed is the caller's own word."""
    home.write_config(*TWO, "[profiles.best]", "min_quality = 10", 'max_cost = "0.01"')
    loose = {"LLMPOOL_MIN_QUALITY": "1", "LLMPOOL_MAX_COST": "5"}
    made = home.here("route", "--profile", "best", "--json", "x", env=loose).json["decision"]
    assert (made["selected"], made["request"]["min_quality"], made["request"]["max_cost"]) == (
        None,
        10,
        "0.01",
    )
    typed = home.here("route", "--profile", "best", "--min-quality", "1", "--json", "x", env=loose)
    assert typed.json["decision"]["request"]["min_quality"] == 1
    strict = {"LLMPOOL_MAX_COST": "0.001"}
    made = home.here("route", "--profile", "best", "--json", "x", env=strict).json["decision"]
    assert made["request"]["max_cost"] == "0.001"


def test_a_mode_that_does_not_hold_is_not_told_as_the_one(home: Home) -> None:
    """Beside `--local-only` mode cloud is nobody's: the decision is one of mode local, and says so."""
    home.write_config(*TWO, "[routing]", 'mode = "cloud"')
    for said in (("--mode", "cloud"), ("-m", "cloud"), ()):
        made = home.here("route", "--local-only", *said, "--json", "x").json["decision"]
        assert (made["selected"], made["mode"]) == ("den/small", "local")
        assert made["notes"] == ["--local-only holds, so mode cloud does not"]
