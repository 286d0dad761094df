"""Whatever other programs' files contain, they are read or told, and no key in them is ever shown."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli.import_view import listing
from llmpool.importers.files import Unreadable
from llmpool.importers.tools import TOOLS
from tests.edges.importing import Place

SECRET = "hunter2hunter2hunter2"
NAMES = (
    "api_key", "key", "base_url", "proxy_url", "env", "providers", "anthropic", "tokens", "access_token",
    "expires_at", "claudeCode.environmentVariables", "name", "value", "github.com", "oauth_token",
    "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "clients", "type", "api_base", "openai",
)  # fmt: skip
VALUES = st.sampled_from(
    [SECRET, "https://x.test", f"https://u:{SECRET}@x.test", "${A_VARIABLE}", "\x1b[31m", "claude", ""]
)
TREES = st.recursive(
    VALUES | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
SETTINGS = st.dictionaries(st.sampled_from(NAMES), TREES, max_size=6)


@given(st.sampled_from(sorted(TOOLS)), SETTINGS)
def test_any_settings_are_read_or_told(name: str, settings: dict[str, Any]) -> None:
    """Every reader takes every shape of settings, and its finds do not show the key."""
    tool, read = TOOLS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "settings")
        path.write_text(json.dumps(settings))
        with suppress(Unreadable):
            assert SECRET not in repr(read(tool, path))


@given(SETTINGS, SETTINGS)
def test_any_home_is_listed_without_its_secrets(editor: dict[str, Any], codex: dict[str, Any]) -> None:
    """A survey of a home with such files ends in a document that has no secret of theirs."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        place.put(".config/Cursor/User/settings.json", editor)
        place.put(".claude/settings.json", editor)
        place.put(".codex/auth.json", codex)
        place.put(".config/github-copilot/hosts.json", codex)
        shown = json.dumps(listing(place.survey()))
    assert SECRET not in shown
