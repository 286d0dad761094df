"""Read one key from where its owner keeps it (DESIGN ruling 13); nothing here ever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from llmpool.core.provider import KeyRef
from llmpool.errors import NoCredential, UnusableCredential


def read_key(ref: KeyRef, provider: str, env: Mapping[str, str], secrets: Path) -> str:
    """Read the key that *ref* points at; raises NoCredential that says what to do, never what was read."""
    key = _SOURCES[ref.source](ref, provider, env, secrets).strip()
    if not key:
        raise NoCredential(f'{provider}: key "{ref.label}" is empty ({describe(ref)})', hint=_hint(provider))
    if not key.isprintable() or not key.isascii():
        raise UnusableCredential(
            f'{provider}: key "{ref.label}" contains a line break or another character no key has',
            hint=f"look at {describe(ref)}",
        )
    return key


def describe(ref: KeyRef) -> str:
    """Say where a key comes from, in words that may be shown."""
    if ref.source == "command":
        from shlex import join

        return f"first line of: {join(ref.command)}"
    if ref.source == "env":
        return f"variable {ref.env}"
    return {"keyring": "the keyring", "file": "secrets.json", "account": "an account"}[ref.source]


def put_into_keyring(provider: str, label: str, key: str) -> None:
    """Put a key into the keyring, where a reference `keyring = true` finds it; raises UnusableCredential."""
    from llmpool.auth import keyrings

    keyrings.put(f"{provider}/{label}", key)


def forget_in_keyring(provider: str, label: str) -> None:
    """Take a key out of the keyring, where it is there; raises UnusableCredential where none can be asked."""
    from llmpool.auth import keyrings

    keyrings.drop(f"{provider}/{label}")


def _hint(provider: str) -> str:
    return f"llmpool providers show {provider} tells where its keys come from"


def _from_env(ref: KeyRef, provider: str, env: Mapping[str, str], _secrets: Path) -> str:
    value = env.get(ref.env, "")
    if not value.strip():
        from llmpool.auth.session_bus import is_attended

        also = "" if is_attended() else "    (cron has no variables of your shell: llmpool doctor --cron)"
        fact = f'{provider}: {ref.env} is not set (key "{ref.label}")'
        raise NoCredential(fact, hint=f"export {ref.env}=...{also}")
    return value


def _from_command(ref: KeyRef, provider: str, env: Mapping[str, str], _secrets: Path) -> str:
    from llmpool.auth import program

    return program.first_line(
        ref.command, env, f'{provider}: the command of key "{ref.label}" ({ref.command[0]})'
    )


def _from_keyring(ref: KeyRef, provider: str, _env: Mapping[str, str], _secrets: Path) -> str:
    from llmpool.auth import keyrings

    return keyrings.read(f"{provider}/{ref.label}")


def _from_file(ref: KeyRef, provider: str, env: Mapping[str, str], secrets: Path) -> str:
    from llmpool.auth import box, keyfile

    return keyfile.take(secrets, provider, ref.label, box=partial(box.find, env))


_SOURCES = {"env": _from_env, "command": _from_command, "keyring": _from_keyring, "file": _from_file}
