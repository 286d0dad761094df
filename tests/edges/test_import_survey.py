"""setup.import_survey: what other tools have, what it becomes here, and whether it is here already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.core.ids import mask_shortly
from llmpool.setup import imports
from tests.edges.importing import ANTHROPIC_KEY, CURSOR_KEY, EXTENSION, SETTINGS, Place

CLAUDE = ".claude/settings.json"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a home without anything in it."""
    return Place(tmp_path)


def test_an_empty_home_has_nothing(place: Place) -> None:
    """Without a single tool nothing is found, and every tool says where it was looked for."""
    seen = place.survey()
    assert (seen.entries, seen.accounts, seen.problems) == ((), (), ())
    assert [each.tool.id for each in seen.tools if each.path or each.error or not each.searched] == []


def test_worked_example_37_extension(place: Place) -> None:
    """Worked example 37: the extension's key and address in Cursor, masked and clear; FOO is dropped."""
    place.put(SETTINGS, {"claudeCode.environmentVariables": EXTENSION, "claudeCode.selectedModel": "m"})
    [entry] = place.survey().entries
    found = entry.found
    assert (mask_shortly(found.key), found.url, found.label) == (
        "sk-a...7890", "https://r.test", "ide_import:cursor",
    )  # fmt: skip
    assert entry.target.provider == "custom-anthropic-cursor"
    assert dict(entry.target.fields) == {
        "name": "cursor (anthropic of its Claude Code extension)",
        "format": "anthropic",
        "format_mode": "auto",
        "url": "https://r.test",
        "priority": 45,
    }


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("ANTHROPIC_API_KEY", "k-1"), ("ANTHROPIC_AUTH_TOKEN", "k-2")], [("anthropic", "k-2")]),
        ([("OPENAI_API_KEY", "k-1"), ("GROQ_API_KEY", "k-2")], [("openai", "k-1"), ("groq", "k-2")]),
        ([("AZURE_OPENAI_API_KEY", "k"), ("AZURE_OPENAI_ENDPOINT", "https://a.test")],
         [("custom-azure-openai-kiro", "k")]),
        ([("GOOGLE_API_KEY", ""), ("MISTRAL_API_KEY", 3), (None, "x"), ("DEEPSEEK_API_KEY", "k")],
         [("deepseek", "k")]),
    ],
    ids=range(4),
)  # fmt: skip
def test_variables_of_the_extension(place: Place, pairs: Any, expected: Any) -> None:
    """A provider for each vendor; the later of two keys wins; blank and odd values are passed over."""
    value = [{"name": name, "value": given} for name, given in pairs]
    place.put(".config/Kiro/User/settings.json", {"claudeCode.environmentVariables": [*value, 7, None]})
    assert [(becomes, key) for _, _, becomes, key in place.found()] == expected


@pytest.mark.parametrize("value", [None, "x", {"name": "OPENAI_API_KEY", "value": "k"}, [[["a"]]], 0])
def test_an_odd_extension_setting_says_nothing(place: Place, value: object) -> None:
    """Whatever stands where the variables should be, nothing fails."""
    place.put(SETTINGS, {"claudeCode.environmentVariables": value, "api_key": [], "base_url": {"a": 1}})
    assert place.found() == []


@pytest.mark.parametrize(
    ("content", "key", "url"),
    [
        ({"api_key": "k-1", "apiKey": "k-2"}, "k-1", ""),
        ({"apiKey": "k-2", "key": "k-3"}, "k-2", ""),
        ({"api_key": "", "key": "k-3", "apiBaseUrl": "https://a.test"}, "k-3", "https://a.test"),
        ({"openai_api_key": "k-5", "api_base_url": "https://b.test"}, "k-5", "https://b.test"),
    ],
)
def test_where_settings_have_their_key(place: Place, content: Any, key: str, url: str) -> None:
    """The first that is not empty of the names that tools use (7.3)."""
    place.put(".qoder/config.json", content)
    found = place.entry("qoder").found
    assert (found.key, found.url, found.label) == (key, url, "Imported from qoder")


def test_claude_code_has_it_in_three_places(place: Place) -> None:
    """Its top comes before `providers.anthropic`, that before the `env` block where gateways put it."""
    place.put(CLAUDE, {"env": {"ANTHROPIC_AUTH_TOKEN": "k-env", "ANTHROPIC_BASE_URL": "https://g.test"}})
    assert place.found() == [("claude-code", "config", "custom-claude-code", "k-env")]
    place.put(CLAUDE, {"env": {"ANTHROPIC_API_KEY": "k"}, "providers": {"anthropic": {"api_key": "k-p"}}})
    assert place.found() == [("claude-code", "config", "anthropic", "k-p")]
    place.put(
        CLAUDE,
        {"api_key": "k-top", "providers": {"anthropic": {"api_key": "k-p", "base_url": "https://p.test"}}},
    )
    assert place.found() == [("claude-code", "config", "custom-claude-code", "k-top")]
    assert place.entry("claude-code").target.url == "https://p.test"


