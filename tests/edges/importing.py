"""A home where other tools have settings, and a pool beside it, for the tests of the importers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmpool.config.paths import Paths
from llmpool.importers.home import Home
from llmpool.pool import Pool, open_pool
from llmpool.setup import import_survey
from llmpool.setup.bringing import Keeping
from llmpool.setup.import_survey import Entry, Survey

ON_FILE = Keeping("file", plaintext=True)
SETTINGS = ".config/Cursor/User/settings.json"
CURSOR_KEY, ANTHROPIC_KEY = "sk-cursor-0123456789ab", "sk-ant-1234567890"
EXTENSION = [  # worked example 37
    {"name": "ANTHROPIC_API_KEY", "value": ANTHROPIC_KEY},
    {"name": "ANTHROPIC_BASE_URL", "value": "https://r.test"},
    {"name": "FOO", "value": "x"},
]


class Place:
    """A home directory on Linux with the settings of tools, and a pool of its own."""

    def __init__(self, root: Path, **env: str) -> None:
        self.root = root / "me"
        self.root.mkdir()
        self.env = {"HOME": str(self.root)} | env
        self.paths = Paths(root / "config.toml", root / "state", root / "secrets.json")

    @property
    def pool(self) -> Pool:
        """Open the pool as it is now."""
        return open_pool(self.paths, env=self.env)

    def put(self, name: str, content: Any) -> Path:
        """Write a file of a tool: text as it is, anything else as JSON."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def survey(self) -> Survey:
        """Look around."""
        return import_survey.survey(self.pool, Home("linux", self.env))

    def found(self) -> list[tuple[str, str, str, str]]:
        """List the finds: tool, source, what they become, and the key or the variable with it."""
        return [
            (e.found.tool, e.found.source, e.target.provider, e.found.key or e.found.key_env)
            for e in self.survey().entries
        ]

    def entry(self, tool: str) -> Entry:
        """Return the one find of a tool."""
        [only] = [each for each in self.survey().entries if each.found.tool == tool]
        return only
