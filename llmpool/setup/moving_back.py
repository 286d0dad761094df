"""Take a move back: what it added goes, the config is again what it was, and what was there before stays.

A record of each move lies in the state directory under `moves/`, with a copy of every file that it touched;
it holds no secret: keys that were added are taken out of where they were put.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from llmpool.core.times import rfc3339
from llmpool.errors import LlmpoolError, Misuse, StateUnusable, UnknownName
from llmpool.formats.base import mapping
from llmpool.pool import Pool
from llmpool.setup import configfile, keystore, restore_keys
from llmpool.state import jsonfile, logins, policy, prices
from llmpool.state import keys as known_keys

FOLDER, RECORD, CONFIG = "moves", "move.json", "config.toml"
_COPIED = (policy.NAME, prices.NAME, known_keys.NAME)


class Record:
    """What a move did, while it is being done and after."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source
        self.existed = True
        self.digest = ""
        self.before = ""  # the text of the config, and what a move has made of it
        self.after: str | None = None
        self.keys: list[tuple[str, str, str]] = []
        self.digests: dict[str, str] = {}  # of those keys, by `provider/label`
        self.policies: dict[str, str] = {}  # when each of them was decided
        self.prices: dict[str, dict[str, str]] = {}  # the default under the empty name
        self.accounts: list[tuple[str, str]] = []
        self.borrowed = False  # whether those are the other pool's, which alone renews them
        self.renamed: list[tuple[str, str]] = []

    def rename(self, path: Path) -> str:
        """Give a file that is done with the name that says so; return why not, where the disk forbids it.

        Where it cannot be renamed it is copied, and then removed; an older one of that name stays.
        """
        names = (f"{path.name}.migrated", *(f"{path.name}.migrated-{number}" for number in range(2, 100)))
        target = next(place for place in map(path.with_name, names) if not place.exists())
        try:
            try:
                path.rename(target)
            except OSError:
                jsonfile.write_atomic(target, path.read_bytes())
                path.unlink()
        except (OSError, StateUnusable) as error:
            return f"{path.name} cannot be renamed to {target.name}: {error}"
        self.renamed.append((str(path), str(target)))
        return ""

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {name: value for name, value in vars(self).items() if name not in ("name", "before", "after")}


def begin(pool: Pool, source: str) -> Record:
    """Copy what a move will touch, before anything is written."""
    moment = rfc3339(pool.clock())[:19].replace(":", "").replace("-", "")
    folder = pool.paths.state / FOLDER
    names = (f"{source}-{moment}Z", *(f"{source}-{moment}Z-{number}" for number in range(2, 100)))
    record = Record(next(name for name in names if not (folder / name).exists()), source)
    record.before = configfile.read(pool)
    record.existed = pool.paths.config.exists()
    _put(pool, record.name, CONFIG, record.before.encode())
    for name in _COPIED:
        with suppress(FileNotFoundError):
            _put(pool, record.name, name, (pool.paths.state / name).read_bytes())
    return record


def finish(pool: Pool, record: Record) -> None:
    """Write down what was done."""
    record.digest = _digest(configfile.read(pool))
    _put(pool, record.name, RECORD, json.dumps(record.as_data()).encode())


def names(pool: Pool) -> list[str]:
    """Name the moves that can be taken back, the oldest first."""
    records = (pool.paths.state / FOLDER).glob(f"*/{RECORD}")
    return [path.parent.name for path in sorted(records, key=_moment)]


def _moment(path: Path) -> tuple[str, int]:
    """Say when a move was done: to the second, as its name has it, and within that by its record."""
    return path.parent.name.partition("-")[2], path.stat().st_mtime_ns


def find(pool: Pool, name: str) -> Record:
    """Find a move by its name, or the only one; raises UnknownName with those there are.

    Raises Misuse while a later one stands: what that has added to the config would go, its keys would stay,
    and to take it back then would bring back what went here.
    """
    known = names(pool)
    chosen = known if not name else [each for each in known if each == name]
    if len(chosen) != 1:
        fact = (
            f'no move is called "{name}"'
            if name
            else "no move to take back"
            if not known
            else "several moves"
        )
        hint = f"there is: {', '.join(known)}" if known else "llmpool providers import -h"
        raise UnknownName(fact, hint=hint, details={"candidates": known})
    if chosen != known[-1:]:
        fact = f"{known[-1]} came after {chosen[0]}; the newest is taken back first"
        raise Misuse(fact, hint=f"llmpool providers import undo {known[-1]}")
    return _read(pool, chosen[0])


