"""The schema that editors have of `config.toml` says what the reader of the config says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.load import loads
from llmpool.config.schema import CONFIG
from llmpool.data.schemas import config_schema
from llmpool.errors import ConfigInvalid
from tests import schemas
from tests.support import model, provider

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = Path(__file__).with_name("config_sample.toml").read_text(encoding="utf-8")
WHERE = Path("config.toml")


def in_the_readme() -> list[str]:
    """Return the configs that the README shows."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```toml\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def refused(text: str) -> bool:
    """Say whether an editor would underline something."""
    try:
        schemas.config_validator()(tomllib.loads(text))
    except fastjsonschema.JsonSchemaException:
        return True
    return False


def unread(text: str) -> bool:
    """Say whether llmpool refuses it."""
    try:
        loads(text, WHERE)
    except ConfigInvalid:
        return True
    return False


@pytest.mark.parametrize(
    "text",
    [
        "",
        SAMPLE.replace("base64 of an Ed25519 public key", "A" * 43 + "="),
        *in_the_readme(),
        provider("a", "http://127.0.0.1:9/v1") + model("a/m", quality=3, context_window="32k"),
        provider("a", "http://127.0.0.1:9/v1", keys=[{"env": "A"}, {"keyring": True, "label": "b"}]),
        '[providers.x]\npreset = "ollama"\nparams = { thinking = "2048" }\n',
        '[oauth.copilot]\nclient_id = "mine"\n',
        "[budgets.b]\nlimit = 5\n",
    ],
)
def test_configs_that_load_are_fine_in_an_editor(text: str) -> None:
    """What the documents show and what the tests write is not underlined."""
    assert (refused(text), unread(text)) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        'default_modle = "a/m"\n',
        '[routing]\nstratgy = "score"\n',
        '[providers.a]\nurl = "http://h/v1"\nulr = "x"\n',
        '[providers.a]\nurl = "http://h/v1"\nkey = { evn = "A" }\n',
        '[providers.a]\nurl = "http://h/v1"\nkey = { env = "A", file = true }\n',
        '[providers.a]\nurl = "http://h/v1"\nkey = { env = "A" }\nkeys = [{ env = "B" }]\n',
        '[providers.a]\nurl = "http://h/v1"\nrate_limit = { rpx = 1 }\n',
        '[providers.a]\nurl = "http://h/v1"\nparams = { temprature = 1 }\n',
        '[providers."a b"]\nurl = "http://h/v1"\n',
        '[providers.a]\nurl = "h/v1"\n',
        '[providers.a]\nurl = "http://h/v1"\ntimeout = "10 minutes"\n',
        '[providers.a]\nurl = "http://h/v1"\nparams = { thinking = "much" }\n',
        "[[models]]\nquality = 3\n",
        '[[models]]\nid = "m"\n',
        '[[models]]\nid = "openai/m"\nquality = 11\n',
        '[models]\nid = "openai/m"\n',
        "[profiles.p]\nlocalonly = true\n",
        '[profiles.p]\nneeds = ["sight"]\n',
        '[groups.g]\nprovider = ["a"]\n',
        '[budgets.b]\nper = "day"\n',
        '[budgets.b]\nlimit = "5"\nper = "year"\n',
        '[policy]\nunprized = "allow"\n',
        '[usage]\nretention = "30"\n',
        '[oauth.github]\nclient_id = "x"\n',
        '[oauth.copilot]\nclient_secret = "x"\n',
        '[trial]\nkey = "x"\n',
        "[templates]\nt = 1\n",
    ],
)
def test_what_check_refuses_is_underlined(text: str) -> None:
    """Unknown keys, missing ones and values out of range are mistakes in both."""
    assert (refused(text), unread(text)) == (True, True)


def tables(node: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List every table of the schema, with names where it has some."""
    found = [path] if "properties" in node else []
    for name, inner in node.get("properties", {}).items():
        found += tables(inner, (*path, name))
    for key, step in (("additionalProperties", "x"), ("items", "0")):
        if isinstance(node.get(key), dict):
            found += tables(node[key], (*path, step))
    return found


@given(st.sampled_from(tables(CONFIG.schema)), st.from_regex(r"[a-z]{4,12}_x", fullmatch=True))
def test_no_table_takes_an_unknown_key(path: tuple[str, ...], name: str) -> None:
    """Wherever a key is that nobody knows, both refuse it."""
    value: Any = {name: 1}
    for step in reversed(path):
        value = [value] if step == "0" else {step: value}
    with pytest.raises(fastjsonschema.JsonSchemaException):
        schemas.config_validator()(value)
    assert unread(_toml(value))


def _toml(value: dict[str, Any]) -> str:
    from tests.support import toml

    return "".join(f"{key} = {toml(item)}\n" for key, item in value.items())


def test_the_schema_tells_what_each_key_is() -> None:
    """Every key has a description, an example that fits it, and a default that fits it where it has one."""
    schema = json.loads(config_schema().read_text(encoding="utf-8"))
    assert (schema["$schema"], schema["title"]) == (
        "http://json-schema.org/draft-07/schema#",
        "llmpool config.toml",
    )
    found = list(schemas.fields(schema))
    assert len(found) > 120
    for path, node in found:
        assert node["description"], path
        for value in (*node.get("examples", ()), *([node["default"]] if "default" in node else ())):
            fastjsonschema.validate(node, value)
