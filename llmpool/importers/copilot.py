"""GitHub Copilot: the login that its editor plugins share."""

from __future__ import annotations

from pathlib import Path

from llmpool.formats.base import mapping
from llmpool.importers import files
from llmpool.importers.found import Found, Login, Tool, first_text, key_of
from llmpool.importers.home import Home, Places, there
from llmpool.importers.plain import settings

_UNIX = ("~/.config/github-copilot/hosts.json",)
_WINDOWS = ("LOCALAPPDATA/github-copilot/hosts.json", "APPDATA/GitHub Copilot/hosts.json")
_MAC = ("~/Library/Application Support/GitHub Copilot/hosts.json",)
_HOST = "github.com"  # with the id of an app behind it in apps.json
_NEWER = "~/.config/github-copilot/apps.json", "LOCALAPPDATA/github-copilot/apps.json"
COPILOT = Tool(
    "copilot",
    "GitHub Copilot",
    "github",
    "copilot",
    Places((*_UNIX, _NEWER[0]), (*_UNIX, *_MAC, _NEWER[0]), (*_WINDOWS, _NEWER[1])),
    key_env=("GITHUB_TOKEN", "COPILOT_TOKEN"),
    ports=(9700, 9701),
)


def read(tool: Tool, path: Path) -> list[Found]:
    """Read the file as settings; what it has is a login, but a proxy may be named."""
    return [settings(tool, path, files.json_with_comments(path))]


def login(home: Home) -> Login | None:
    """Return the login at github.com, if there is one; the user's name stands for an address.

    A company's own GitHub has hosts of its own, and a token of one is not sent to another.
    """
    path = there(home.paths(COPILOT.places))
    for host, given in files.json_with_comments(path).items() if path else ():
        entry = mapping(given)
        token = key_of(entry.get("oauth_token"))
        if host.partition(":")[0] == _HOST and token:
            return Login(
                tool=COPILOT.id,
                name=COPILOT.name,
                type="copilot",
                path=str(path),
                access=token,
                email=first_text(entry.get("user")),
            )
    return None
