"""The catalog: config and presets as one (DESIGN rulings 1, 5, 13, 14)."""

from __future__ import annotations

import pytest

from llmpool.core.config import ProviderTable, Routing
from llmpool.core.deployment import DeclaredModel
from llmpool.core.provider import KeyRef, Params, Preset, Provider
from llmpool.errors import ConfigInvalid
from llmpool.registry.catalog import build_catalog, is_private, location
from tests.unit.registry.layers import DEN, PRESETS, SKY, catalog, config


def only(table: ProviderTable) -> Provider:
    """Return the one provider of a catalog made of *table*."""
    (provider,) = catalog(table).providers
    return provider


def test_an_id_that_is_a_preset_needs_nothing_else() -> None:
    """Name, format, address, key variable and place all come from the preset."""
    provider = only(ProviderTable(id="openai"))
    assert (provider.name, provider.preset, provider.format) == ("OpenAI", "openai", "openai")
    assert provider.url == "https://api.openai.com/v1"
    assert (provider.needs_key, provider.key_env) == (True, ("OPENAI_API_KEY",))
    assert (provider.location, provider.format_mode, provider.priority) == ("cloud", "", 20)


@pytest.mark.parametrize(
    "table",
    [
        ProviderTable(id="gemini"),
        ProviderTable(id="Gemini"),
        ProviderTable(id="mine", preset="gemini"),
        ProviderTable(id="mine", preset="GOOGLE"),
    ],
)
def test_a_preset_is_found_by_alias_and_in_any_case(table: ProviderTable) -> None:
    """Ruling 14: `gemini` is google; upper case does not matter, as in the check of the config."""
    assert only(table).preset == "google"


@pytest.mark.parametrize(
    ("preset", "own", "thinking"),
    [("embedded", None, "off"), ("embedded", "high", "high"), ("openai", None, None)],
)
def test_llama_cpp_is_told_not_to_think(preset: str, own: str | None, thinking: str | None) -> None:
    """Ruling 25: its server lets a model think unasked; the owner's word goes first."""
    assert (
        only(ProviderTable(id="mine", preset=preset, params=Params(thinking=own))).params.thinking == thinking
    )


def test_a_named_preset_beats_the_one_the_id_is() -> None:
    """`[providers.openai] preset = "ollama"` is an Ollama."""
    assert only(ProviderTable(id="openai", preset="ollama")).format == "ollama"


def test_an_own_url_switches_the_presets_key_off() -> None:
    """Rulings 5 and 13: another address is another owner; the vendor's key must not be sent there."""
    provider = only(ProviderTable(id="openai", url="https://gateway.test/v1/"))
    assert (provider.needs_key, provider.key_env) == (False, ())
    assert provider.url == "https://gateway.test/v1"


def test_a_configured_key_switches_the_presets_variable_off() -> None:
    """Ruling 13: the preset's variable counts only when no key is configured."""
    provider = only(ProviderTable(id="openai", keys=(KeyRef(label="a", source="env", env="MINE"),)))
    assert (provider.needs_key, provider.key_env) == (True, ())


def test_what_the_owner_says_beats_the_preset() -> None:
    """Each field given in the table wins over the preset's."""
    provider = only(
        ProviderTable(id="openai", name="Work", format="responses", priority=0, metadata="catalog")
    )
    assert (provider.name, provider.format, provider.priority) == ("Work", "responses", 0)
    assert provider.metadata == "catalog"


def test_an_own_provider_starts_from_next_to_nothing() -> None:
    """Without a preset: a format to be detected, no key needed, priority 50, cloud."""
    provider = only(SKY)
    assert (provider.format, provider.format_mode, provider.preset) == ("", "", "")
    assert (provider.needs_key, provider.priority, provider.location) == (False, 50, "cloud")


def test_an_own_url_drops_the_presets_alternates() -> None:
    """The vendor's other addresses are no alternates of a gateway's."""
    rows = {
        "v": Preset(
            id="v", name="V", format="openai", url="https://v.test", alternate_urls=("https://w.test",)
        )
    }
    places = {}
    for url in (None, "https://mine.test"):
        (provider,) = build_catalog(config(ProviderTable(id="v", url=url)), rows).providers
        places[url] = provider.alternate_urls
    assert places == {None: ("https://w.test",), "https://mine.test": ()}


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://localhost:11434", True),
        ("http://LOCALHOST", True),
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1234/v1", True),
        ("http://10.0.0.7:5290", True),
        ("http://192.168.1.20", True),
        ("http://172.16.0.1", True),
        ("http://172.31.255.254", True),
        ("http://169.254.3.4", True),
        ("http://[fe80::1]", True),
        ("http://[fd00::5]:80", True),
        ("http://den:11434", True),
        ("http://den.lan:11434", True),
        ("http://den.local/v1", True),
        ("http://den.local.", True),
        ("http://box.home.arpa", True),
        ("http://gpu.internal", True),
        ("https://api.openai.com/v1", False),
        ("http://172.32.0.1", False),
        ("http://11.0.0.1", False),
        ("http://8.8.8.8:11434", False),
        ("http://[2606:4700::1111]/v1", False),
        ("http://[::ffff:8.8.8.8]", False),
        ("http://[::ffff:10.0.0.7]", True),
        ("https://lan.example.com", False),
        ("http://example\u3002com", False),  # a dot to whoever calls it
        ("http://8\uff0e8\uff618.8", False),
        ("https://local.example", False),
        ("https://user@ollama.example:443/v1", False),
    ],
)
def test_a_private_address_is_known_by_its_host(url: str, private: bool) -> None:
    """Ruling 5: loopback, private ranges, single labels, names of home networks; no look-up."""
    assert is_private(url) is private
    assert location(PRESETS["ollama"], url) == ("local" if private else "cloud")