def test_an_address_of_the_vendor_is_the_vendor(place: Place) -> None:
    """Where the address is that of a known vendor the key belongs to its preset, not to one of its own."""
    place.put(CLAUDE, {"api_key": "k", "base_url": "https://api.anthropic.com/v1/"})
    assert place.entry("claude-code").target.provider == "anthropic"
    assert place.entry("claude-code").target.fields == ()


def test_a_key_in_a_variable_comes_first(tmp_path: Path) -> None:
    """A variable that is set is the key, with its vendor's address; it is referred to, not copied."""
    env = {"CURSOR_API_KEY": CURSOR_KEY, "OPENAI_BASE_URL": "https://gw.test/v1"}
    place = Place(tmp_path, **env)
    place.put(SETTINGS, {"api_key": "sk-other", "base_url": "https://old.test"})
    found = place.entry("cursor").found
    assert (found.source, found.key, found.key_env, found.url) == (
        "env", "", "CURSOR_API_KEY", "https://gw.test/v1",
    )  # fmt: skip


def test_a_key_never_goes_to_another_vendors_address(tmp_path: Path) -> None:
    """An Anthropic key is not sent to OPENAI_BASE_URL, though the tool reads both (7.3: the first set)."""
    place = Place(tmp_path, ANTHROPIC_API_KEY=ANTHROPIC_KEY, OPENAI_BASE_URL="https://openai.test/v1")
    assert {entry.target.provider for entry in place.survey().entries} == {"anthropic"}
    assert {entry.found.url for entry in place.survey().entries} == {""}


def test_no_key_of_another_vendor_goes_to_claude_codes_gateway(place: Place) -> None:
    """An address that stands among Anthropic's own settings is for Anthropic's own keys."""
    gateway = {"env": {"ANTHROPIC_BASE_URL": "https://g.test"}}
    place.put(CLAUDE, {"openai_api_key": "sk-o", **gateway})
    assert place.found() == [("claude-code", "config", "openai", "sk-o")]


def test_variables_alone_make_tools_importable(tmp_path: Path) -> None:
    """Without files the key variables of eight tools count, not Kiro's and Copilot's; later ones repeat."""
    place = Place(tmp_path, OPENAI_API_KEY="sk-o-123456789", GITHUB_TOKEN="ghp_123456789")
    assert place.found() == [
        (tool, "env", "openai", "OPENAI_API_KEY")
        for tool in ("cursor", "windsurf", "qoder", "codex", "vscode")
    ]
    assert [entry.repeats for entry in place.survey().entries] == ["", *["cursor"] * 4]
    tools = {each.tool.id: dict(each.variables) for each in place.survey().tools}
    assert tools["cursor"]["OPENAI_API_KEY"]
    assert not tools["cursor"]["CURSOR_API_KEY"]
    assert tools["copilot"] == {"GITHUB_TOKEN": True, "COPILOT_TOKEN": False}


def test_what_cannot_be_imported_says_why(place: Place) -> None:
    """No address, no key, an address with a password in it, an id that is another server's."""
    place.put(".trae/config.json", {"api_key": "k-trae-123"})
    place.put(".qoder/config.json", {"base_url": "https://q.test"})
    place.put(".windsurf/config.json", {"api_key": "k-w", "base_url": "https://me:hunter2@w.test"})
    place.put(CLAUDE, {"api_key": "k-c", "base_url": "https://new.test"})
    place.paths.config.write_text('[providers.custom-claude-code]\nurl = "https://old.test"\n')
    why = {each.found.tool: each.why for each in place.survey().entries}
    assert why == {
        "trae": "no address, and it is no vendor that llmpool knows",
        "qoder": "no key",
        "windsurf": "its address is none: a user name or password in the URL is a secret",
        "claude-code": "custom-claude-code is configured with another address: https://old.test",
    }
    assert "hunter2" not in str([each.target for each in place.survey().entries])


def test_what_is_here_is_told(place: Place) -> None:
    """A key that a provider has already, by its variable or by its digest, is imported and not importable."""
    place.env["K"] = CURSOR_KEY
    place.paths.config.write_text('[providers.mine]\nurl = "https://m.test"\nkey = { env = "K" }\n')
    place.put(SETTINGS, {"api_key": CURSOR_KEY})
    entry = place.entry("cursor")
    assert (entry.importable, entry.imported, entry.why) == (False, True, "mine has it")


def test_a_file_at_fault_hides_no_other(place: Place) -> None:
    """A file that cannot be read is told with its tool; the other tools are listed all the same."""
    path = place.put(SETTINGS, "{ not json")
    place.put(".codex/config.toml", "not = toml = at all")
    place.put(".qoder/config.json", {"key": "k-q-12345"})
    seen = place.survey()
    assert [(each.tool.id, each.error) for each in seen.tools if each.error] == [
        ("cursor", f"{path} is no JSON (line 1)"),
    ]
    assert seen.problems == (f"{place.root}/.codex/config.toml is no TOML",)
    assert [each.found.tool for each in seen.entries] == ["qoder"]