def _read(pool: Pool, name: str) -> Record:
    try:
        data = mapping(json.loads((pool.paths.state / FOLDER / name / RECORD).read_bytes()))
        record = Record(name, str(data["source"]))
        record.existed, record.digest = bool(data["existed"]), str(data["digest"])
        record.keys = [(str(a), str(b), str(c)) for a, b, c in data["keys"]]
        record.digests = {str(name): str(each) for name, each in data.get("digests", {}).items()}
        record.policies = {str(name): str(at) for name, at in data["policies"].items()}
        record.prices = {str(name): dict(rates) for name, rates in data["prices"].items()}
        record.accounts = [(str(a), str(b)) for a, b in data["accounts"]]
        record.borrowed = data.get("borrowed") is True
        record.renamed = [(str(a), str(b)) for a, b in data["renamed"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Misuse(f"the record of {name} is damaged; nothing was changed") from None
    return record


def is_changed(pool: Pool, record: Record) -> bool:
    """Tell whether the config was changed since the move."""
    return _digest(configfile.read(pool)) != record.digest


def replaced_since(pool: Pool, record: Record) -> list[tuple[str, str, str]]:
    """Return the places of keys in which their owner keeps others since the move: those stay."""
    known = known_keys.read(pool.paths.state).known
    found = []
    for provider, label, where in record.keys:
        now = known.get(provider, {}).get(label)
        if now and now.digest != record.digests.get(f"{provider}/{label}", now.digest):
            found.append((provider, label, where))
    return found


def undo(pool: Pool, record: Record) -> None:
    """Take a finished move back, and forget its record.

    Raises Misuse where a key that has come since would go to the address that its provider had before.
    """
    before = (pool.paths.state / FOLDER / record.name / CONFIG).read_bytes().decode()
    pool.forget()
    if not configfile.problems(pool, before):
        restore_keys.refuse_misled(pool, before, {}, "the config as it was")
    configfile.change(pool, lambda _: before, backup=is_changed(pool, record))
    _remove_empty(pool, record)
    take_back(pool, record)
    forget(pool, record)


def _remove_empty(pool: Pool, record: Record) -> None:
    """Remove a config that was not there before."""
    if not record.existed and not configfile.read(pool):
        pool.paths.config.unlink(missing_ok=True)


def forget(pool: Pool, record: Record) -> None:
    """Forget a move that was taken back, its copies included."""
    shutil.rmtree(pool.paths.state / FOLDER / record.name, ignore_errors=True)


def take_back(pool: Pool, record: Record) -> None:
    """Take back what a record says was done; what cannot be is passed over, for the rest matters too."""
    state = pool.paths.state
    if record.after is not None:
        with suppress(LlmpoolError, OSError):
            configfile.change(pool, lambda now: record.before if now == record.after else now)
            _remove_empty(pool, record)
    others = replaced_since(pool, record)
    for provider, label, where in (each for each in record.keys if each not in others):
        with suppress(LlmpoolError):
            keystore.let_go(pool, provider, label, where)
            known_keys.forget(state, provider, label)
    with suppress(LlmpoolError):
        _forget_decisions(pool, record)
    for provider, who in record.accounts:
        with suppress(LlmpoolError):
            _log_out(pool, provider, who, borrowed=record.borrowed)
    for old, new in record.renamed:
        with suppress(OSError):
            if not Path(old).exists():
                Path(new).rename(old)
    pool.forget()


def _forget_decisions(pool: Pool, record: Record) -> None:
    """Take out what a move has decided; what its owner decided anew since then stays."""
    state = pool.paths.state
    if record.policies:
        policy.update(
            state,
            lambda known: {n: each for n, each in known.items() if record.policies.get(n) != each.updated_at},
        )
    if record.prices:
        prices.update(
            state,
            lambda own: own._replace(
                custom={n: each for n, each in own.custom.items() if record.prices.get(n) != each},
                default=None if own.default == record.prices.get("") else own.default,
            ),
        )


def _log_out(pool: Pool, provider: str, who: str, *, borrowed: bool) -> None:
    """End a login that came along; one that its owner has made anew since then, under its id, stays."""
    from llmpool import accounts

    login = logins.one(pool.paths.state, provider, who)
    if login and (login.borrowed or not borrowed):
        accounts.end(pool, provider, [who])


def _put(pool: Pool, name: str, file: str, content: bytes) -> None:
    jsonfile.write_atomic(pool.paths.state / FOLDER / name / file, content)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
