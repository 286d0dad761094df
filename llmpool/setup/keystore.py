"""Keep keys where references to them look: the system's keyring, or secrets.json beside the config."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from llmpool.auth import box as boxes
from llmpool.auth import keyfile, secrets
from llmpool.auth.box import Box
from llmpool.core.provider import KeyRef
from llmpool.errors import Misuse, NoCredential, UnusableCredential
from llmpool.pool import Pool
from llmpool.setup import configfile, key_refs
from llmpool.state import jsonfile
from llmpool.state.lock import locked

Keys = dict[tuple[str, str], str]  # by provider and label
KEYRING, FILE = "keyring", "file"


def put_into_keyring(keys: Keys) -> None:
    """Put *keys* into the keyring; raises UnusableCredential at the first that it does not take."""
    for (provider, label), key in keys.items():
        secrets.put_into_keyring(provider, label, key)


def put_into_file(pool: Pool, keys: Keys, *, plaintext: bool = True) -> None:
    """Write *keys* into secrets.json, encrypted where there is a state key; those that are there stay.

    Without one they lie there as they are, which their owner must have said once: *plaintext*. Raises Misuse
    where that was never said, UnusableCredential where the file is not its owner's alone.
    """
    if keys:
        path = pool.paths.secrets
        keyfile.put_all(path, keys, box=state_box(pool), plaintext=plaintext, update=jsonfile.update)


def give_back(pool: Pool, provider: str, label: str, source: str) -> str:
    """Let go of a key that the config does not name; one that it names stays. Returns what `let_go` does.

    An error is not always of a change that was not made: an interrupt may come behind the write. And a label
    that was freed a moment ago may be another key's by now.
    """
    named = key_refs.source_of(configfile.read(pool), provider, label) == source
    return "" if named else let_go(pool, provider, label, source)


def take_out_of_file(pool: Pool, provider: str, label: str) -> bool:
    """Take a key out of secrets.json; say whether it was there."""
    return keyfile.drop(pool.paths.secrets, provider, label, update=jsonfile.update)


def state_box(pool: Pool) -> Box | None:
    """Return what seals with this machine's state key; None where there is none."""
    return boxes.find(pool.env, keyfile.read(pool.paths.secrets).state_key)


def keep(
    pool: Pool, provider: str, label: str, key: str, *, where: str, plaintext: bool
) -> tuple[str, tuple[str, ...]]:
    """Keep one key, and return where, with what its owner should know of that.

    *where* is `keyring`, `file`, or empty for the keyring if it takes the key and the file else. Raises
    UnusableCredential where the keyring alone will do and does not, Misuse where the file may not.
    """
    notes: list[str] = []
    if where != FILE:
        try:
            secrets.put_into_keyring(provider, label, key)
        except UnusableCredential as error:
            if where == KEYRING:
                raise _only_there(pool, error) from None
            notes.append(f"not in the keyring: {error.message.removeprefix(f'{provider}: ')}")
        else:
            return KEYRING, ()
    box = state_box(pool)
    path, update = pool.paths.secrets, jsonfile.update
    try:
        keyfile.put(path, provider, label, key, box=box, plaintext=plaintext, update=update)
    except Misuse as error:
        error.lines = (*notes, *error.lines)
        raise
    how = f"encrypted with the state key of {box.source}" if box else f"as it is: {keyfile.PROTECTS}"
    return FILE, (*notes, f"it lies in {path}, {how}")


def settle(pool: Pool, provider: str, label: str, *, where: str, plaintext: bool) -> str:
    """Say where `keep` would keep a key that nobody was asked for yet; raises what it would."""
    notes: list[str] = []
    if where != FILE:
        fault = _fault_of_keyring(pool, provider, label)
        if fault is None:
            return KEYRING
        if where == KEYRING:
            raise _only_there(pool, fault)
        notes.append(f"not in the keyring: {fault.message.removeprefix(f'{provider}: ')}")
    path = pool.paths.secrets
    try:
        keyfile.allow(path, keyfile.read(path), state_box(pool), plaintext=plaintext)
    except Misuse as error:
        error.lines = (*notes, *error.lines)
        raise
    return FILE


