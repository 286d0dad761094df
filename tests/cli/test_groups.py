"""`llmpool policy group`, and `--group`: nobody outside of a group receives a byte."""

from __future__ import annotations

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

CONFIG = (
    "# my machines",
    provider("den", "http://127.0.0.1:9/v1"),
    provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
    model("den/qwen3:8b"),
    model("den/llama3"),
    model("sky/gpt-5"),
    "[groups.family]  # at home",
    'providers = ["den"]',
    "# what the children use",
    "[profiles.kids]",
    'group = "family"',
)


def test_groups_are_listed_with_members_and_what_is_missing(home: Home) -> None:
    """As a table, one a line with a name, and as JSON."""
    home.write_config(*CONFIG, "[groups.old]", 'models = ["zephyr*", "gpt-5"]')
    assert home.here("policy", "group").out == (
        "family\tden\tall\t2\t\nold\tall\tzephyr*, gpt-5\t1\tnothing matches zephyr*\n"
    )
    one = home.here("policy", "group", "list", "old")
    assert (one.out, one.err) == ("sky/gpt-5\n", "note: nothing matches zephyr*\n")
    assert home.here("policy", "group", "list", "--json").json["groups"] == [
        {
            "name": "family",
            "providers": ["den"],
            "models": None,
            "members": ["den/llama3", "den/qwen3:8b"],
            "missing": [],
            "profiles": ["kids"],
        },
        {
            "name": "old",
            "providers": None,
            "models": ["zephyr*", "gpt-5"],
            "members": ["sky/gpt-5"],
            "missing": ["nothing matches zephyr*"],
            "profiles": [],
        },
    ]
    unknown = home.here("policy", "group", "list", "famly")
    assert (unknown.code, unknown.err.splitlines()[1]) == (3, "  did you mean family?")


def test_a_group_is_made_and_changed_in_the_config(home: Home) -> None:
    """Lists are replaced, added to, taken from or dropped; every comment stays, and it holds at once."""
    home.write_config(*CONFIG)
    change = ("policy", "group", "set", "family")
    made = home.here(*change, "--add-provider", "sky", "--model", "qwen*,gpt-5", "--json").json["group"]
    assert (made["providers"], made["models"]) == (["den", "sky"], ["qwen*", "gpt-5"])
    assert made["members"] == ["den/qwen3:8b", "sky/gpt-5"]
    dropped = home.here(*change, "--drop-provider", "den", "--all-models")
    assert dropped.err == "family: 1 deployment (sky/gpt-5)    use it: llmpool chat --group family\n"
    assert home.here("route", "--group", "family", "x").out == "sky/gpt-5\n"
    assert home.here("policy", "group", "set", "new", "--model", "llama*").code == 0
    assert home.here("route", "--group", "new", "x").out == "den/llama3\n"
    text = home.config.read_text()
    assert all(comment in text for comment in ("# my machines", "# at home", "# what the children use"))
    assert home.here("config", "check").code == 0


def test_a_change_that_means_something_else_is_refused(home: Home) -> None:
    """An empty list, a list out of none, an unknown provider, or a word that says nothing."""
    home.write_config(*CONFIG)
    before = home.config.read_text()
    change = ("policy", "group", "set", "family")
    for words, code, told in (
        (("--drop-provider", "den"), 2, "--all-providers"),
        (("--drop-provider", "sky"), 2, "it has: den"),
        (("--drop-model", "m"), 2, "every model belongs to it"),
        (("--add-model", "m"), 2, "only m: --model m"),
        (("--provider", "dem"), 3, "did you mean den?"),
        ((), 2, "nothing is said of family"),
    ):
        result = home.here(*change, *words)
        assert (result.code, told in result.err) == (code, True), (words, result)
    assert home.here("policy", "group", "set", "a b", "--provider", "den").code == 2
    assert home.config.read_text() == before


def test_a_group_in_use_is_not_removed(home: Home) -> None:
    """A profile that stays in it would be held to nothing any more; others go after a question."""
    home.write_config(*CONFIG, "[groups.spare]")
    kept = home.here("policy", "group", "remove", "family", "--yes")
    assert kept.code == 2
    assert "llmpool config unset profiles.kids.group" in kept.err
    assert home.here("policy", "group", "remove", "spare").code == 2
    assert home.here("policy", "group", "remove", "spare", "--yes").code == 0
    assert home.here("policy", "group", "remove", "spare", "--yes").code == 3
    assert "spare" not in home.config.read_text()


def test_nobody_outside_of_a_group_receives_a_byte(home: Home) -> None:
    """Ruling 3: with every member failing, neither candidates nor any way out leave the group."""
    with FakeServer(["m", "n"], behave=[faults.status(503)] * 9) as inside, FakeServer(["big"]) as outside:
        home.write_config(
            'default_model = "sky/big"',
            'recovery_model = "sky/big"',
            '[routing]\nfallbacks = ["sky/big"]\nmax_retries = 0',
            provider("den", inside.url),
            provider("sky", outside.url),
            *(model(ref) for ref in ("den/m", "den/n", "sky/big")),
            '[groups.family]\nproviders = ["den"]',
            '[profiles.kids]\ngroup = "family"',
        )
        for words, env in (
            (("--group", "family"), {}),
            (("--profile", "kids"), {}),
            ((), {"LLMPOOL_GROUP": "family"}),
            (("--group", "family", "-m", "den/m", "--fallback"), {}),
        ):
            failed = home.here("chat", "--max-wait", "0", *words, "x", env=env)
            assert failed.code in (7, 75), (words, failed)
        assert home.here("chat", "--group", "family", "-m", "sky/big", "x").code == 6
        assert len(inside.chats) >= 4
        assert outside.requests == []
        assert home.here("chat", "x").out == "hello there\n"
        assert len(outside.chats) == 1


def test_a_group_that_empties_a_request_is_an_error(home: Home) -> None:
    """Nothing eligible ends with 6 and names the group; a group nobody configured with 3."""
    home.write_config(*CONFIG, "[groups.old]", 'models = ["zephyr"]')
    empty = home.here("route", "--group", "old", "x")
    assert empty.code == 6
    assert "group old" in empty.err
    decision = home.here("route", "--group", "old", "--json", "x").json["decision"]
    assert decision["notes"] == ["group old has no deployment: nothing matches zephyr"]
    assert home.here("route", "--group", "oldd", "x").code == 3
    asked = home.here("chat", "--group", "old", "x")
    assert asked.code == 6
    assert "group old has no deployment: nothing matches zephyr" in asked.err


@pytest.mark.parametrize(
    "words",
    [
        ("--provider", "", "--model", "qwen*"),
        ("--provider", "den", "--model", ","),
        ("--provider", "den", "--all-providers"),
        ("--drop-model", "x", "--all-models"),
    ],
)
def test_a_list_that_says_two_things_or_nothing_never_means_all(home: Home, words: tuple[str, ...]) -> None:
    """A script's empty variable, or a list beside --all, would let in whom the owner left out."""
    home.write_config(*CONFIG)
    before = home.config.read_text()
    assert home.here("policy", "group", "set", "own", *words).code == 2
    assert home.config.read_text() == before
