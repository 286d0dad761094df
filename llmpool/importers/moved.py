"""What another pool comes to when its owner moves in here: as it says it, not yet as this config would.

Nothing here is trusted: ids, addresses and values are what the files say. Keys and tokens never show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from llmpool.core.policy import Policy
from llmpool.core.record import Record
from llmpool.core.text import few, one_line
from llmpool.importers.found import key_of, variable_of

SEALED = "enc:v1:"
LONGEST_NAME = 80
Opened = Callable[[str], str | None]
"""Opens a secret that is encrypted; None where the key for it is not here, or is another."""


class Key(Record):
    """One key: itself, or the variable that has it; *mask* is what is shown where not the usual is."""

    label: str = ""
    key: str = ""
    env: str = ""
    enabled: bool = True
    mask: str = ""

    def __repr__(self) -> str:
        return f"Key({self.label!r})"  # it carries the key


class Account(Record):
    """A login at a provider; *expires* is what the file says of it, in whatever form."""

    provider: str
    type: str
    access: str = ""
    refresh: str = ""
    email: str = ""
    project: str = ""
    expires: object = None
    scopes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Account({self.provider!r}, {self.type!r})"  # it carries the tokens


class Arrival(Record):
    """A provider: its id there, and its fields as this config calls them.

    *vendor* says that it is a vendor's own row, whose address is the vendor's unless its host is another;
    *keyless* that a provider which is here already takes the keys only where it has none.
    """

    id: str
    fields: tuple[tuple[str, Any], ...] = ()
    keys: tuple[Key, ...] = ()
    vendor: bool = False
    keyless: bool = False
    was: str = ""

    def __repr__(self) -> str:
        return f"Arrival({self.id!r})"  # it carries keys, and headers that may be such


class Left(NamedTuple):
    """Something that does not come along, and why."""

    what: str
    why: str


class Moved(Record):
    """All that was found at a place: *files* were read, and *legacy* is the one that is done with then.

    *settings* are by their path in the config; *models* are fields of declared models by their ids.
    """

    source: str
    files: tuple[str, ...] = ()
    providers: tuple[Arrival, ...] = ()
    settings: tuple[tuple[tuple[str, ...], Any], ...] = ()
    models: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = ()
    policies: tuple[tuple[str, Policy], ...] = ()
    prices: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    accounts: tuple[Account, ...] = ()
    left: tuple[Left, ...] = ()
    legacy: str = ""


class Gathering:
    """Moved things while files are being read."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.providers: dict[str, Arrival] = {}
        self.settings: dict[tuple[str, ...], Any] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, Policy] = {}
        self.prices: dict[str, dict[str, str]] = {}
        self.accounts: list[Account] = []
        self.left: list[Left] = []
        self.legacy = ""

    def leave(self, what: str, why: str) -> None:
        """Note what does not come along, and why."""
        self.left.append(Left(name_of(what), why))

    def keys(self, owner: str, text: str) -> tuple[Key, ...]:
        """Return the key that a text is, or whose variable it names; what is neither is left behind."""
        variable, key = variable_of(text), key_of(text)
        if text and not (variable or key):
            self.leave(f"key of {owner}", "what stands there is no key")
        return (Key(env=variable),) if variable else (Key(key=key),) if key else ()

    def moved(self, source: str) -> Moved:
        """Return what was gathered."""
        return Moved(
            source=source,
            files=tuple(self.files),
            providers=tuple(self.providers.values()),
            settings=tuple(self.settings.items()),
            models=tuple((name, tuple(fields.items())) for name, fields in self.models.items()),
            policies=tuple(self.policies.items()),
            prices=tuple((name, tuple(rates.items())) for name, rates in self.prices.items()),
            accounts=tuple(self.accounts),
            left=tuple(self.left),
            legacy=self.legacy,
        )


def name_of(value: object) -> str:
    """Return a name from a file as it may be shown."""
    text = one_line(str(value))
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."


def given(fields: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the fields that say something."""
    return tuple((name, value) for name, value in fields.items() if value not in (None, "", [], {}))


def names(found: Iterable[str], most: int = 8) -> str:
    """List names in a few words."""
    return few(list(map(name_of, sorted(found))), most)