def test_aichat(place: Place) -> None:
    """Its clients become vendors or providers of their own names; a server nearby needs no key."""
    place.env["LOCAL2_API_KEY"] = "k-local2-123"
    place.put(
        ".config/aichat/config.yaml",
        "clients:\n- type: openai\n  api_key: k-o\n"
        "- type: openai-compatible\n  name: groq\n  api_key: k-g\n"
        "  api_base: https://api.groq.com/openai/v1\n"
        "- type: openai-compatible\n  name: local\n  api_base: http://localhost:8080/v1\n"
        "- type: openai-compatible\n  name: local2\n  api_base: https://l2.test/v1\n"
        "- type: ollama\n  api_base: http://den:11434\n"
        "- type: openai-compatible\n  name: mistral\n  api_base: https://mine.test/v1\n  api_key: ${MY_KEY}\n"
        "- type: cohere\n  api_key: k-c\n- nonsense\n",
    )
    seen = place.survey().entries
    assert [(each.target.provider, each.found.key or each.found.key_env, each.why) for each in seen] == [
        ("openai", "k-o", ""),
        ("groq", "k-g", ""),
        ("local", "", ""),
        ("local2", "LOCAL2_API_KEY", ""),
        ("ollama-aichat", "", ""),
        ("mistral-aichat", "MY_KEY", ""),
        ("", "k-c", 'no address, and "cohere" is no vendor that llmpool knows'),
    ]


def test_finds_of_one_name_are_told_apart(place: Place) -> None:
    """Two servers that would have one id get two; a server that is here already keeps the id it has."""
    place.put(
        ".config/aichat/config.yaml",
        "clients:\n- type: openai-compatible\n  api_base: http://a/v1\n"
        "- type: openai-compatible\n  api_base: http://b/v1\n"
        "- type: openai-compatible\n  api_base: https://c.test/v1\n  api_key: k-c-123456\n",
    )
    place.paths.config.write_text('[providers.mine]\nurl = "https://C.test"\n')
    seen = place.survey().entries
    assert [each.target.provider for each in seen] == ["custom-aichat", "custom-aichat-2", "mine"]


def test_llm(place: Place) -> None:
    """Its keys go to the vendors they are named after; one that a server of its own uses goes there."""
    folder = ".config/io.datasette.llm"
    place.put(f"{folder}/keys.json", {"openai": "k-o", "gemini": "k-g", "gw": "k-w", "// Note": "a-note"})
    place.put(
        f"{folder}/extra-openai-models.yaml",
        "- model_id: a\n  api_base: https://gw.test/v1\n  api_key_name: gw\n"
        "- model_id: b\n  api_base: https://gw.test/v1\n  api_key_name: gw\n"
        "- model_id: c\n  api_base: http://localhost:8080\n",
    )
    assert [(becomes, key) for _, _, becomes, key in place.found()] == [
        ("openai", "k-o"), ("google", "k-g"), ("gw", "k-w"), ("local", ""),
    ]  # fmt: skip


def test_codex_has_keys_and_providers(place: Place) -> None:
    """The key of auth.json is OpenAI's; a provider of config.toml names the variable of its key."""
    place.put(".codex/auth.json", {"OPENAI_API_KEY": "k-codex-123", "tokens": None})
    place.put(
        ".codex/config.toml",
        '[model_providers.gw]\nbase_url = "https://gw.test/v1"\nenv_key = "GW_KEY"\nwire_api = "chat"\n',
    )
    assert place.found() == [
        ("codex", "config", "openai", "k-codex-123"),
        ("codex", "config", "gw", "GW_KEY"),
    ]


@pytest.mark.parametrize("name", ["sk-proj-0123456789abcdefghij", "gsk_0123456789abcdefghijklmnop"])
def test_a_key_in_the_place_of_a_variable_is_a_key(place: Place, name: str) -> None:
    """Whoever wrote the key where its variable should be named has it taken as a key, and masked."""
    place.put(
        ".codex/config.toml", f'[model_providers.gw]\nbase_url = "https://gw.test/v1"\nenv_key = "{name}"\n'
    )
    found = place.entry("codex").found
    assert (found.key, found.key_env) == (name, "")


def test_a_dotenv_file(tmp_path: Path) -> None:
    """Variables of vendors become their presets, others providers with the address beside them, if any.

    Tokens of code hosting are there for other reasons and stay out.
    """
    path = tmp_path / ".env"
    path.write_text(
        '# mine\nexport MISTRAL_API_KEY=\'k m\'\nGROQ_API_KEY="gsk-\\"1" # x\nOPENAI_API_KEY=${REAL}\n'
        "OPENAI_BASE_URL=https://o.test/v1\nFOO_API_KEY=k-foo #not me\nFOO_BASE_URL=https://foo.test\n"
        "BAR_API_KEY=k-bar\nGITHUB_TOKEN=ghp-1\nHF_HOME=/x\nnot a line\nANTHROPIC_API_KEY=\n"
    )
    seen = {each.provider: (each.key, each.key_env, each.url) for each in imports.of_dotenv(path)}
    assert seen == {
        "mistral": ("", "", ""),
        "groq": ('gsk-"1', "", ""),
        "openai": ("", "REAL", "https://o.test/v1"),
        "foo": ("k-foo", "", "https://foo.test"),
        "bar": ("k-bar", "", ""),
    }
