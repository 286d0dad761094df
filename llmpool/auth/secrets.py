"""Read one key from where its owner keeps it (DESIGN ruling 13); nothing here ever shows it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from llmpool.core.provider import KeyRef
from llmpool.errors import NoCredential, UnusableCredential

COMMAND_SECONDS = 10  # a password manager that needs longer is waiting for somebody
KEYRING_SECONDS = 5  # off a terminal a locked keyring may wait for a prompt nobody sees
SERVICE = "llmpool"


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
        return f"first line of: {' '.join(ref.command)}"
    return {"env": f"variable {ref.env}", "keyring": "the keyring", "file": "secrets.json"}[ref.source]


def _hint(provider: str) -> str:
    return f"llmpool providers show {provider} tells where its keys come from"


def _from_env(ref: KeyRef, provider: str, env: Mapping[str, str], _secrets: Path) -> str:
    value = env.get(ref.env, "")
    if not value.strip():
        raise NoCredential(
            f'{provider}: {ref.env} is not set (key "{ref.label}")', hint=f"export {ref.env}=..."
        )
    return value


def _from_command(ref: KeyRef, provider: str, _env: Mapping[str, str], _secrets: Path) -> str:
    import subprocess

    what = f'{provider}: the command of key "{ref.label}" ({ref.command[0]})'
    try:
        done = subprocess.run(
            ref.command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnusableCredential(
            f"{what} did not answer in {COMMAND_SECONDS} s", hint="run it in a terminal once"
        ) from None
    except OSError as error:
        raise UnusableCredential(
            f"{what} cannot be run: {error.strerror}", hint="give its full path"
        ) from None
    if done.returncode:
        raise UnusableCredential(
            f"{what} ended with {done.returncode}", hint="run it in a terminal to see why"
        )
    return done.stdout.decode("utf-8", "replace").partition("\n")[0]


def put_into_keyring(provider: str, label: str, key: str) -> None:
    """Put a key into the keyring, where a reference `keyring = true` finds it; raises UnusableCredential.

    It is read back: a keyring that takes a key and forgets it would be found out too late.
    """
    ref = KeyRef(label=label, source="keyring")
    if _from_keyring(ref, provider, {}, Path(), put=key) != key:
        raise UnusableCredential(
            f'{provider}: the keyring did not keep key "{label}"',
            hint="use an environment variable or a command",
        )


def _from_keyring(ref: KeyRef, provider: str, _env: Mapping[str, str], _secrets: Path, put: str = "") -> str:
    """Ask the keyring in a thread, because a locked one can wait for ever for a prompt nobody sees."""
    import queue
    import sys
    import threading

    answers: queue.Queue[str | NoCredential] = queue.Queue()
    threading.Thread(target=lambda: answers.put(_ask_keyring(ref, provider, put)), daemon=True).start()
    try:
        answer = answers.get(timeout=None if sys.stdin and sys.stdin.isatty() else KEYRING_SECONDS)
    except queue.Empty:
        message = f'{provider}: the keyring did not answer in {KEYRING_SECONDS} s (key "{ref.label}")'
        raise UnusableCredential(
            message, hint="unlock it, or use an environment variable or a command"
        ) from None
    if isinstance(answer, NoCredential):
        raise answer
    return answer


def _ask_keyring(ref: KeyRef, provider: str, put: str) -> str | NoCredential:
    import keyring
    from keyring.errors import KeyringError

    used = type(keyring.get_keyring())
    if used.__module__.startswith("keyrings.alt") or "Plaintext" in used.__name__:
        return UnusableCredential(
            f"{provider}: the keyring in use ({used.__name__}) keeps keys in plain text, so it is refused",
            hint="uninstall keyrings.alt, or use an environment variable or a command",
        )
    try:
        if put:
            keyring.set_password(SERVICE, f"{provider}/{ref.label}", put)
        value = keyring.get_password(SERVICE, f"{provider}/{ref.label}")
    except (KeyringError, RuntimeError, OSError) as error:
        return UnusableCredential(
            f"{provider}: no usable keyring here ({type(error).__name__})",
            hint="use an environment variable or a command, as in cron and containers",
        )
    return value or NoCredential(f'{provider}: the keyring holds no key "{ref.label}"', hint=_hint(provider))


def _from_file(ref: KeyRef, provider: str, _env: Mapping[str, str], secrets: Path) -> str:
    """Read secrets.json, refusing links and files that others may read."""
    import json

    try:
        handle = os.open(secrets, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        raise NoCredential(f"{provider}: there is no {secrets}", hint=_hint(provider)) from None
    except OSError as error:
        raise UnusableCredential(
            f"{provider}: {secrets} cannot be read: {error.strerror}", hint=_hint(provider)
        ) from None
    with os.fdopen(handle, encoding="utf-8") as file:
        seen = os.fstat(handle)
        if os.name == "posix" and (seen.st_uid != os.getuid() or stat.S_IMODE(seen.st_mode) & 0o077):
            raise UnusableCredential(
                f"{secrets} may be read by others, so it is refused", hint=f"chmod 600 {secrets}"
            )
        try:
            value = json.load(file)["data"]["keys"].get(provider, {}).get(ref.label, "")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UnusableCredential(
                f"{secrets} is not a key file of llmpool", hint=_hint(provider)
            ) from None
    return str(value)


_SOURCES = {"env": _from_env, "command": _from_command, "keyring": _from_keyring, "file": _from_file}
