"""setup.carried_usage: the history in an export arrives record for record, once, or not at all."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llmpool.auth import sealed
from llmpool.config.paths import Paths
from llmpool.errors import LlmpoolError, Misuse, NoCredential
from llmpool.pool import Pool, open_pool
from llmpool.setup import carried_usage, export, keystore, prune, restore
from llmpool.setup.usage_import import Intake, Taken
from tests.edges.config_text import PLANTED
from tests.unit.importers.test_usage_record import RECORD

WORDS = "correct horse battery staple"
NOW = 1_795_233_600.0  # 2026-11-21 04:00:00 UTC
TEXT = '[providers.work]\nurl = "https://gateway.example/v1"\nkey = { file = true }\n'
DAYS = ("2026-11-18", "2026-11-19", "2026-11-20")
BEGIN = carried_usage.BEGIN.encode() + b"\n"


def machine(folder: Path) -> Pool:
    """Return the pool of a machine whose disk is *folder*."""
    folder.mkdir()
    paths = Paths(folder / "config.toml", folder / "state", folder / "secrets.json")
    return open_pool(paths, env={}, clock=lambda: NOW)


def plant(pool: Pool, *records: dict[str, Any]) -> None:
    """Leave records in the log, as chats do."""
    for record in records:
        path = pool.paths.state / "usage" / f"{record['at'][:10]}.jsonl"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")


def some(start: str, number: int, days: tuple[str, ...] = DAYS) -> list[dict[str, Any]]:
    """Make records of each day, in order of time."""
    named = [(day, n) for day in days for n in range(number)]
    return [
        RECORD | {"id": f"{start}-{day}-{n}", "at": f"{day}T03:{n // 60 % 60:02}:{n % 60:02}Z"}
        for day, n in named
    ]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pool:
    """Return a machine with a config, a key and a history."""
    monkeypatch.setattr(sealed, "LOG_N", 4)
    pool = machine(tmp_path / "old")
    pool.paths.config.write_text(TEXT)
    keystore.put_into_file(pool, {("work", "default"): PLANTED})
    plant(pool, *some("old", 4))
    return pool


@pytest.fixture
def new(tmp_path: Path) -> Pool:
    """Return a machine with nothing."""
    return machine(tmp_path / "new")


def packed(pool: Pool, words: str | None = None) -> Path:
    """Write an export with the history; return its file."""
    path = pool.paths.config.with_name("pool.tar")
    export.save(pool, export.export(pool, words, usage=True), str(path))
    return path


def taken_in(pool: Pool, path: Path) -> Taken:
    """Take it in as the command does: all of it is read before anything is written."""
    with restore.opened(str(path)) as found, closing(Intake(pool, "llmpool")) as intake:
        assert found.usage is not None
        intake.read(found.name, found.usage, lambda _: None)
        restore.carry_out(pool, restore.plan(pool, found, {}, plaintext=False))
        return intake.add(lambda _: None)


def history(pool: Pool) -> dict[str, str]:
    """Return what the log holds, by file."""
    return {path.name: path.read_text() for path in (pool.paths.state / "usage").glob("*.jsonl")}


def test_the_history_arrives_as_it_is_and_once(old: Pool, new: Pool) -> None:
    """Every line is what it was, the config is there; the same export again adds nothing."""
    path = packed(old)
    done = taken_in(new, path)
    assert (done.taken, done.there, done.broken, len(done.days)) == (12, 0, 0, 3)
    assert history(new) == history(old)
    assert new.paths.config.read_text() == TEXT
    again = taken_in(new, path)
    assert (again.taken, again.there) == (0, 12)
    assert history(new) == history(old)


def test_two_histories_become_one(old: Pool, new: Pool) -> None:
    """Two histories become one, in order of time, and a record of both is in it once."""
    own = some("new", 2, DAYS[1:])
    plant(new, *own, some("old", 4)[-1])
    done = taken_in(new, packed(old))
    assert (done.taken, done.there) == (11, 1)
    lines = [json.loads(line) for text in history(new).values() for line in text.splitlines()]
    assert {line["id"] for line in lines} == {record["id"] for record in own + some("old", 4)}
    assert len(lines) == 16


def test_pruned_days_stay_behind_and_take_nothing(old: Pool, new: Pool, tmp_path: Path) -> None:
    """Sums do not travel, which is counted; and a day that was pruned over there is not filled again."""
    everything = packed(old)
    prune.prune(old, DAYS[1])
    done = export.save(old, export.export(old, usage=True), str(tmp_path / "rest"))
    assert done is not None
    assert (done.records, done.pruned) == (8, 1)
    assert taken_in(new, tmp_path / "rest").taken == 8
    prune.prune(new, DAYS[2])
    filled = taken_in(new, everything)
    assert (filled.taken, filled.pruned) == (4, {DAYS[1]: 4})  # its first day was never there
    assert sorted(history(new)) == [f"{DAYS[0]}.jsonl", f"{DAYS[2]}.jsonl"]


def test_nothing_but_the_fields_of_a_record_travels(old: Pool, new: Pool) -> None:
    """What somebody has put beside them stays; a line whose day is a path is no record and no file."""
    plant(old, RECORD | {"id": "odd", "prompt": PLANTED, "key": "spare"})
    path = packed(old)
    assert PLANTED.encode() not in path.read_bytes()
    hostile = json.dumps(RECORD | {"id": "h", "at": "../../../evil"}).encode() + b"\n"
    head, _, _ = path.read_bytes().partition(BEGIN)
    digest = hashlib.sha256(hostile).hexdigest()
    path.write_bytes(head + BEGIN + hostile + f"# The end of 1 usage records, sha256 {digest}\n".encode())
    done = taken_in(new, path)
    assert (done.taken, done.broken, done.reasons) == (0, 1, {"no time in UTC from 1970 on": 1})
    assert [fault.place for fault in done.faults] == [f"line {len(head.splitlines()) + 2}"]
    assert history(new) == {}
    assert not list(new.paths.config.parent.parent.rglob("evil*"))


def _without_a_record(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines[:-2] + lines[-1:])


HARM: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda content: content[: len(content) // 2],
    "cut between two lines": lambda content: b"".join(content.splitlines(keepends=True)[:-3]),
    "no end": lambda content: b"".join(content.splitlines(keepends=True)[:-1]),
    "a record less": _without_a_record,
    "a digit": lambda content: content.replace(b'"input_tokens":5', b'"input_tokens":6', 1),
    "another number": lambda content: content.replace(b"end of 12 ", b"end of 13 "),
    "another digest": lambda content: content[:-66] + b"0" * 65 + b"\n",
    "no digest": lambda content: content[:-66] + b"\n",
    "line ends of Windows": lambda content: content.replace(b"\n", b"\r\n"),
    "more behind it": lambda content: content + b"{}\n",
    "no records": lambda content: content.partition(BEGIN)[0],
    "not announced": lambda content: content.replace(b'usage = "jsonl"\n', b"", 1),
    "another kind": lambda content: content.replace(b'usage = "jsonl"', b'usage = "tar.gz"', 1),
    "a line without an end": lambda content: content.replace(BEGIN, BEGIN + b" " * (1 << 20), 1),
    "another line for an end": lambda content: content.replace(BEGIN, BEGIN + b"# x\n", 1),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_damaged_export_changes_nothing(old: Pool, new: Pool, harm: Callable[[bytes], bytes]) -> None:
    """Whatever is missing, changed or added behind the config is told before anything is written."""
    path = packed(old)
    content = path.read_bytes()
    assert harm(content) != content
    path.write_bytes(harm(content))
    with pytest.raises(LlmpoolError) as caught:
        taken_in(new, path)
    assert (type(caught.value), "is damaged: " in caught.value.message) == (Misuse, True)
    assert caught.value.hint == "export it again on the old machine"
    assert not list(new.paths.config.parent.iterdir())


@pytest.mark.parametrize(("cut", "whole"), [(0, 3), (1, 2), (40, 2)], ids=str)
def test_half_a_record_is_none(old: Pool, new: Pool, cut: int, whole: int) -> None:
    """Of an export that was cut within a record no more are counted than arrived whole."""
    path = packed(old)
    head, _, records = path.read_bytes().partition(BEGIN)
    arrived = b"".join(records.splitlines(keepends=True)[:3])
    path.write_bytes(head + BEGIN + arrived[: len(arrived) - cut])
    with pytest.raises(Misuse, match=f"it ends after {whole} usage records, before"):
        taken_in(new, path)


def test_a_config_may_quote_the_line_that_records_follow(old: Pool, new: Pool) -> None:
    """The records begin where they begin, whatever the config says; also where there are none."""
    text = f"{TEXT}# so it goes:\n{carried_usage.BEGIN}\n"
    old.paths.config.write_text(text)
    assert taken_in(new, packed(old)).taken == 12
    assert new.paths.config.read_text() == text
    plain = old.paths.config.with_name("plain")
    export.save(old, export.export(old), str(plain))
    with restore.opened(str(plain)) as found:
        assert (found.config, found.usage) == (text, None)


def test_sealed_keys_are_bound_to_there_being_records(old: Pool) -> None:
    """Keys and history go together; an export whose history was taken out does not open its keys."""
    path = packed(old, WORDS)
    with restore.opened(str(path)) as found:
        assert restore.unsealed(found, WORDS) == {("work", "default"): PLANTED}
    content = path.read_bytes().partition(BEGIN)[0].replace(b'usage = "jsonl"\n', b"", 1)
    path.write_bytes(content)
    with restore.opened(str(path)) as found, pytest.raises(NoCredential, match="changed"):
        restore.unsealed(found, WORDS)


@pytest.mark.slow
def test_a_long_history_needs_no_memory(old: Pool, new: Pool) -> None:
    """Written and read, more of it passes through than is ever held."""
    path = packed(old)  # all that is imported is imported now
    _measured(lambda: _read_through(new, path))
    plant(old, *some("more", 600))
    assert _measured(lambda: packed(old)) < 1 << 18
    assert path.stat().st_size > 1 << 18
    assert _measured(lambda: _read_through(new, path)) < 1 << 18


def _read_through(pool: Pool, path: Path) -> None:
    with restore.opened(str(path)) as found, closing(Intake(pool, "llmpool")) as intake:
        intake.read(found.name, found.usage or _none(), lambda _: None)


def _none() -> Iterator[Any]:
    yield from ()


def _measured(run: Callable[[], object]) -> int:
    """Return how many bytes were taken at most."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
