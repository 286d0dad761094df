"""What other tools turn out to have: keys, addresses, logins; none of these shows its secrets."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from llmpool.core.record import Record
from llmpool.importers.home import Places

MOST_KEY = 4096  # characters; tokens of gateways are the longest keys there are
_REFERENCE = re.compile(r"\$\{(?:env:)?([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)|env:([A-Za-z_]\w*)", re.ASCII)
_VENDORS = {
    "ANTHROPIC": "anthropic",
    "CLAUDE": "anthropic",
    "OPENAI": "openai",
    "CODEX": "openai",
    "GOOGLE": "google",
    "GEMINI": "google",
}
_PLACEHOLDER = re.compile(r"(?:sk-)?x{2,}|<.*>|\.{3}|none|null|changeme|dummy|your[-_ ].*", re.IGNORECASE)


TOKEN, BEARER = "ANTHROPIC_AUTH_TOKEN", "bearer"  # what Claude Code sends to gateways, and how


class Tool(NamedTuple):
    """A program whose settings may hold keys: where, which variables it reads, and what its key is for.

    *format* is how an address of its own is guessed to be spoken to; *ports* is where its proxy may listen;
    *bare* is whose a key is that nothing tells of, where that is not *provider*.
    """

    id: str
    name: str
    provider: str
    format: str
    places: Places
    key_env: tuple[str, ...] = ()
    url_env: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    bare: str = ""


class Found(Record):
    """A key or an address that a tool has; *source* is config, env, extension, cc-switch or dotenv.

    *provider* is whose key it is, empty or `custom` where that is not known; *wanted* what the provider would
    be called, where the tool says; *key_env* the variable that has the key, where one does; *auth* how it
    is sent, where that is not the way of the format.
    """

    tool: str
    name: str
    source: str
    path: str = ""
    provider: str = ""
    wanted: str = ""
    title: str = ""
    url: str = ""
    format: str = ""
    key: str = ""
    key_env: str = ""
    auth: str = ""
    label: str = ""
    proxy: str = ""

    def __repr__(self) -> str:
        return f"Found({self.tool!r}, {self.source!r}, {self.provider!r})"  # it carries the key


class Login(Record):
    """An account that another tool is logged in with; *expires* is seconds since the epoch, None unknown."""

    tool: str
    name: str
    type: str
    path: str
    access: str = ""
    refresh: str = ""
    email: str = ""
    project: str = ""
    expires: float | None = None

    def __repr__(self) -> str:
        return f"Login({self.tool!r}, {self.type!r})"  # it carries the tokens


class Wanted(Record):
    """A provider to be, or one more key of one: its id, its TOML where it is new, and its key or variable."""

    source: str
    provider: str
    fields: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    key: str = ""
    key_env: str = ""

    def __repr__(self) -> str:
        return f"Wanted({self.source!r}, {self.provider!r})"  # it carries the key


def key_of(value: object) -> str:
    """Return *value* when it can be a key: text that a header can carry, and no placeholder."""
    text = value.strip() if isinstance(value, str) else ""
    plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= MOST_KEY
    return text if plain and not _PLACEHOLDER.fullmatch(text) and not variable_of(text) else ""


def variable_of(value: object) -> str:
    """Return the variable that *value* stands for, as in `${OPENAI_API_KEY}`; nothing where it is no such."""
    found = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 256 else None
    return (found[1] or found[2] or found[3]) if found else ""


def vendor_of(name: str, key: str = "") -> str:
    """Return whose key a variable or a setting holds, by its name or the look of the key; empty unknown.

    A key goes only to whom it belongs, and a variable with an address belongs to the keys of its own vendor.
    """
    if key.startswith("sk-ant-"):
        return "anthropic"
    return _VENDORS.get(name.upper().partition("_")[0], "")


def first_text(*values: object) -> str:
    """Return the first of *values* that is text and not blank, without blanks around it."""
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")