def _only_there(pool: Pool, error: UnusableCredential) -> UnusableCredential:
    """Return an error of the keyring with the other place to keep a key in."""
    error.hint = f"keep it in {pool.paths.secrets.name}: --keep file;  or {error.hint}"
    return error


def _fault_of_keyring(pool: Pool, provider: str, label: str) -> UnusableCredential | None:
    """Return why the keyring cannot be used; that it has no such key is no fault."""
    try:
        secrets.read_key(KeyRef(label=label, source=KEYRING), provider, pool.env, pool.paths.secrets)
    except UnusableCredential as error:
        return error
    except NoCredential:
        pass
    return None


def let_go(pool: Pool, provider: str, label: str, source: str) -> str:
    """Take a key out of where llmpool has put it; return what could not be done, in words with a way out."""
    try:
        if source == KEYRING:
            secrets.forget_in_keyring(provider, label)
        elif source == FILE:
            take_out_of_file(pool, provider, label)
    except UnusableCredential as error:
        return f"{error.message}; {error.hint}"
    return ""


class Encrypted(NamedTuple):
    """How secrets.json stands once it is encrypted: how many keys it holds, and how many were so before.

    *state_key* is where the state key is, *made* whether it is new; *shut* are keys that it does not open.
    """

    keys: int
    before: int
    state_key: str
    made: bool
    shut: tuple[str, ...] = ()


def encrypt(pool: Pool, key_file: str = "") -> Encrypted:
    """Encrypt what lies in secrets.json as it is, and note the file of the state key if one is named.

    Where there is no state key one is made: in *key_file* if that is named, else in the keyring. Raises
    UnusableCredential where neither can be had.
    """
    path = pool.paths.secrets
    before = keyfile.read(path)
    named = Path(key_file).expanduser().absolute() if key_file else None
    with locked(pool.paths.state / boxes.KEYRING_USER):  # of two made at once one would be written over
        found, made = _to_seal_with(pool, before, named)
    keyfile.put_all(path, {}, box=found, update=jsonfile.update, state_key=str(named or ""))
    held = keyfile.read(path)
    shut = tuple(f"{provider}/{label}" for provider, label in keyfile.faulty(held, found))
    count = sum(map(len, held.keys.values()))
    return Encrypted(count, len(keyfile.sealed(before)), found.source, made, shut)


def _to_seal_with(pool: Pool, before: keyfile.Held, named: Path | None) -> tuple[Box, bool]:
    """Find the state key, or make one; say whether it was made."""
    if named is not None:
        made = _make(named)
        return boxes.of_file(named), made
    found = boxes.find(pool.env, before.state_key)
    return (found, False) if found else (_new_in_keyring(before), True)


def _make(path: Path) -> bool:
    """Make a file with a new state key, for its owner alone, unless it is there; say whether that was so."""
    if path.exists() or path.is_symlink():
        return False
    jsonfile.write_atomic(path, boxes.new_key().encode() + b"\n")
    return True


def _new_in_keyring(before: keyfile.Held) -> Box:
    """Put a new state key into the keyring; never where something is encrypted with another one."""
    from llmpool.auth import keyrings

    if keyfile.sealed(before):
        raise UnusableCredential(
            "secrets.json is encrypted already, and its state key is not here",
            hint=f"set {boxes.VARIABLE} or {boxes.FILE_VARIABLE}, or unlock the keyring",
        )
    key = boxes.new_key()
    try:
        _refuse_unknown()
        keyrings.put(boxes.KEYRING_USER, key)
    except UnusableCredential as error:
        error.hint = f"keep the state key in a file: --state-key-file FILE;  or set {boxes.VARIABLE}"
        raise
    return Box(boxes.key_of(key.encode()), "the keyring")


def _refuse_unknown() -> None:
    """Raise where the keyring cannot be read: it may hold a state key, which a new one would write over."""
    from llmpool.auth import keyrings

    try:
        keyrings.read(boxes.KEYRING_USER)
    except UnusableCredential:
        raise
    except NoCredential:
        pass
