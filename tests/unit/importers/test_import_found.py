"""What counts as a key, a reference and a vendor; and what cc-switch and .env texts say."""

from __future__ import annotations

import pytest

from llmpool.core.ids import mask_shortly
from llmpool.errors import Misuse
from llmpool.importers import cc_switch, codex
from llmpool.importers.found import Found, Login, Wanted, first_text, key_of, variable_of, vendor_of

KEY = "sk-ant-1234567890"
OURS, THEIRS = "ANTHROPIC_BASE_URL=https://a.test", "OPENAI_BASE_URL=https://o.test"


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (" sk-real-key ", "sk-real-key"), ("k", "k"), ("", ""), (None, ""), (12345678, ""), (["sk-a"], ""),
        ("two words", ""), ("line\nbreak", ""), ("nul\0", ""), ("kéy", ""), ("x" * 4097, ""),
        ("xxx", ""), ("sk-xxx", ""), ("<your key>", ""), ("your_api_key_here", ""),
        ("${OPENAI_API_KEY}", ""), ("$KEY", ""),
    ],
)  # fmt: skip
def test_what_can_be_a_key(value: object, key: str) -> None:
    """A key is one word of printable ASCII; placeholders and references are none."""
    assert key_of(value) == key


@pytest.mark.parametrize(
    ("value", "name"),
    [("${OPENAI_API_KEY}", "OPENAI_API_KEY"), ("${env:A_B}", "A_B"), ("$KEY", "KEY"), ("env:K", "K"),
     ("sk-abc", ""), ("$", ""), ("${}", ""), ("$1", ""), (None, ""), ("$" + "A" * 300, "")],
)  # fmt: skip
def test_what_stands_for_a_variable(value: object, name: str) -> None:
    """A value that stands for a variable becomes a reference to it."""
    assert variable_of(value) == name


def test_a_key_belongs_to_its_vendor() -> None:
    """The name of a variable, or the look of the key, says whose it is."""
    assert [vendor_of(name) for name in ("ANTHROPIC_API_KEY", "CLAUDE_API_KEY", "openai_api_key")] == [
        "anthropic", "anthropic", "openai",
    ]  # fmt: skip
    assert (vendor_of("GOOGLE_API_KEY"), vendor_of("api_key"), vendor_of("api_key", KEY)) == (
        "google", "", "anthropic",
    )  # fmt: skip


def test_nothing_shows_its_secrets() -> None:
    """The repr of a find, a login and an order has neither key nor token."""
    found = Found(tool="cursor", name="Cursor", source="config", key=KEY)
    login = Login(tool="codex", name="Codex", type="codex", path="p", access=KEY, refresh=KEY)
    order = Wanted(source="cursor", provider="openai", key=KEY)
    assert KEY not in f"{found!r}{login!r}{order!r}{[found, login, order]}"


def test_worked_example_38_cc_switch() -> None:
    """Worked example 38: the key and the address of cc-switch's text; `hello` is an error."""
    found = cc_switch.parse('export ANTHROPIC_API_KEY="sk-ant-1234567890"\nbase_url = https://r.test\n')
    assert (mask_shortly(found.key), found.url, found.source) == (
        "sk-a...7890",
        "https://r.test",
        "cc-switch",
    )
    assert (found.tool, found.provider, found.format) == ("claude-code", "anthropic", "anthropic")
    with pytest.raises(Misuse, match="neither a key nor an address"):
        cc_switch.parse("hello")
    with pytest.raises(Misuse, match="nothing came in"):
        cc_switch.parse(" \n")


def test_cc_switch_reads_lines_one_by_one() -> None:
    """The last of several wins, quotes go, `:` is not understood, and OpenAI's variables mean OpenAI."""
    text = "api_key=one\napi_key = 'two'\nAPI_KEY: three\nOPENAI_BASE_URL=\"https://a=b.test\"\nother=4"
    found = cc_switch.parse(text)
    assert (found.key, found.url, found.provider) == ("two", "https://a=b.test", "openai")
    assert cc_switch.parse("provider = deepseek\nAUTH_TOKEN=tok-12345678").provider == "deepseek"


@pytest.mark.parametrize(
    ("text", "provider", "url"),
    [
        (f"ANTHROPIC_AUTH_TOKEN=tok\n{THEIRS}", "anthropic", ""),
        (f"OPENAI_API_KEY=tok\n{OURS}\nbase_url=https://b.test", "openai", "https://b.test"),
        (f"{OURS}\n{THEIRS}\nANTHROPIC_API_KEY=tok", "anthropic", "https://a.test"),
        ("$env:ANTHROPIC_API_KEY = tok\n#ANTHROPIC_API_KEY=old\n# base_url=https://c.test", "anthropic", ""),
        ("DEEPSEEK_API_KEY=tok", "deepseek", ""),
        (f"{OURS}/api_key/v1\nAPI_KEY=tok", "anthropic", "https://a.test/api_key/v1"),
    ],
)  # fmt: skip
def test_a_key_goes_to_no_address_of_another_vendor(text: str, provider: str, url: str) -> None:
    """Lines of several vendors in one text are not one find; a line that is commented out is none at all."""
    found = cc_switch.parse(text)
    assert (found.key, found.provider, found.url) == ("tok", provider, url)


def test_times_of_tokens() -> None:
    """Seconds and milliseconds, numbers and texts give the same instant; nonsense gives none."""
    assert (
        codex.moment(1740000000000) == codex.moment("1740000000") == codex.moment(1740000000) == 1740000000.0
    )
    for value in (None, "", "soon", True, -5, 0, "nan", "inf", 10**400, [], {}):
        assert codex.moment(value) is None


def test_the_first_text_counts() -> None:
    """Blank texts and other types are passed over."""
    assert first_text("", "  ", None, 3, " a ", "b") == "a"
    assert first_text() == ""
