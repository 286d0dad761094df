"""Each rule of the config's schema, broken alone."""

from __future__ import annotations

from functools import partial

import pytest

from llmpool.errors import ConfigInvalid
from tests.edges.config_text import everything, load_text, problems_of


@pytest.fixture
def config(tmp_path):
    """Return a function that loads a text as the config."""
    return partial(load_text, tmp_path)


@pytest.fixture
def problems(tmp_path):
    """Return a function that loads a text that must fail, and gives its problems."""
    return partial(problems_of, tmp_path)


# -- one mistake each: (text, key, part of the message or suggestion)

MISTAKES = [
    ("[routing]\nstrtegy = 'score'", "routing.strtegy", 'did you mean "strategy"?'),
    ("[providers.openai]\nbase_url = 'x'", "providers.openai.base_url", "unknown key"),
    ("routing = 3", "routing", "wanted a table"),
    ("providers = []", "providers", "wanted tables such as [providers.NAME]"),
    ("[models]\nid = 'openai/m'", "models", "write [[models]]"),
    ("local_first = 1", "local_first", "wanted true or false"),
    ("local_first = 'true'", "local_first", "wanted true or false"),
    ("default_model = ''", "default_model", "blank"),
    ("default_model = 3", "default_model", "found 3 (a whole number), wanted text"),
    ("default_model = true", "default_model", "found true (a boolean), wanted text"),
    ("recovery_model = [' ']", "recovery_model", "found an array, wanted text"),
    ("[routing]\nmode = 'both'", "routing.mode", "auto, cloud, local"),
    ("[routing]\nmode = 1979-05-27", "routing.mode", "a date or time"),
    ("[routing]\ndiscovered = 'no'", "routing.discovered", "routable, explicit"),
    ("[routing]\nfallbacks = 'a/b'", "routing.fallbacks", "wanted an array"),
    ("[routing]\nfallbacks = ['a/b', 3]", "routing.fallbacks[1]", "wanted text"),
    ("[routing]\nauto_min_quality = 11", "routing.auto_min_quality", "from 0 to 10"),
    ("[routing]\nauto_min_quality = true", "routing.auto_min_quality", "wanted a whole number"),
    ("[routing]\nauto_min_quality = 4.0", "routing.auto_min_quality", "wanted a whole number"),
    ("[routing]\nquality_target = 1.1", "routing.quality_target", "from 0 to 1"),
    ("[routing]\nquality_target = nan", "routing.quality_target", "out of range"),
    ("[routing]\nmax_retries = -1", "routing.max_retries", "out of range"),
    ("[routing]\nread_timeout = 60", "routing.read_timeout", "not a duration"),
    ("[routing]\nread_timeout = '60'", "routing.read_timeout", "ms, s, m, h or d"),
    ("[routing]\nread_timeout = '1.5s'", "routing.read_timeout", "not a duration"),
    ("[routing]\nread_timeout = '-1s'", "routing.read_timeout", "not a duration"),
    ("[routing]\nread_timeout = '0s'", "routing.read_timeout", "no time at all"),
    ("[routing]\nstale_after = '999999d'", "routing.stale_after", "a hundred years"),
    ("[routing]\nstale_after = '٣d'", "routing.stale_after", "not a duration"),
    ("[providers.x]\nlocation = 'local'", "providers.x", "neither url nor preset"),
    ("[providers.opnai]\nkey = {env = 'A'}", "providers.opnai", 'did you mean "openai"?'),
    ("[providers.x]\npreset = 'olama'", "providers.x.preset", 'did you mean "ollama"?'),
    ("[providers.azure]\nkey = {env = 'A'}", "providers.azure", "no URL of its own"),
    ("[providers.ollama]\nformat = 'grpc'", "providers.ollama.format", "openai, responses"),
    ("[providers.ollama]\nformat_mode = 'fix'", "providers.ollama.format_mode", "auto, pinned"),
    ("[providers.ollama]\nlocation = 'here'", "providers.ollama.location", "cloud, local"),
    ("[providers.ollama]\nmetadata = 'none'", "providers.ollama.metadata", "dynamic, catalog"),
    ("[providers.ollama]\npriority = '9'", "providers.ollama.priority", "wanted a whole number"),
    ("[providers.ollama]\nkey_rotation = 'any'", "providers.ollama.key_rotation", "least_used"),
    ("[providers.ollama]\napi_version = 'v 1'", "providers.ollama.api_version", "not a version"),
    ("[providers.ollama]\nallowed_models = ['']", "providers.ollama.allowed_models[0]", "blank"),
    ("[providers.ollama]\nrate_limit = { rpm = 0 }", "providers.ollama.rate_limit.rpm", "at least 1"),
    ("[providers.ollama]\nrate_limit = 5", "providers.ollama.rate_limit", "wanted a table"),
    ("[providers.qwen.rate_limit]\nreset_tz = 'Mars/X'", "providers.qwen.rate_limit.reset_tz", "time zone"),
    ("[providers.qwen.rate_limit]\nreset_tz = '../UTC'", "providers.qwen.rate_limit.reset_tz", "time zone"),
    ("[providers.qwen.rate_limit]\nreset_tz = 'America'", "providers.qwen.rate_limit.reset_tz", "time zone"),
    ("[providers.qwen.params]\ntemperature = 2.1", "providers.qwen.params.temperature", "from 0 to 2"),
    ("[providers.qwen.params]\ntemperature = true", "providers.qwen.params.temperature", "wanted a number"),
    ("[providers.qwen.params]\ntop_p = -0.1", "providers.qwen.params.top_p", "from 0 to 1"),
    ("[providers.glm.params]\nfrequency_penalty = 3", "providers.glm.params.frequency_penalty", "-2 to 2"),
    ("[providers.glm.params]\npresence_penalty = -3", "providers.glm.params.presence_penalty", "-2 to 2"),
    ("[providers.qwen.params]\nmax_tokens = 0", "providers.qwen.params.max_tokens", "at least 1"),
    ("[providers.qwen.params]\nthinking = 'loud'", "providers.qwen.params.thinking", "off, low"),
    ("[providers.qwen.params]\nthinking = true", "providers.qwen.params.thinking", "wanted text"),
    ("[[models]]\nquality = 3", "models[0].id", "is missing"),
    ("[[models]]\nid = 'm'", "models[0].id", "provider/model"),
    ("[[models]]\nid = '/m'", "models[0].id", "provider/model"),
    ("[[models]]\nid = 'openai/'", "models[0].id", "provider/model"),
    ("[[models]]\nid = 'bad id/m'", "models[0].id", "provider/model"),
    ("[[models]]\nid = \"openai/a\\u0000\"", "models[0].id", "control characters"),
    ("[[models]]\nid = 'opena/m'", "models[0].id", 'did you mean "openai"?'),
    ("[[models]]\nid = 'gemini/m'", "models[0].id", 'did you mean "google"?'),
    ("[[models]]\nid = 'openai/m'\nspeed = -1", "models[0].speed", "from 0 to 10"),
    ("[[models]]\nid = 'openai/m'\ncost_tier = 4", "models[0].cost_tier", "from 0 to 3"),
    ("[[models]]\nid = 'openai/m'\nmin_complexity = 'hard'", "models[0].min_complexity", "moderate"),
    ("[[models]]\nid = 'openai/m'\ncontext_window = '32kb'", "models[0].context_window", "not a size"),
    ("[[models]]\nid = 'openai/m'\ncontext_window = -1", "models[0].context_window", "out of range"),
    ("[[models]]\nid = 'openai/m'\nsupports_tools = 'no'", "models[0].supports_tools", "true or false"),
    ("[[models]]\nid = 'openai/m'\nsupports_sound = true", "models[0].supports_sound", "unknown key"),
    ("[[models]]\nid = 'openai/m'\n[[models]]\nid = 'openai/m'", "models[1].id", "declared twice"),
    ("[[models]]\nid = 'openai/m'\naliases = ['s', 's']", "models[0].aliases[1]", "twice here"),
    ("[[models]]\nid = 'openai/m'\naliases = ['openai/m']", "models[0].aliases[0]", "id of a deployment"),
    ("[[models]]\nid = 'openai/m'\naliases = [\"a\\u001b\"]", "models[0].aliases[0]", "control characters"),
    ("[[models]]\nid = 'openai/m'\naliases = ['']", "models[0].aliases[0]", "blank"),
    ("[groups.g]\nproviders = ['den']", "groups.g.providers[0]", "no such provider"),
    ("[profiles.p]\ngroup = 'g'", "profiles.p.group", "no group"),
    ("[profiles.p]\nneeds = ['telepathy']", "profiles.p.needs[0]", "not known"),
    ("[profiles.p]\nmax_cost = '-1'", "profiles.p.max_cost", "USD"),
    ("[profiles.p]\npriority = 3", "profiles.p.priority", "interactive"),
    ("[profiles.p]\nhints = { a = [] }", "profiles.p.hints.a", "wanted text"),
    ("[profiles.p]\nmodel = ''", "profiles.p.model", "blank"),
    ("[budgets.b]\nper = 'day'", "budgets.b.limit", "is missing"),
    ("[budgets.b]\nlimit = '$5'", "budgets.b.limit", "USD"),
    ("[budgets.b]\nlimit = -1", "budgets.b.limit", "USD"),
    ("[budgets.b]\nlimit = true", "budgets.b.limit", "USD"),
    ("[budgets.b]\nlimit = inf", "budgets.b.limit", "USD"),
    ("[budgets.b]\nlimit = 1e999999999999999999999", "budgets.b.limit", "USD"),
    ("[budgets.b]\nlimit = 1\nper = 'year'", "budgets.b.per", "month"),
    ("[budgets.b]\nlimit = 1\non_exceed = 'cry'", "budgets.b.on_exceed", "deny"),
    ("[budgets.b]\nlimit = 1\nscope = ''", "budgets.b.scope", "blank"),
    ("[policy]\nunpriced = 'maybe'", "policy.unpriced", "allow, deny"),
    ("[usage]\nretention = '1y'", "usage.retention", "not a duration"),
    ("[oauth.copilt]\nclient_id = 'x'", "oauth.copilt", 'did you mean "copilot"?'),
    ("[oauth.codex]\nclient_secret = 'hush'", "oauth.codex.client_secret", "refused"),
    ("[trial.keys]\nt1 = 3", "trial.keys.t1", "wanted text"),
    ("[templates]\nt = 3", "templates.t", "wanted text"),
    ("[templates]\nt = \"\\u001b\"", "templates.t", "control characters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "part"), MISTAKES, ids=lambda value: repr(value)[:48])
def test_one_mistake_is_one_problem(problems, text, key, part):
    """Each rule of the schema, broken alone, gives one problem at its key that says what is wrong."""
    (problem,) = problems(text)
    assert key == problem["key"]
    assert part in f"{problem['message']}. {problem['suggestion']}"
    assert problem["line"]


def test_an_alias_names_one_model(problems):
    """Two models cannot share an alias; the second is told."""
    (problem,) = problems(
        "[[models]]\nid = 'openai/a'\naliases = ['s']\n[[models]]\nid = 'openai/b'\naliases = ['s']"
    )
    assert (problem["key"], problem["line"]) == ("models[1].aliases[0]", 6)


URLS = ["x", "den.lan:11434", "ftp://x", "http://", "http:///v1", "https://h//v1", "http://a b", "http://h:99999",
        "http://h:0", "http://[::1", "http://${HOST}/v1", "http://h/v1?key=1", "http://h/#a", "http://h\\u0000",
        " http://h", "http://a$b", ""]  # fmt: skip


@pytest.mark.parametrize("key", ["url = {}", "alternate_urls = [{}]"])
@pytest.mark.parametrize("url", URLS)
def test_urls_that_lead_nowhere(problems, url, key):
    """A URL needs http(s), a host and a clean path; what an unset variable leaves behind is refused."""
    (problem,) = problems("[providers.ollama]\n" + key.format(f'"{url}"'))
    assert "URL" in problem["message"]
    assert problem["suggestion"]


@pytest.mark.parametrize(
    "url", ["http://h", "https://h/v1/", "http://[::1]:8000/v1", "http://127.0.0.1:1/a/b"]
)
def test_urls_that_are_fine(config, url):
    """Names, addresses, ports and paths are kept as written."""
    assert url == config(f'[providers.a]\nurl = "{url}"').providers[0].url


@pytest.mark.parametrize(
    "url", ["https://me:hunter2pass@h/v1", "https://hunter2pass@h", "http://h/?k=hunter2pass"]
)
def test_a_password_in_a_url_is_refused_unseen(config, url):
    """A URL with a password is refused, and the password is not repeated."""
    with pytest.raises(ConfigInvalid) as caught:
        config(f'[providers.a]\nurl = "{url}"')
    assert "hunter2pass" not in everything(caught.value)


@pytest.mark.parametrize(
    "headers",
    ['{ "a b" = "x" }', '{ "" = "x" }', '{ a = "x\\ny" }', "{ a = 3 }", '{ a = "é" }', '{ a = " x" }',
     '{ a = "x", A = "y" }', '{ "a:" = "x" }', '{ a = "x", A = { env = "V" } }', "{ a = { env = 3 } }",
     "{ a = {} }", '{ a = { env = "V", file = true } }', '{ a = { command = ["x"] } }',
     '{ a = { env = "$V" } }', '{ "a b" = { env = "V" } }'],
)  # fmt: skip
def test_headers_that_break_a_request(problems, headers):
    """A header that could not be sent, or would be sent twice, is a problem of the config."""
    (problem,) = problems(f"[providers.ollama]\nheaders = {headers}")
    assert problem["key"].startswith("providers.ollama.headers")


def test_a_problem_of_a_missing_key_stands_at_its_table(problems):
    """A key that is missing is told at the header of its table."""
    assert problems("# one\n\n[budgets.b]\nper = 'day'\n")[0]["line"] == 3


def test_a_name_that_fills_the_screen_is_cut(config, problems):
    """A line of a problem stays a line; JSON has the name as it is."""
    with pytest.raises(ConfigInvalid) as caught:
        config("an-unknown-key-" * 300 + " = 1")
    assert all(len(line) < 1000 for line in caught.value.lines)
    assert problems("an-unknown-key-" * 300 + " = 1")[0]["key"] == "an-unknown-key-" * 300
