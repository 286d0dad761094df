"""A keyring in a JSON file that a variable names, so that two runs, or two homes, can each have their own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyring.backend import KeyringBackend

VARIABLE = "FILED_KEYRING"
ENVIRONMENT = {"PYTHON_KEYRING_BACKEND": f"{__name__}.FiledKeyring"}


class FiledKeyring(KeyringBackend):
    """Keeps passwords as plain as can be; for tests alone."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password, None when there is none."""
        return _read().get(f"{service}:{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""
        _path().write_text(json.dumps(_read() | {f"{service}:{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""
        known = _read()
        known.pop(f"{service}:{username}", None)
        _path().write_text(json.dumps(known))


@contextmanager
def chosen() -> Iterator[None]:
    """Let the library, which chooses once a process, choose this one for runs inside the test's own."""
    before = keyring.get_keyring()
    keyring.set_keyring(FiledKeyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def _path() -> Path:
    return Path(os.environ[VARIABLE])


def _read() -> dict[str, str]:
    return dict(json.loads(_path().read_text())) if _path().exists() else {}
