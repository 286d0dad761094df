"""`models set`: what the owner declares of a deployment goes into the config, and comes out of it again."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

NOTED = "# my box\n"


@pytest.fixture
def declared(home: Home) -> Home:
    """Give a home with two declared deployments and comments around them."""
    home.write_config(
        NOTED + provider("den", "http://127.0.0.1:9/v1"),
        "[[models]]\nid = 'den/a'   # the old one\nquality = 7 # by hand\naliases = ['small', 'old']\n",
        model("den/b"),
    )
    return home


def shown(home: Home, ref: str) -> dict[str, object]:
    """Return what is declared of a deployment, without what is not."""
    found = home.here("models", "show", ref, "--json").json["model"]["declared"] or {}
    return {name: value for name, value in found.items() if value not in (None, []) and value is not False}


def test_everything_can_be_declared_at_once(declared: Home) -> None:
    """Ratings, window, capabilities, pull and aliases are validated, written, and used by the next run."""
    result = declared.here(
        *("models", "set", "den/b", "--quality", "0", "--speed", "9", "--cost-tier", "1"),
        *("--min-complexity", "moderate", "--context-window", "32k", "--supports", "tools=no"),
        *("--alias", "bee", "--alias", "b2", "--pull"),
    )
    assert result.err == (
        "den/b: alias bee, alias b2, quality is 0, speed is 9, cost_tier is 1, "
        "min_complexity is moderate, context_window is 32768, pull is yes, supports_tools is no\n"
    )
    assert shown(declared, "b2") == {
        "id": "den/b",
        "quality": 0,
        "speed": 9,
        "cost_tier": 1,
        "min_complexity": "moderate",
        "context_window": 32768,
        "supports": [["tools", False]],
        "pull": True,
        "aliases": ["bee", "b2"],
    }


def test_a_declaration_is_taken_back(declared: Home) -> None:
    """--unset and --no-alias take fields and aliases out, --unset all the table; comments stay."""
    result = declared.here("models", "set", "small", "--unset", "quality", "--no-alias", "small", "--no-pull")
    assert result.err == ("den/a: no quality is declared any more, small is no alias any more, pull is no\n")
    assert shown(declared, "old") == {"id": "den/a", "aliases": ["old"]}
    text = declared.config.read_text()
    assert declared.here("models", "set", "den/a", "--unset", "all", "--quality", "3").code == 0
    assert shown(declared, "den/a") == {"id": "den/a", "quality": 3}
    assert declared.here("models", "set", "den/a", "--unset", "all").code == 0
    assert declared.here("models", "show", "den/a").code == 3
    after = declared.config.read_text()
    for comment in ("# my box", "# the old one"):
        assert comment in text
        assert comment in after


def test_the_last_field_takes_its_table_with_it(declared: Home) -> None:
    """What is no more than listed is no declaration: nothing is left of it, and that is said."""
    declared.here("models", "set", "den/a", "--unset", "quality", "--no-pull")
    assert shown(declared, "den/a") == {"id": "den/a", "aliases": ["small", "old"]}
    result = declared.here("models", "set", "den/a", "--unset", "aliases")
    assert result.err == "den/a: no aliases are declared any more\nnote: nothing more is declared of den/a\n"
    assert declared.here("models", "show", "den/a").code == 3
    for given, taken in (
        (("--supports", "vision=yes"), ("--unset", "vision")),
        (("--alias", "x"), ("--no-alias", "x")),
    ):
        assert declared.here("models", "set", "den/b", *given).code == 0
        assert declared.here("models", "set", "den/b", *taken).code == 0
        assert "den/b" not in declared.config.read_text()


def test_an_alias_means_nothing_else(home: Home) -> None:
    """An id, a mode, a blank is no alias (2); a name that others carry is hidden by --force alone."""
    with FakeServer(["gpt-5", "gpt-5-mini"]) as work, FakeServer(["a", "gpt-5"]) as den:
        home.write_config(provider("work", work.url), provider("den", den.url))
        assert home.here("refresh").code == 0
    before = home.config.read_text()
    for alias, words in (
        ("den/a", "alias 'den/a' is the id of a deployment"),
        ("den/soon", "alias 'den/soon' names a model of den"),
        ("auto", "alias 'auto' is the name of a mode"),
        ("bad alias", "alias 'bad alias' holds blanks or control characters"),
        ("x\ny", "alias 'x\\ny' holds blanks or control characters"),
        ("gpt-5-mini", 'alias "gpt-5-mini" would hide work/gpt-5-mini, called just that'),
    ):
        result = home.here("models", "set", "work/gpt-5", "--alias", alias)
        assert (result.code, words in result.err) == (2, True), result
    assert home.config.read_text() == before
    assert home.here("models", "set", "work/gpt-5", "--alias", "gpt-5-mini", "--force").code == 0
    assert home.here("models", "set", "work/gpt-5", "--alias", "gpt-5-mini", "--alias", "gpt-5").code == 0
    assert shown(home, "gpt-5")["aliases"] == ["gpt-5-mini", "gpt-5"]
    assert home.here("models", "set", "den/a", "--quality", "3").code == 0


def test_what_would_not_load_is_refused(declared: Home) -> None:
    """The config stays as it was, and the answer names the way out."""
    before = declared.config.read_text()
    for arguments, code, words in (
        (("den/b", "--quality", "11"), 2, "error: --quality: 11 is out of range"),
        (("den/b", "--quality", "11"), 2, "nothing was changed"),
        (("den/b", "--min-complexity", "hard"), 2, "--min-complexity: "),
        (("den/b", "--supports", "embeddings=yes"), 2, "--supports embeddings: "),
        (("den/b", "--supports", "tools=perhaps"), 2, "--supports tools 'perhaps' is not known"),
        (("den/b", "--alias", "small"), 2, "models set den/a --no-alias small"),
        (("den/b", "--no-alias", "small"), 3, "its aliases: none"),
        (("den/a", "--unset", "speed"), 3, "declared: quality, aliases"),
        (("den/b",), 2, "nothing to declare"),
        (("dem/c", "--quality", "1"), 3, "did you mean den?"),
        (("gemini/pro", "--quality", "1"), 3, "did you mean google/pro?"),
        (("ollama/c", "--quality", "1"), 3, "llmpool providers add ollama"),
        (("nosuch", "--quality", "1"), 3, "nosuch"),
    ):
        result = declared.here("models", "set", *arguments)
        assert result.code == code
        assert words in result.err
    assert declared.config.read_text() == before


def test_what_is_not_there_yet_can_be_declared(home: Home) -> None:
    """Ruling 1: at a provider, or one that its key alone brings along; a slip of the finger wants --force."""
    with FakeServer(["qwen3:8b"]) as server:
        home.write_config(provider("den", server.url))
        early = home.here("models", "set", "den/soon", "--quality", "7", "--pull")
        assert early.err.splitlines()[1:] == ["note: den/soon is not known at den yet; it holds when it is"]
        home.here("refresh")
    late = home.here("models", "set", "den/phi4", "--alias", "phi")
    assert late.err.splitlines()[1:] == ["note: den does not list phi4 now; it holds when it does"]
    slip = home.here("models", "set", "den/qwen3:8", "--quality", "7")
    assert slip.code == 3
    assert "did you mean den/qwen3:8b?    or as it is spelled: --force" in slip.err
    assert home.here("models", "set", "den/qwen3:8", "--quality", "7", "--force").code == 0
    example = home.here("models", "set", "openai/gpt-5-mini", "--quality", "8", "--alias", "mini")
    assert example.err.splitlines() == [
        "openai/gpt-5-mini: alias mini, quality is 8",
        "note: openai is not configured; this brings it along, and a key is all it needs",
    ]
    assert home.here("config", "check").code == 0
    declared = {name: shown(home, name) for name in ("den/soon", "phi", "den/qwen3:8", "mini")}
    assert [entry["id"] for entry in declared.values()] == [
        "den/soon",
        "den/phi4",
        "den/qwen3:8",
        "openai/gpt-5-mini",
    ]


def test_c10_a_word_on_one_capability_leaves_the_others(home: Home) -> None:
    """reconcile-resolve C10: thinking declared yes or no, images afterwards, and thinking is as it was.

    A provider's name is exact here (ruling 1), where the source took `OpenAI` for `openai`.
    """
    home.write_config(provider("vllm", "http://127.0.0.1:9/v1"), "[providers.openai]\n")
    for ref, word in (("openai/gpt-5", "yes"), ("vllm/Qwen/Qwen3-32B", "no")):
        assert home.here("models", "set", ref, "--supports", f"thinking={word}").code == 0
        assert home.here("models", "set", ref, "--supports", "vision=yes").code == 0
        assert shown(home, ref)["supports"] == [["images", True], ["thinking", word == "yes"]]
    assert home.here("models", "set", "OpenAI/gpt-5", "--supports", "thinking=yes").code == 3