def test_only_a_self_hosted_preset_is_local() -> None:
    """A vendor's preset behind a gateway at home, or a server of no preset, is cloud until told otherwise."""
    assert only(ProviderTable(id="openai", url="http://127.0.0.1:4000/v1")).location == "cloud"
    assert only(ProviderTable(id="mine", url="http://127.0.0.1:4000/v1")).location == "cloud"


def test_a_local_preset_at_a_public_address_is_cloud() -> None:
    """Ruling 5: an Ollama somewhere on the internet is not this house."""
    assert only(DEN).location == "local"
    assert only(DEN.replace(url="https://ollama.example")).location == "cloud"


@pytest.mark.parametrize(("said", "url"), [("local", "https://far.example"), ("cloud", "http://127.0.0.1:1")])
def test_the_owners_word_on_the_place_wins(said: str, url: str) -> None:
    """`location` in the table beats what the address says, both ways."""
    assert only(ProviderTable(id="x", preset="ollama", url=url, location=said)).location == said


def test_a_local_server_with_an_alternate_elsewhere_is_cloud() -> None:
    """Ruling 5: what may be asked at a public address is not local, unless its owner says that it is."""
    public = DEN.replace(alternate_urls=("http://10.0.0.7:11434", "https://ollama.example"))
    assert only(public).location == "cloud"
    assert only(public.replace(location="local")).location == "local"
    assert only(DEN.replace(alternate_urls=("http://10.0.0.7:11434",))).location == "local"


def test_the_embedded_preset_needs_no_url_and_is_local() -> None:
    """Its server is started by llmpool itself."""
    provider = only(ProviderTable(id="embedded"))
    assert (provider.url, provider.location) == ("", "local")


def test_a_declared_model_brings_its_preset_along() -> None:
    """A `[[models]]` at a preset nobody configured makes that provider; providers come in id order."""
    made = catalog(SKY, DEN, models=[DeclaredModel(id="openai/gpt-5-mini")])
    assert [provider.id for provider in made.providers] == ["den", "openai", "sky"]
    assert made.providers[1].key_env == ("OPENAI_API_KEY",)


def test_a_configured_provider_is_not_replaced_by_its_preset() -> None:
    """Declaring a model leaves the owner's table as it is."""
    made = catalog(ProviderTable(id="openai", url="https://g.test"), models=[DeclaredModel(id="openai/x")])
    assert [provider.url for provider in made.providers] == ["https://g.test"]


def test_every_problem_is_reported_at_once() -> None:
    """An unknown preset, a missing URL and a preset without one are listed together, provider by provider."""
    tables = (
        ProviderTable(id="a", preset="nonesuch", url="https://a.test"),
        ProviderTable(id="b"),
        ProviderTable(id="azure"),
    )
    with pytest.raises(ConfigInvalid) as caught:
        catalog(*tables)
    assert "config.toml has 3 problems" in caught.value.message
    by_provider = {line.partition("]")[0] for line in caught.value.lines}
    assert by_provider == {"[providers.a", "[providers.b", "[providers.azure"}
    assert any('"nonesuch" is not known' in line for line in caught.value.lines)


def test_one_problem_is_not_called_problems() -> None:
    """The count agrees with its word, and the way out is named."""
    with pytest.raises(ConfigInvalid, match=r"has 1 problem$") as caught:
        catalog(ProviderTable(id="b"))
    assert "config check" in caught.value.hint


def test_a_format_is_pinned_where_its_owner_names_it() -> None:
    """A preset's own format is no word of the owner; one that is written is, unless a mode is too."""
    assert only(DEN).format_mode == ""
    assert only(DEN.replace(format="ollama")).format_mode == "pinned"
    assert only(DEN.replace(format="openai", format_mode="auto")).format_mode == "auto"


def test_an_address_is_exact_where_it_is_the_presets_own() -> None:
    """Only a vendor's own row says where its paths begin; an owner writes what is at hand."""
    assert only(ProviderTable(id="openai")).exact
    assert not only(ProviderTable(id="openai", url="https://gateway.test/v1")).exact
    assert not only(SKY).exact


def test_a_fallback_at_nobody_is_a_problem() -> None:
    """A default, recovery or fallback model at a provider nobody configured would silently never answer."""
    routing = Routing(fallbacks=("den/a", "nowhere/x", "small"))
    with pytest.raises(ConfigInvalid) as caught:
        catalog(DEN, routing=routing, default_model="void/m")
    assert [line.partition(":")[0] for line in caught.value.lines] == [
        "default_model",
        "[routing] fallbacks[1]",
    ]
