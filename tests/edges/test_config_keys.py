"""Keys in the config: where they may come from, and that a key in the clear is refused unseen."""

from __future__ import annotations

import string
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.load import load
from llmpool.errors import ConfigInvalid
from tests.edges.config_text import PLANTED, everything, load_text, problems_of


@pytest.fixture
def config(tmp_path):
    """Return a function that loads a text as the config."""
    return partial(load_text, tmp_path)


@pytest.fixture
def problems(tmp_path):
    """Return a function that loads a text that must fail, and gives its problems."""
    return partial(problems_of, tmp_path)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("key = {}", "names no source"),
        ("key = { label = 'a' }", "names no source"),
        ("key = { env = 'A', file = true }", "several sources: env, file"),
        ("key = { env = '$A' }", "name of a variable"),
        ("key = { env = 'A-B' }", "name of a variable"),
        ("key = { env = ['A'] }", "name of a variable"),
        ("key = { command = 'pass show x' }", "array of words"),
        ("key = { command = [] }", "array of words"),
        ("key = { command = ['pass', ''] }", "empty or not text"),
        ("key = { command = ['pass', 3] }", "empty or not text"),
        ("key = { keyring = false }", "only be true"),
        ("key = { file = 'x' }", "only be true"),
        ("key = { file = true, label = '' }", "blank"),
        ("key = { file = true, enabled = 1 }", "true or false"),
        ("key = { file = true, lable = 'a' }", "unknown key"),
        ("key = 7", "not a key table"),
        ("keys = { env = 'A' }", "array of key tables"),
        ("keys = [ { env = 'A', label = '2' }, { env = 'B' } ]", "is taken by another key"),
        ("key = { env = 'A' }\nkeys = [ { env = 'B' } ]", "beside key"),
    ],
)
def test_key_references(problems, text, part):
    """A key names exactly one source in the form that source wants."""
    (problem,) = problems("[providers.openai]\n" + text)
    assert part in problem["message"]
    assert problem["suggestion"]


LITERALS = [
    'key = "{}"',
    'keys = "{}"',
    'keys = ["{}"]',
    'key = {{ value = "{}" }}',
    'key = {{ key = "{}" }}',
    'key = {{ env = "{}" }}',
    'key = {{ file = "{}" }}',
    'key = {{ keyring = "{}" }}',
    'key = {{ command = "{}" }}',
    'key = {{ command = ["echo", "{}"] }}',
    'key = {{ "{}" = true }}',
    'key = {{ env = "A", label = "{}" }}',
    'key = {{ env = "A", enabled = "{}" }}',
    'api_key = "{}"',
    'api-key = "{}"',
    'apikey = "{}"',
    'token = "{}"',
    'secret = "{}"',
    'name = "{}"',
    'preset = "{}"',
    'format = "{}"',
    'url = "{}"',
    'url = "https://h/{}"',
    'api_version = "{}"',
    'allowed_models = ["{}"]',
    'priority = "{}"',
    'timeout = "{}"',
    '"{}" = 1',
    'headers = {{ "{}" = 3 }}',
    'headers = {{ Authorization = "Bearer {} " }}',
    'headers = {{ Authorization = "Bearer {}" }}',
    'headers = {{ X-Team = "{}" }}',
    'headers = {{ X-Team = {{ env = "{}" }} }}',
    'headers = {{ X-Team = {{ value = "{}" }} }}',
    'rate_limit = {{ reset_tz = "{}" }}',
    "key = {}",
    'key = "{}',
]


@pytest.mark.parametrize("line", LITERALS)
def test_a_planted_key_is_never_repeated(config, line):
    """Wherever a key is written in the clear, it is refused and appears in nothing we say."""
    with pytest.raises(ConfigInvalid) as caught:
        config("[providers.openai]\n" + line.format(PLANTED))
    assert PLANTED not in everything(caught.value)


@pytest.mark.parametrize("line", LITERALS[:4] + LITERALS[13:18])
def test_a_literal_key_is_refused_with_the_way_to_store_it(problems, line):
    """Whatever a key looks like, in the clear it is refused with the places it may come from."""
    (problem,) = problems("[providers.openai]\n" + line.format("hunter2"))
    assert "hunter2" not in str(problem)
    for way in ('{ env = "NAME" }', "{ command = [", "{ keyring = true }", "llmpool, user openai/default"):
        assert way in problem["suggestion"]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "x-api-key",
        "Cookie",
        "X-Gateway-Token",
        "My-Secret",
        "X-Password",
        "X-Portkey-Api-Key",
    ],
)
def test_a_secret_header_in_the_clear_is_refused_with_the_way_out(problems, name):
    """A header named like a secret takes its value from a variable, and what was written is not repeated."""
    (problem,) = problems(f'[providers.openai]\nheaders = {{ {name} = "Bearer hunter2" }}')
    assert "hunter2" not in str(problem)
    assert problem["key"] == f"providers.openai.headers.{name}"
    assert f'headers = {{ {name} = {{ env = "NAME" }} }}' in problem["suggestion"]


def test_a_secret_under_a_harmless_name_is_refused(problems):
    """What looks like a key is one, whatever the header is called."""
    (problem,) = problems(f'[providers.openai]\nheaders = {{ X-Team = "{PLANTED}" }}')
    assert PLANTED not in str(problem)
    assert 'env = "NAME"' in problem["suggestion"]


def test_headers_that_only_sound_like_secrets_are_taken(config):
    """Names of gateways and tunnels, and a header that is emptied, are no secrets."""
    text = 'headers = { X-Portkey-Provider = "openai", Bypass-Tunnel-Reminder = "1", Authorization = "" }'
    (openai,) = config("[providers.openai]\n" + text).providers
    assert [name for name, _ in openai.headers] == [
        "X-Portkey-Provider",
        "Bypass-Tunnel-Reminder",
        "Authorization",
    ]


def test_a_header_from_a_variable(config):
    """A header may name the variable with its value; the others are sent as they are."""
    text = 'headers = { X-Team = "search", Authorization = { env = "GW_AUTH" } }'
    (openai,) = config("[providers.openai]\n" + text).providers
    assert openai.headers == (("X-Team", "search"),)
    assert openai.header_env == (("Authorization", "GW_AUTH"),)


def test_a_key_as_a_provider_id_is_not_repeated(config):
    """A key in a table header is hidden too."""
    with pytest.raises(ConfigInvalid) as caught:
        config(f'[providers."{PLANTED}"]\nkey = "x"\n[groups.g]\nproviders = ["{PLANTED}x"]\n')
    assert PLANTED not in everything(caught.value)


@given(st.text(string.ascii_letters + string.digits, min_size=6, max_size=60), st.sampled_from(LITERALS[:9]))
def test_no_literal_of_any_shape_is_repeated(tmp_path_factory, key, line):
    """A literal key needs no known prefix to be kept out of every message."""
    planted = f"9{key}QZ"  # never the name of a variable, never a word of ours
    path = tmp_path_factory.getbasetemp() / "planted.toml"
    path.write_text("[providers.openai]\n" + line.format(planted))
    with pytest.raises(ConfigInvalid) as caught:
        load(path)
    assert planted not in everything(caught.value)
