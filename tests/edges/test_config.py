"""The owner's config: what it may say, how problems are told, and how it is shown."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest

from llmpool.config.load import load
from llmpool.config.schema import CONFIG
from llmpool.config.show import as_json
from llmpool.core.config import Config
from llmpool.core.provider import KeyRef, Params, RateLimit
from llmpool.errors import ConfigInvalid
from tests.edges.config_text import PLANTED, load_text, problems_of

SAMPLE = Path(__file__).with_name("config_sample.toml")


@pytest.fixture
def config(tmp_path):
    """Return a function that loads a text as the config."""
    return partial(load_text, tmp_path)


@pytest.fixture
def problems(tmp_path):
    """Return a function that loads a text that must fail, and gives its problems."""
    return partial(problems_of, tmp_path)


# -- the file as a whole


def test_a_missing_file_is_an_empty_config(tmp_path):
    """Without a file the defaults hold, and the config says that it does not exist."""
    path = tmp_path / "none" / "config.toml"
    assert Config(path=str(path), exists=False) == load(path)


@pytest.mark.parametrize("text", ["", "# nothing\n", b"\xef\xbb\xbf# a byte order mark\n", "\r\n"])
def test_an_empty_file_means_the_defaults(config, text):
    """An empty config differs from a missing one only in that it exists."""
    found = config(text)
    assert Config(path=found.path, exists=True) == found


def test_every_problem_is_told_at_once(tmp_path):
    """Six mistakes in a file are six lines with file, line, key and remedy, in the file's order; exit 4."""
    path = tmp_path / "config.toml"
    path.write_text(
        'defualt_model = "x"\n[routing]\nstrategy = "fastest"\n[providers."bad id"]\nurl = "http://x"\n'
        '[providers.a]\nurl = 3\n[[models]]\nid = "nowhere/m"\nquality = 99\n'
    )
    with pytest.raises(ConfigInvalid) as caught:
        load(path)
    error = caught.value
    assert (error.exit_code, error.message) == (4, "config.toml has 6 problems")
    assert "llmpool config check" in error.hint
    assert [problem["line"] for problem in error.details["problems"]] == [1, 3, 4, 7, 9, 10]
    assert [problem["key"] for problem in error.details["problems"]] == [
        "defualt_model",
        "routing.strategy",
        'providers."bad id"',
        "providers.a.url",
        "models[0].id",
        "models[0].quality",
    ]
    assert (
        f'{path}:1  defualt_model: unknown key "defualt_model". Did you mean "default_model"?'
        == error.lines[0]
    )
    assert error.lines[1].startswith(
        f'{path}:3  [routing] strategy: "fastest" is not known here. Use one of:'
    )
    assert error.lines[5].startswith(f"{path}:10  [[models]] quality: 99 is out of range.")


def test_one_problem_is_singular(tmp_path):
    """A single problem is not called problems."""
    (tmp_path / "c.toml").write_text("x = 1")
    with pytest.raises(ConfigInvalid, match=r"^c\.toml has 1 problem$"):
        load(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 1\nb = \n", 2, "column 5"),
        ("[routing\n", 1, "column 9"),
        ("mode = auto\n", 1, "column 8"),
        ("x = 1\nx = 2\n", 2, "column 6"),
        ('\n\na = """never closed', 3, "end of the file"),
    ],
)
def test_syntax_errors_have_a_place(problems, text, line, column):
    """What is not TOML is one problem, with its line and column."""
    (problem,) = problems(text)
    assert line == problem["line"]
    assert column in problem["message"]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (b"a = 1\nb = '\xff'\n", "not UTF-8"),
        ("a = 1\n".encode("utf-16"), "not UTF-8"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "9" * 5000, "too many digits"),
    ],
)
def test_texts_no_parser_takes(problems, text, fact):
    """Text in another encoding, endless nesting and endless numbers are problems, not crashes."""
    assert fact in problems(text)[0]["message"]


def test_the_line_of_bad_bytes(problems):
    """Bytes that are not UTF-8 are told with their line."""
    assert problems(b"a = 1\n\nb = '\xff'\n")[0]["line"] == 3


