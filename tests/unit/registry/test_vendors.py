"""What a downloaded catalog may change of a vendor: never where a key goes, never what counts as local."""

from __future__ import annotations

import pytest

from llmpool.config.presets import presets
from llmpool.core.config import ProviderTable
from llmpool.core.provider import FORMATS, Preset
from llmpool.registry import official
from llmpool.registry.catalog import build_catalog
from llmpool.registry.vendors import amended, foreign
from tests.unit.registry.layers import config

OURS = presets()["openai"]


def said(name: str = "openai", **fields: object) -> Preset:
    """Return a preset after a catalog said this of it."""
    return amended(presets(), official.read({"providers": {name: fields}}))[name]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/v1",
        "https://api.openai.com.evil.test/v1",
        "https://evil.test/https://api.openai.com/v1",
        "https://api.openai.com@evil.test/v1",
        "https://evil.test@api.openai.com/v1",
        "https://evil.test\\@api.openai.com/v1",
        "https://api.openai.com:8443/v1",
        "http://api.openai.com/v1",
        "//evil.test/v1",
        "https://api.openai.com/v1?to=evil.test",
        "https://[::1/v1",
        "",
    ],
)
def test_a_key_never_goes_where_a_downloaded_file_says(url: str) -> None:
    """Whatever else the catalog does, the address stays on the host the preset names itself."""
    assert said(base_url=url).url == "https://api.openai.com/v1"


def test_addresses_on_other_hosts_are_told() -> None:
    """The owner hears of it, by vendor; the vendor's own addresses are nothing to tell of."""
    read = official.read(
        {
            "providers": {
                "openai": {"base_url": "https://evil.test/v1"},
                "qwen": {"base_url": "https://dashscope.aliyuncs.com/compatible-mode"},
                "nobody": {"base_url": "https://evil.test"},
            }
        }
    )
    assert foreign(presets(), read) == ["openai: https://evil.test/v1"]


def test_golden_52_an_address_on_the_vendors_own_host_is_taken() -> None:
    """Row 52: an openai base_url of the catalog is visible; here only on the host the key is for."""
    assert said(base_url="https://api.openai.com/v2/").url == "https://api.openai.com/v2"


def test_an_address_that_leaves_the_version_out_is_the_presets() -> None:
    """Catalogs let the program guess /v1; our presets end where the paths begin."""
    url = "https://dashscope.aliyuncs.com/compatible-mode"
    assert said("qwen", base_url=url).url == presets()["qwen"].url == f"{url}/v1"


def test_where_it_runs_and_how_it_is_listed_is_nobodys_but_the_owners() -> None:
    """Rulings 5 and 7: `location` and `metadata_mode` of a catalog change nothing."""
    assert said(location="local", metadata_mode="catalog", icon="x") == OURS
    near = amended(presets(), official.read({"providers": {"openai": {"location": "local"}}}))
    (provider,) = build_catalog(config(ProviderTable(id="openai")), near).providers
    assert (provider.location, provider.metadata) == ("cloud", "dynamic")


def test_every_preset_is_listed_unless_its_owner_says_otherwise() -> None:
    """Ruling 7 replaces 2.5: the eleven vendors of the official catalog are asked like any other."""
    assert {preset.metadata for preset in presets().values()} == {"dynamic"}


def test_formats_change_among_those_that_talk_to_that_address_alone() -> None:
    """A login's format may bring its token elsewhere, and a word nobody knows is no format."""
    taken = {name for name in (*FORMATS, "nonsense", "") if said(api_format=name).format == name}
    assert taken == set(FORMATS) - {"cloudcode", "copilot"}
    assert said("github-copilot", api_format="openai").format == "copilot"


def test_the_page_to_get_a_key_at_stays_the_vendors() -> None:
    """A page on another host could ask for the key itself."""
    assert said(api_key_url="https://evil.test/keys").key_page == OURS.key_page
    moved = "https://platform.openai.com/settings/keys"
    assert said(api_key_url=moved).key_page == moved
    assert said(website="https://evil.test").website == OURS.website


def test_a_catalog_adds_no_vendors() -> None:
    """A provider nobody knows is none; the presets are those that ship."""
    read = official.read({"providers": {"newcomer": {"base_url": "https://newcomer.test"}}})
    assert amended(presets(), read) == presets()
