"""secrets.json: keys by provider and label, in a file that is its owner's alone, encrypted with a state key.

`{"keys": {PROVIDER: {LABEL: VALUE}}}` in the envelope of every JSON file here. Beside it stands what its
owner decided: `plaintext` when values may lie in it as they are, `state_key` the file with the state key.
Without a mark a value is the key itself; it is encrypted by the next write that has a state key. What one
value cannot be opened with is a fault of that key alone.

Writing is lent: *update* is `state.jsonfile.update`, which locks, reads again, and renames.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.auth.box import FILE_VARIABLE, VARIABLE, Box, Find, is_sealed
from llmpool.auth.private import read_private, refuse_exposed
from llmpool.errors import LaterState, Misuse, NoCredential, UnusableCredential

VERSION = 1
PROTECTS = (
    "mode 0600 keeps it from other users of this machine, and nothing else: programs that you run, root, "
    "backups and whoever gets hold of the disk can read it"
)
_WAYS = "keep it in the keyring, or encrypt the file: llmpool providers keys encrypt;  or say so: --plaintext"

Update = Callable[..., Any]
Labels = dict[str, dict[str, str]]


class Held(NamedTuple):
    """What the file holds: values by provider and label as they stand there, and what its owner decided."""

    keys: Labels
    plaintext: bool = False
    state_key: str = ""

    def __repr__(self) -> str:
        return f"Held({sorted(self.keys)})"

    def as_data(self) -> dict[str, Any]:
        """Return what is stored; decisions that were not made are left out."""
        keys = {provider: labels for provider, labels in self.keys.items() if labels}
        more = {"plaintext": True} if self.plaintext else {}
        return {"keys": keys} | more | ({"state_key": self.state_key} if self.state_key else {})


def read(path: Path) -> Held:
    """Read the file, nothing opened; a missing one holds nothing.

    Raises UnusableCredential for what is no such file or is not its owner's alone, LaterState for a newer.
    """
    try:
        content = read_private(path)
    except FileNotFoundError:
        return Held({})
    try:
        envelope = json.loads(content)
        written = envelope["version"]
        if type(written) is not int or written < 1:
            raise TypeError("no version")  # noqa: TRY301 - as everything else that is no key file
        found = held(envelope["data"]) if written <= VERSION else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnusableCredential(
            f"{path} is not a key file of llmpool", hint=f"put a good copy back, or move it away: {path}"
        ) from None
    if found is None:
        raise LaterState(path, written, VERSION, hint="upgrade llmpool")
    return found


def held(data: Any) -> Held:
    """Read the data in the envelope; raises TypeError or ValueError for what is no key file."""
    known = {} if data is None else _mapping(data)
    keys = {
        provider: {label: _text(value) for label, value in _mapping(labels).items()}
        for provider, labels in _mapping(known.get("keys", {})).items()
    }
    return Held(keys, known.get("plaintext") is True, _text(known.get("state_key", "")))


def take(path: Path, provider: str, label: str, *, box: Find) -> str:
    """Return a key; *box* finds what opens it, and is asked only where it is encrypted.

    Raises NoCredential where there is none, UnusableCredential where it cannot be had.
    """
    found = read(path)
    value = found.keys.get(provider, {}).get(label, "")
    if not value:
        there = f"{path} holds no key" if path.exists() else f"there is no {path}; it would hold key"
        from llmpool.core.word import word

        raise NoCredential(
            f'{provider}: {there} "{label}"', hint=f"llmpool providers keys replace {provider} {word(label)}"
        )
    if not is_sealed(value):
        return value
    return _opened(value, box(found.state_key), f'{provider}: key "{label}" in {path}', found.state_key)


def labels(path: Path) -> dict[str, tuple[str, ...]]:
    """Name the keys that the file holds: labels by provider."""
    return {provider: tuple(known) for provider, known in read(path).keys.items() if known}


def put(
    path: Path,
    provider: str,
    label: str,
    key: str,
    *,
    box: Box | None,
    update: Update,
    plaintext: bool = False,
) -> None:
    """Write one key; see `put_all`."""
    put_all(path, {(provider, label): key}, box=box, update=update, plaintext=plaintext)


def put_all(
    path: Path,
    keys: Mapping[tuple[str, str], str],
    *,
    box: Box | None,
    update: Update,
    plaintext: bool = False,
    state_key: str = "",
) -> None:
    """Write keys by provider and label, encrypted with *box*, and what lay there as it is with them.

    Without a box they are written as they are, once its owner has said *plaintext*; that is remembered until
    a write encrypts them. *state_key* notes the file with the key of the box. Raises Misuse where the owner
    has not said so, UnusableCredential where the box opens nothing of what the file has encrypted.
    """

    def change(known: Held) -> dict[str, Any]:
        allow(path, known, box, plaintext=plaintext)
        for (provider, label), key in keys.items():
            known.keys.setdefault(provider, {})[label] = key
        return _written(known, box, plaintext=plaintext, state_key=state_key).as_data()

    refuse_exposed(path)  # before it is read: a pipe would wait for ever
    update(path, change, precious=True, decode=partial(_decoded, path))


def drop(path: Path, provider: str, label: str, *, update: Update) -> bool:
    """Take a key out of the file; say whether it was there."""
    gone: list[str] = []

    def change(known: Held) -> dict[str, Any]:
        gone.extend(known.keys.get(provider, {}).pop(label, "") and [label])
        return known.as_data()

    if provider in read(path).keys:
        update(path, change, precious=True, decode=partial(_decoded, path))
    return bool(gone)


def allow(path: Path, known: Held, box: Box | None, *, plaintext: bool) -> None:
    """Raise unless a key may be written: encrypted with *box*, or as it is because its owner said so."""
    if box is not None:
        _refuse_strange(path, known, box)
    elif not plaintext and sealed(known):
        raise Misuse(
            f"{path} is encrypted, and its state key is not here, so the key would lie in it as it is",
            hint=f"set {VARIABLE} or {FILE_VARIABLE}, or unlock the keyring;  or say so: --plaintext",
        )
    elif not plaintext and not known.plaintext:
        raise Misuse(f"the key would lie in {path} as it is: {PROTECTS}", hint=_WAYS)


def faulty(known: Held, box: Box | None) -> list[tuple[str, str]]:
    """Name the encrypted keys that *box* does not open."""
    return [name for name, value in sealed(known).items() if not _opens(box, value)]


def sealed(known: Held) -> dict[tuple[str, str], str]:
    """Return the values that are encrypted, by provider and label."""
    every = (
        (provider, label, value) for provider, mine in known.keys.items() for label, value in mine.items()
    )
    return {(provider, label): value for provider, label, value in every if is_sealed(value)}


def _written(known: Held, box: Box | None, *, plaintext: bool, state_key: str = "") -> Held:
    """Encrypt what is to be written, where there is a box; then its owner's word for plaintext lapses."""
    if box is None:
        return known._replace(plaintext=known.plaintext or plaintext)
    keys = {p: {label: box.seal(key) for label, key in mine.items()} for p, mine in known.keys.items()}
    return Held(keys, state_key=state_key or known.state_key)