def test_files_that_cannot_be_read(tmp_path):
    """A directory, a file in a file and an impossible name are told as such, with a remedy."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "config.toml", Path("a\0b")):
        with pytest.raises(ConfigInvalid) as caught:
            load(path)
        assert caught.value.hint
        assert caught.value.message.isprintable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    """A file this user may not read is told as such."""
    path = tmp_path / "config.toml"
    path.touch(mode=0o000)
    with pytest.raises(ConfigInvalid, match="may not be read"):
        load(path)


def test_control_characters_are_escaped(problems):
    """Control characters of the file reach a terminal only as escapes, from keys and from values."""
    found = problems('"\\u001b[31m" = 1\n[routing]\nmode = "\\u202e\\u0007"\n"\\n" = 2\n')
    assert len(found) == 3
    assert "\\x1b[31m" in found[0]["message"]


# -- the sample of the manual


def test_the_sample_is_read_whole():
    """Every key of the documented sample is understood and arrives as written."""
    found = load(SAMPLE)
    assert (
        found.default_model,
        found.recovery_model,
        found.local_first,
        found.catalog_url,
    ) == ("openai/gpt-5-mini", "den/qwen3:8b", True, "https://models.example/catalog.json")
    assert (
        found.routing.stale_after,
        found.routing.max_retries,
        found.routing.connect_timeout,
        found.routing.first_token_timeout,
        found.routing.read_timeout,
        found.routing.quality_target,
    ) == (604800.0, 2, 3.0, 60.0, 120.0, 0.8)
    openai, den, work = found.providers
    assert (KeyRef(label="default", source="env", env="OPENAI_API_KEY"),) == openai.keys
    assert (
        den.preset,
        den.url,
        den.optional,
        den.idle_ttl,
    ) == ("ollama", "http://den.lan:11434", True, 600.0)
    assert (
        KeyRef(label="a", source="env", env="WORK_KEY_A"),
        KeyRef(label="b", source="command", command=("pass", "show", "work/b")),
        KeyRef(label="c", source="keyring"),
    ) == work.keys
    assert (
        RateLimit(rpm=60, tpm=90000, rpd=1000, tpd=2000000, reset_tz="America/Los_Angeles") == work.rate_limit
    )
    assert Params(temperature=0.2, max_tokens=2048, thinking="off") == work.params
    assert work.headers == (("X-Team", "search"),)
    assert work.header_env == (("X-Gateway-Token", "WORK_GATEWAY"),)
    (model,) = found.models
    assert ((("tools", True),), ("small",), RateLimit(rpm=10), 32768) == (
        model.supports,
        model.aliases,
        model.rate_limit,
        model.context_window,
    )
    assert (found.groups[0].providers, found.groups[0].models) == (("den",), None)
    assert (found.budgets[0].name, found.budgets[0].limit, found.budgets[0].per) == ("daily", "5.00", "day")
    assert (found.unpriced, found.retention) == ("allow", 30 * 86400.0)
    assert found.trial_keys == (("t1", "base64 of an Ed25519 public key"),)
    assert found.templates == (("review", "Review this change:\n{input}"),)
    assert (
        ("copilot", (("client_id", KeyRef(label="client_id", source="env", env="MY_COPILOT_CLIENT_ID")),)),
    ) == found.oauth


def test_every_key_of_a_profile(config):
    """A profile takes every routing option, and hints as text, number or boolean."""
    (found,) = config(
        '[groups.g]\n[profiles.p]\nlocal_only = true\nmodel = "x"\nstrategy = "cost"\nmode = "local"\n'
        'group = "g"\npriority = "background"\nmin_quality = 5\nmax_cost = 0.10\n'
        'needs = ["vision", "images", "json"]\n'
        'prefer = "den"\nexclude = ["a/b"]\nhints = { speed = true, "x" = 3, y = 0.50, z = "w" }\n'
    ).profiles
    assert (
        found.local_only,
        found.model,
        found.strategy,
        found.mode,
        found.group,
    ) == (True, "x", "cost", "local", "g")
    assert (
        found.priority,
        found.min_quality,
        found.max_cost,
        found.needs,
    ) == ("background", 5, "0.10", ("images", "json"))
    assert found.hints == (("speed", "true"), ("x", "3"), ("y", "0.50"), ("z", "w"))


def test_supports_and_provider_flags(config):
    """Declared capabilities arrive as pairs, those of a provider as flags."""
    found = config(
        "[providers.ollama]\nsupports_tools = false\nsupports_streaming = true\nsupports_images = false\n"
        '[[models]]\nid = "ollama/m"\nsupports_thinking = true\nsupports_json = false\n'
        "supports_images = true\n"
    )
    assert found.models[0].supports == (("images", True), ("json", False), ("thinking", True))
    provider = found.providers[0]
    assert (
        provider.supports_tools,
        provider.supports_streaming,
        provider.supports_images,
    ) == (False, True, False)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("250ms", 0.25), ("90s", 90.0), ("10m", 600.0), ("5h", 18000.0), ("7d", 604800.0)],
)
def test_durations(config, written, seconds):
    """Durations are whole numbers with a unit, and become seconds."""
    assert seconds == config(f'[routing]\nread_timeout = "{written}"').routing.read_timeout


@pytest.mark.parametrize(
    ("written", "tokens"),
    [("0", 0), ("32768", 32768), ('"32768"', 32768), ('"32k"', 32768), ('"1M"', 1 << 20)],
)
def test_sizes(config, written, tokens):
    """A context window is a number, or a number with k (1024) or M."""
    assert (
        tokens == config(f'[[models]]\nid = "openai/m"\ncontext_window = {written}').models[0].context_window
    )


@pytest.mark.parametrize(
    ("written", "amount"), [('"5.00"', "5.00"), ("5.10", "5.10"), ("5", "5"), ("0", "0"), ("1e2", "100")]
)
def test_money_is_never_rounded(config, written, amount):
    """An amount keeps the digits it is written with."""
    assert amount == config(f"[budgets.b]\nlimit = {written}").budgets[0].limit


@pytest.mark.parametrize(("written", "level"), [('"high"', "high"), ("2048", "2048"), ('"2048"', "2048")])
def test_thinking_levels(config, written, level):
    """Thinking is a level or a number of tokens."""
    assert (
        level
        == config(f"[providers.openai]\nparams = {{ thinking = {written} }}").providers[0].params.thinking
    )


def test_keys_are_labelled(config):
    """Keys without a label are numbered; a single key is called default unless it says otherwise."""
    last = '{label = "x", keyring = true, enabled = false}'
    keys = config(f'[providers.openai]\nkeys = [ {{env = "A"}}, {{file = true}}, {last} ]').providers[0].keys
    assert [(key.label, key.source, key.enabled) for key in keys] == [
        ("1", "env", True),
        ("2", "file", True),
        ("x", "keyring", False),
    ]
    assert (
        config('[providers.openai]\nkey = {env = "A", label = "mine"}').providers[0].keys[0].label == "mine"
    )


def test_presets_by_another_name(config):
    """A preset may be called by any of its names, and is kept under its id."""
    assert config('[providers.g]\npreset = "gemini"').providers[0].preset == "google"


def test_a_model_at_a_preset_needs_no_provider_table(config):
    """A preset needs no table of its own for a model to be declared at it."""
    assert config('[[models]]\nid = "groq/llama"').models[0].id == "groq/llama"


# -- what is shown


def test_the_config_shown(config):
    """The config is plain JSON: keys by their sources, durations in seconds, secret headers masked."""
    shown = as_json(
        config(
            '[providers.openai]\nkey = { command = ["pass", "x"] }\ntimeout = "2m"\n'
            "[providers.openai.headers]\n"
            'X-Team = "search"\nX-Session = "hunter2"\nX-Api-Key = { env = "X_KEY" }\n'
            '[oauth.codex]\nclient_id = "mine"\nscopes = ["a"]\n'
            'headers = { X-Version = "1" }\n'
        )
    )
    text = json.dumps(shown)
    assert "hunter2" not in text
    assert PLANTED not in text
    (provider,) = shown["providers"]
    assert (provider["headers"], "X_KEY" in text) == ({"X-Team": "search", "X-Session": "***"}, True)
    assert provider["timeout"] == 120.0
    assert provider["keys"] == [
        {"label": "default", "source": "command", "command": ["pass", "x"], "enabled": True}
    ]
    assert shown["oauth"]["codex"] == {
        "client_id": "mine",
        "scopes": ["a"],
        "headers": {"X-Version": "1"},
    }


def test_the_sample_shown():
    """The sample survives the trip to JSON with its tables intact."""
    shown = as_json(load(SAMPLE))
    assert shown == json.loads(json.dumps(shown))
    assert (shown["models"][0]["supports"], "models" in shown["groups"][0]) == ({"tools": True}, False)


def test_the_schema_is_data():
    """The same table that reads the config is a JSON schema, with a word about every key."""
    json.dumps(CONFIG.schema)
    provider = CONFIG.schema["properties"]["providers"]["additionalProperties"]
    assert not provider["additionalProperties"]
    assert all(field["description"] for field in provider["properties"].values())
