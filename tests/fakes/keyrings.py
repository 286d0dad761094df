"""Keyrings of every kind, as the library would choose them; each keeps what it is given in a dict."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Entries = dict[tuple[str, str], str]


class Kept:
    """A keyring that works; *fails* is raised by whatever it is asked."""

    def __init__(self, entries: Entries | None = None, fails: BaseException | None = None) -> None:
        self.entries: Entries = {} if entries is None else entries
        self.fails = fails
        self.asked = 0

    def _answer(self) -> None:
        self.asked += 1
        if self.fails is not None:
            raise self.fails

    def get_password(self, service: str, user: str) -> str | None:
        """Return what is kept."""
        self._answer()
        return self.entries.get((service, user))

    def set_password(self, service: str, user: str, password: str) -> None:
        """Keep a password."""
        self._answer()
        self.entries[service, user] = password

    def delete_password(self, service: str, user: str) -> None:
        """Forget a password."""
        self._answer()
        del self.entries[service, user]


class Hanging(Kept):
    """A keyring that waits for somebody who never comes, until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def _answer(self) -> None:
        super()._answer()
        self.let_go.wait(60)


class Chain:
    """What the library makes of several keyrings."""

    def __init__(self, *places: Kept) -> None:
        self.backends = list(places)


def named(name: str, base: type[Kept] = Kept) -> Callable[..., Any]:
    """Make a class that goes by the full name *name*."""
    module, _, own = name.rpartition(".")
    return type(own, (base,), {"__module__": module, "__qualname__": own})
