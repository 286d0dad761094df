"""Logins at Google: Antigravity's, in its state database or older files, and that of the Gemini CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.formats.base import mapping
from llmpool.importers import files
from llmpool.importers.database import value_of
from llmpool.importers.editors import ANTIGRAVITY
from llmpool.importers.found import Login, first_text, key_of
from llmpool.importers.home import Home, Places, there

_FOLDER = "Antigravity/User/globalStorage"
_STATUS = "antigravityAuthStatus"
_REFRESH = ("google.oauth.refreshToken", "refreshToken", "google.auth.refreshToken")
_ACCESS = ("apiKey", "accessToken", "google.oauth.accessToken")
_EMAIL = ("google.oauth.email", "email", "google.auth.email")
_PROJECT = ("google.oauth.projectId", "projectId", "managedProjectId")
_GEMINI = (
    "~/.gemini/oauth_creds.json",
    "~/.config/gemini/oauth_creds.json",
    "~/.gemini-cli/oauth_creds.json",
)


def _stored(name: str) -> Places:
    """Return where Antigravity keeps a file of its state."""
    return Places(
        (f"~/.config/{_FOLDER}/{name}",),
        (f"~/Library/Application Support/{_FOLDER}/{name}",),
        (f"APPDATA/{_FOLDER}/{name}",),
    )


DATABASE, FILES = _stored("state.vscdb"), (_stored("storage.json"), _stored("google.oauth.json"))
GEMINI = Places(_GEMINI, _GEMINI, _GEMINI)


def antigravity(home: Home) -> Login | None:
    """Return Antigravity's login: from its database, else from the first older file that has a token."""
    path = there(home.paths(DATABASE))
    status = files.parsed(value_of(path, _STATUS), path) if path else {}
    token = key_of(status.get("apiKey"))
    if path and token:
        return _login(path, access=token, email=first_text(status.get("email")))
    older = (there(home.paths(places)) for places in FILES)
    found = (_of_file(path) for path in older if path)
    return next((login for login in found if login), None)


def _of_file(path: Path) -> Login | None:
    content = files.json_with_comments(path)
    nested = mapping(mapping(content.get("google")).get("oauth")).get("refreshToken")
    access, refresh = key_of(_first(content, _ACCESS)), key_of(first_text(_first(content, _REFRESH), nested))
    if not access and not refresh:
        return None
    project = _first(content, _PROJECT)
    return _login(path, access=access, refresh=refresh, email=_first(content, _EMAIL), project=project)


def _first(content: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of *names* that says something; a name may stand for itself or for a way down."""
    return first_text(*(content.get(name) for name in names), *(_down(content, name) for name in names))


def _down(content: Any, name: str) -> Any:
    for part in name.split("."):
        content = mapping(content).get(part)
    return content


def _login(path: Path, *, access: str = "", refresh: str = "", email: str = "", project: str = "") -> Login:
    return Login(
        tool=ANTIGRAVITY.id,
        name=ANTIGRAVITY.name,
        type="antigravity",
        path=str(path),
        access=access,
        refresh=refresh,
        email=email,
        project=project,
    )


def gemini_cli(home: Home) -> Login | None:
    """Return the login of the Gemini CLI; without a refresh token there is none worth having."""
    path = there(home.paths(GEMINI))
    content = files.json_with_comments(path) if path else {}
    refresh = key_of(content.get("refresh_token"))
    if not refresh:
        return None
    return Login(
        tool="gemini-cli",
        name="Gemini CLI",
        type="gemini-cli",
        path=str(path),
        access=key_of(content.get("access_token")),
        refresh=refresh,
        email=first_text(content.get("email")),
        project=first_text(content.get("project_id")),
    )
