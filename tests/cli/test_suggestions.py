"""A slip of the finger is answered with what was meant, as a line that can be typed."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, model, provider


@pytest.fixture
def den(home: Home) -> Home:
    """Give a home with a name of every kind in its config."""
    home.write_config(
        provider("den", "http://127.0.0.1:9/v1", keys=[{"label": "alpha", "env": "A"}]),
        model("den/qwen3:8b", aliases=["small"]),
        '[groups.family]\nproviders = ["den"]',
        "[profiles.feline]\nlocal_only = true",
        '[budgets.daily]\nlimit = "5"\nper = "day"',
        '[templates]\nreview = "x"',
    )
    return home


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("caht hi", "did you mean llmpool chat?"),
        ("mdoels", "did you mean llmpool models?"),
        ("CHAT hi", "did you mean llmpool chat?"),
        ("models lst", "did you mean llmpool models list?"),
        ("providers keys ad x", "did you mean llmpool providers keys add?"),
        ("policy budgt", "did you mean llmpool policy budget?"),
        ("models rm x", "did you mean llmpool models remove?"),
        ("policy group show x", "did you mean llmpool policy group list?"),
        ("models xyzzy", "there are: list, show, set, pull,"),
        ("status", "did you mean llmpool doctor?"),
        ("login", "did you mean llmpool providers login?"),
        ("pull x", "did you mean llmpool models pull?"),
        ("why is the sky blue", "llmpool chat 'why is the sky blue'"),
        ("frobnicate", "to ask something: llmpool chat frobnicate"),
        ("prices", "did you mean llmpool usage prices?"),
        ("limits", "did you mean llmpool providers limits?"),
        ("keys add work", "did you mean llmpool providers keys add?"),
        ("budget set 5/day", "did you mean llmpool policy budget set?"),
        ("show me the way", "to ask that: llmpool chat 'show me the way'"),
        ("--verison", "did you mean --version?"),
        ("-v", "did you mean --version?"),
        ("route --colour", "did you mean --color?"),
        ("chat --modle x", "did you mean --model?"),
        ("usage --limt 5", "did you mean --limit?"),
        ("--local-only chat hi", "it belongs behind a command: llmpool chat --local-only"),
        ("route --needs", "--needs LIST: capabilities it must have"),
        ("route hi there", 'llmpool route "hi there"'),
        ("chat -m den/qwen3:8b hi there", 'llmpool chat "hi there"'),
        ("chat tell me (briefly) why", 'llmpool chat "tell me (briefly) why"'),
        ("chat what costs $5", "llmpool chat 'what costs $5'"),
        ("models show", "like: llmpool models show den/qwen3:8b"),
        ("init now", 'llmpool init takes no "now"'),
        ("route hi --strategy scor", "did you mean score?"),
        ("route hi --mode locl", "did you mean local?"),
        ("route hi --needs tool", "did you mean tools?"),
        ("completion bsh", "did you mean bash?"),
        ("--color alwys route", "one of: auto, always, never"),
    ],
)
def test_a_mistyped_line_is_a_usage_error_that_says_what_was_meant(home: Home, line: str, meant: str) -> None:
    """Commands, verbs, options, their values, and a prompt without a command."""
    result = home.here(*line.split())
    assert (result.code, result.out) == (2, "")
    assert meant in result.err
    assert result.err.startswith("error: ")


def test_a_prompt_in_quotes_is_offered_to_chat(home: Home) -> None:
    """What has blanks in it is no command."""
    assert "to ask that: llmpool chat 'why is it?'" in home.here("why is it?").err


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("models show den/qwen3:9b", "did you mean den/qwen3:8b?"),
        ("route -m smal hi", "did you mean den/qwen3:8b?"),
        ("providers show dne", "did you mean den?"),
        ("refresh dne", "did you mean den?"),
        ("route hi --prefer dne", "did you mean den?"),
        ("route hi --group famly", "did you mean family?"),
        ("route hi --profile felin", "did you mean feline?"),
        ("route hi --profile premum", "did you mean premium?"),
        ("providers add opnai", "did you mean openai?"),
        ("providers login copliot", "did you mean copilot?"),
        ("policy group list famly", "did you mean family?"),
        ("policy budget clear dayly", "did you mean daily?"),
        ("providers keys remove den alfa", "its keys: alpha"),
        ("chat -t reviw hi", "did you mean review?"),
        ("config get routing.stratgy", "did you mean routing.strategy?"),
        ("config set stratgy score", "did you mean routing.strategy?"),
        ("config unset bugets", "did you mean budgets?"),
        ("policy set dne --state active", "did you mean den?"),
        ("providers import claud", "did you mean claude-code?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(den: Home, line: str, meant: str) -> None:
    """Models, providers, groups, profiles, budgets, labels, templates and keys of the config: exit 3."""
    result = den.here(*line.split())
    assert (result.code, result.out) == (3, "")
    assert meant in result.err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('stratgy = "score"', 'did you mean "routing.strategy"?'),
        ('strategy = "score"', 'did you mean "routing.strategy"?'),
        ('[routing]\nstratgy = "score"', 'did you mean "strategy"?'),
        ("[routing]\nlocal_first = true", "it belongs at the top, ahead of all tables"),
        ('[providers.x]\nbase_url = "http://x"', 'did you mean "url"?'),
        ('[providers.x]\nurl = "http://x"\nrpm = 5', 'did you mean "rate_limit.rpm"?'),
        ('[providers.x]\nurl = "http://x"\ntemperature = 1', 'did you mean "params.temperature"?'),
        ("[rooting]\nx = 1", 'did you mean "routing"?'),
    ],
)
def test_a_misspelt_key_of_the_config_is_answered_with_the_right_one(
    home: Home, text: str, meant: str
) -> None:
    """The nearest here, or the table that a key belongs to, or what other programs call it: exit 4."""
    home.write_config(text)
    result = home.here("config", "check")
    assert result.code == 4
    assert meant.lower() in (result.err + result.out).lower()


def test_json_tells_the_same(home: Home) -> None:
    """The last line of stderr is a document, with the way out as its hint."""
    error = home.here("caht", "--json").error
    assert (error["exit"], error["kind"]) == (2, "usage")
    assert error["message"] == 'there is no command "caht"'
    assert error["hint"].startswith("did you mean llmpool chat?")
    assert home.here("caht", "--jsonl").error == error


def test_a_key_typed_in_the_wrong_place_is_not_repeated(home: Home) -> None:
    """Neither as a command, nor as a prompt, nor as an option."""
    for words in (
        (PLANTED_KEY,),
        ("chat", "hi", PLANTED_KEY),
        ("models", "show", "x", PLANTED_KEY),
        ("route", f"--{PLANTED_KEY}"),
    ):
        result = home.here(*words)
        assert result.code == 2
        assert not result.shows(PLANTED_KEY)


def test_a_mistyped_word_for_where_is_suggested(home: Home, server: FakeServer) -> None:
    """`-m auot` names no model, and resembles none: it was meant for the word."""
    home.write_config(provider("a", server.url))
    assert home.here("refresh").code == 0
    wrong = home.here("route", "-m", "auot", "hi")
    assert (wrong.code, "did you mean auto?" in wrong.err) == (3, True)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("models --json list", "models list --json"),
        ("models --json show den/qwen3:8b", "models show --json den/qwen3:8b"),
        ("usage --since 1d --tag list list", "usage list --since 1d --tag list"),
        ("policy --json budget list", "policy budget list --json"),
        ("providers keys --json add den", "providers keys add --json den"),
        ("config --json show", "config show --json"),
    ],
)
def test_a_verb_behind_an_option_is_no_name(den: Home, line: str, meant: str) -> None:
    """The first verb does not take it for a provider: it is said that the verb comes first, with the line."""
    error = den.here(*line.split(), *(() if "--json" in line else ("--json",))).error
    assert (error["exit"], error["message"].partition(" ")[2]) == (
        2,
        "stands behind an option, and the verb comes first",
    )
    assert error["hint"].removesuffix(" --json") == f"llmpool {meant}".removesuffix(" --json")


def test_what_is_called_like_a_verb_can_be_the_value_of_an_option(den: Home) -> None:
    """A tag may be called `list`, and whoever is called so is shown behind the verb."""
    assert den.here("usage", "--tag", "list").code == 0
    assert den.here("models", "list", "list", "--json").error["kind"] == "unknown_name"