def _refuse_strange(path: Path, known: Held, box: Box) -> None:
    """Refuse a state key that opens nothing: two in one file would leave one half of it shut at any time."""
    values = sealed(known).values()
    if values and not any(_opens(box, value) for value in values):
        raise UnusableCredential(
            f"the state key of {box.source} opens none of the encrypted keys in {path} ({len(values)})",
            hint=f"set {VARIABLE} or {FILE_VARIABLE} to the one they were encrypted with",
        )


def _opens(box: Box | None, value: str) -> bool:
    try:
        return box is not None and bool(box.open(value))
    except UnusableCredential:
        return False


def _opened(value: str, box: Box | None, what: str, noted: str) -> str:
    """Open one value, told in the words of the key it is."""
    if box is None:
        place = f" ({noted} is missing)" if noted else ""
        raise UnusableCredential(
            f"{what} is encrypted, and its state key is not here{place}",
            hint=f"set {VARIABLE} or {FILE_VARIABLE}, or unlock the keyring (llmpool/state-key)",
        )
    try:
        return box.open(value)
    except UnusableCredential as error:
        raise UnusableCredential(f"{what} is encrypted: {error.message}", hint=error.hint) from None


def _decoded(path: Path, data: Any) -> Held:
    """Read what a write begins with; a file that is not its owner's alone is not written to either."""
    refuse_exposed(path)
    return held(data)


def _mapping(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise TypeError("not an object")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not a text")
    return value
