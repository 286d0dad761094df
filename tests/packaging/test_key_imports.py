"""What a key costs that lies in the keyring: nothing, for a command that does not need it."""

from __future__ import annotations

from tests.fakes.server import FakeServer
from tests.packaging.test_imports import loaded
from tests.support import PLANTED_KEY, Home, provider

COSTLY = {"keyring", "secretstorage", "jeepney", "cryptography", "llmpool.auth.keyrings"}


def test_only_a_key_in_the_keyring_loads_it(home: Home, server: FakeServer) -> None:
    """The library takes longer than all the rest of a run, so it is no matter of course.

    Who shows, routes or asks others goes without it; who asks with that key does not.
    """
    home.write_config(
        provider("ring", server.url, format="openai", key={"keyring": True}),
        provider("open", server.url, format="openai", key={"env": "A_KEY"}),
        provider("told", server.url, format="openai", key={"command": ["printenv", "A_KEY"]}),
    )
    for args in (
        ("refresh", "open", "told"),
        ("providers", "show", "ring"),
        ("providers", "keys", "list"),
        ("route", "hello"),
        ("chat", "-m", "open/m", "--fallback", "hello"),
    ):
        assert not COSTLY & loaded(home, *args, A_KEY=PLANTED_KEY), args
