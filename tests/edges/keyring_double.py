"""A keyring in memory, in the place of the one that `auth.secrets` writes to."""

from __future__ import annotations

import pytest

from llmpool.auth import keyrings, secrets
from llmpool.errors import NoCredential, UnusableCredential


class Keyring:
    """What was put into it, by provider and label; one that is shut takes and gives nothing."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.shut = False

    def put(self, provider: str, label: str, key: str) -> None:
        """Keep a key."""
        self._ask(provider)
        self.held[provider, label] = key

    def read(self, user: str) -> str:
        """Return what is held for `PROVIDER/LABEL`; it holds no state key."""
        self._ask(user)
        provider, _, label = user.partition("/")
        if (provider, label) not in self.held:
            raise NoCredential(f"{user}: the keyring holds no key")
        return self.held[provider, label]

    def forget(self, provider: str, label: str) -> None:
        """Forget a key."""
        self._ask(provider)
        self.held.pop((provider, label), None)

    def _ask(self, provider: str) -> None:
        if self.shut:
            raise UnusableCredential(f"{provider}: no usable keyring here", hint="unlock it")


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """Give a keyring that is open."""
    made = Keyring()
    monkeypatch.setattr(secrets, "put_into_keyring", made.put)
    monkeypatch.setattr(secrets, "forget_in_keyring", made.forget)
    monkeypatch.setattr(keyrings, "read", made.read)
    return made
