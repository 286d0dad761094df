"""setup.export and setup.restore: a pool as one file, taken in whole or not at all."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from llmpool.auth import sealed
from llmpool.config.paths import Paths
from llmpool.core.policy import Policy
from llmpool.errors import ConfigInvalid, LlmpoolError, Misuse, NoCredential, StateUnusable
from llmpool.pool import Pool, open_pool
from llmpool.setup import configfile, export, keystore, policyfile, restore
from llmpool.state import policy
from tests.edges.config_text import PLANTED

WORDS = "correct horse battery staple"
NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
TEXT = """# my pool
[providers.openai]   # the big one
[providers.work]
url = "https://gateway.example/v1"
keys = [ { label = "a", env = "WORK_KEY" }, { label = "f", file = true } ]
[providers.den]
preset = "ollama"
[[models]]
id = "den/m"
aliases = ["small"]
"""
DECIDED = {"den": Policy(state="flagged", reason="old", updated_at="2026-11-21T03:44:00Z")}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "LOG_N", 4)


def machine(folder: Path, **env: str) -> Pool:
    """Return the pool of a machine whose disk is *folder*."""
    folder.mkdir(exist_ok=True)
    paths = Paths(folder / "config.toml", folder / "state", folder / "secrets.json")
    return open_pool(paths, env=env, clock=lambda: NOW)


@pytest.fixture
def old(tmp_path: Path) -> Pool:
    """Return a machine with a config, a decision, and a key in secrets.json."""
    pool = machine(tmp_path / "old", OPENAI_API_KEY="sk-env-0123456789")
    pool.paths.config.write_text(TEXT)
    policy.update(pool.paths.state, lambda _: dict(DECIDED))
    keystore.put_into_file(pool, {("work", "f"): PLANTED})
    return pool


@pytest.fixture
def new(tmp_path: Path) -> Pool:
    """Return a machine with nothing."""
    return machine(tmp_path / "new")


def written(folder: Path, text: str) -> str:
    path = folder / "pool.llmpool"
    path.write_text(text, encoding="utf-8")
    return str(path)


def read(source: str) -> restore.Export:
    """Read an export without its usage records."""
    with restore.opened(source) as found:
        return found


def taken_in(pool: Pool, source: str, words: str = "", *, plaintext: bool = False) -> restore.Restored:
    """Take an export in, as the command does after its questions."""
    found = read(source)
    keys = restore.unsealed(found, words) if words else {}
    return restore.carry_out(pool, restore.plan(pool, found, keys, plaintext=plaintext))


def test_config_and_decisions_travel_and_keys_stay(old: Pool, new: Pool, tmp_path: Path) -> None:
    """The config arrives byte for byte with its comments, policies too; no key does, and each is named."""
    done = export.export(old)
    assert PLANTED not in done.text
    assert [(place.provider, place.label, place.source) for place in done.staying] == [
        ("openai", "default", "env"),
        ("work", "a", "env"),
        ("work", "f", "file"),
    ]
    arrived = taken_in(new, written(tmp_path, done.text))
    assert new.paths.config.read_text() == TEXT
    assert policy.read(new.paths.state) == DECIDED
    assert (arrived.written, arrived.backup, arrived.policies, arrived.stored) == (True, None, 1, [])
    assert [(place.provider, place.env) for place in arrived.missing] == [
        ("openai", "OPENAI_API_KEY"),
        ("work", "WORK_KEY"),
        ("work", ""),
    ]


def test_sealed_keys_arrive_where_the_config_looks(old: Pool, new: Pool, tmp_path: Path) -> None:
    """A key sealed with a passphrase is in no file but the new key store; variables are never sealed."""
    done = export.export(old, WORDS)
    assert [place.label for place in done.carried] == ["f"]
    assert PLANTED not in done.text
    assert "sk-env" not in done.text
    source = written(tmp_path, done.text)
    with pytest.raises(Misuse, match="in the clear"):
        taken_in(new, source, WORDS)
    assert not new.paths.config.exists()
    arrived = taken_in(new, source, WORDS, plaintext=True)
    assert arrived.stored == [("work", "f")]
    assert [place.env for place in arrived.missing] == ["OPENAI_API_KEY", "WORK_KEY"]
    holding = [
        path.name for path in tmp_path.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()
    ]
    assert holding == ["secrets.json", "secrets.json"]
    assert new.paths.secrets.stat().st_mode & 0o777 == 0o600


def test_a_keyring_that_is_not_there_can_be_done_without(old: Pool, new: Pool, tmp_path: Path) -> None:
    """With plaintext a key meant for the keyring goes to secrets.json, and the config says so."""
    old.paths.config.write_text(TEXT.replace("file = true", "keyring = true"))
    document = tomllib.loads(export.export(old).text)
    document["sealed"] = sealed.seal(
        b'{"keys": [["work", "f", "%s"]]}' % PLANTED.encode(), WORDS, export.bound(document)
    )
    source = written(tmp_path, tomli_w.dumps(document))
    with pytest.raises(NoCredential):
        taken_in(new, source, WORDS)  # there is no keyring here
    assert not new.paths.config.exists()
    taken_in(new, source, WORDS, plaintext=True)
    ref = new.config.providers[1].keys[1]
    assert (ref.label, ref.source) == ("f", "file")
    assert tomllib.loads(new.paths.config.read_text()) == tomllib.loads(TEXT)


def test_taking_in_twice_changes_nothing(old: Pool, new: Pool, tmp_path: Path) -> None:
    """The same export again writes nothing and keeps no second copy."""
    source = written(tmp_path, export.export(old, WORDS).text)
    taken_in(new, source, WORDS, plaintext=True)
    before = {path.name: path.read_bytes() for path in new.paths.config.parent.glob("*.*")}
    again = taken_in(new, source, WORDS, plaintext=True)
    assert (again.written, again.backup) == (False, None)
    assert before == {path.name: path.read_bytes() for path in new.paths.config.parent.glob("*.*")}


def test_what_was_there_is_kept_beside(old: Pool, new: Pool, tmp_path: Path) -> None:
    """Another config is replaced after a question, and kept with its mode; other decisions stay."""
    new.paths.config.write_text("# other\n")
    new.paths.config.chmod(0o640)
    policy.update(
        new.paths.state, lambda _: {"x": Policy(state="inactive", updated_at="2026-01-01T00:00:00Z")}
    )
    source = written(tmp_path, export.export(old).text)
    plan = restore.plan(new, read(source), {}, plaintext=False)
    assert plan.replaces
    done = restore.carry_out(new, plan)
    assert done.backup is not None
    assert done.backup.name == "config.toml.bak-20231114T221320Z"
    assert (done.backup.read_text(), done.backup.stat().st_mode & 0o777) == ("# other\n", 0o640)
    assert sorted(policy.read(new.paths.state)) == ["den", "x"]


def test_a_changed_file_gives_no_key_away(old: Pool, new: Pool, tmp_path: Path) -> None:
    """Who changes an address in an export cannot have the sealed key sent there: it does not open."""
    text = export.export(old, WORDS).text
    source = written(tmp_path, text.replace("gateway.example", "elsewhere.example"))
    with pytest.raises(NoCredential, match="changed"):
        taken_in(new, source, WORDS, plaintext=True)
    assert not new.paths.config.exists()
    taken_in(new, source)  # without the keys it is a config like any other
    assert "elsewhere" in new.paths.config.read_text()


def test_a_key_in_a_comment_does_not_travel(old: Pool) -> None:
    """What is shaped like a key is hidden wherever it stands, and counted."""
    old.paths.config.write_text(f"{TEXT}# {PLANTED}\n")
    done = export.export(old)
    assert done.hidden == 1
    assert PLANTED not in done.text
    assert tomllib.loads(done.text)["config"] == f"{TEXT}# <hidden>\n"


def test_a_key_that_cannot_be_read_stays_with_its_reason(old: Pool) -> None:
    """The export is made all the same, and says which key is not in it and why."""
    old.paths.secrets.chmod(0o644)
    done = export.export(old, WORDS)
    assert done.carried == []
    assert "may be read by others" in done.staying[2].why


HOSTILE: list[tuple[str, type[LlmpoolError], str]] = [
    ("", Misuse, "no export"),
    ("not = [toml", Misuse, "no export"),
    ("a = " + "[" * 9000, Misuse, "no export"),
    ("\x00\xff", Misuse, "no export"),
    ('format = "other"\nversion = 1\nconfig = ""', Misuse, "no export"),
    ('format = "llmpool export"\nversion = true\nconfig = ""', Misuse, "no export"),
    ('format = "llmpool export"\nversion = -1\nconfig = ""', Misuse, "no export"),
    ('format = "llmpool export"\nversion = 2\nconfig = ""', StateUnusable, "version 2"),
    ('format = "llmpool export"\nversion = 1', Misuse, "damaged"),
    ('format = "llmpool export"\nversion = 1\nconfig = ["x"]', Misuse, "damaged"),
    ('format = "llmpool export"\nversion = 1\nconfig = ""\nsealed = 5', Misuse, "damaged"),
    ('format = "llmpool export"\nversion = 1\nconfig = ""\npolicies = 5', Misuse, "policies"),
    (
        'format = "llmpool export"\nversion = 1\nconfig = ""\npolicies = [{ target = 2026-01-01 }]',
        Misuse,
        "1 problem",
    ),
    ('format = "llmpool export"\nversion = 1\nconfig = "mode = 1"', ConfigInvalid, "does not load"),
    ('format = "llmpool export"\nversion = 1\nconfig = "x = ["', ConfigInvalid, "does not load"),
]


@pytest.mark.parametrize(("text", "kind", "says"), HOSTILE)
def test_hostile_files_are_refused(
    new: Pool, tmp_path: Path, text: str, kind: type[LlmpoolError], says: str
) -> None:
    """What is no export, damaged, from a newer version or does not load is told; nothing is written."""
    source = written(tmp_path, text)
    with pytest.raises(kind) as caught:
        taken_in(new, source)
    assert says in caught.value.message
    assert caught.value.hint
    assert not list(new.paths.config.parent.iterdir())


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    """A file of gigabytes is no export, and costs no memory to find out."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(1 << 33)
    for reading in (read, policyfile.load):
        with pytest.raises(Misuse, match="big is larger than 8 MiB"):
            reading(str(path))
    with pytest.raises(Misuse, match="cannot be read"):
        read(str(tmp_path))


def test_a_sealed_key_that_nobody_names_is_refused(old: Pool, new: Pool, tmp_path: Path) -> None:
    """A key for a provider that the config does not have is not stored; wrong shapes are no keys."""
    document = tomllib.loads(export.export(old).text)
    for content in (b'{"keys": [["x", "y", "z"]]}', b'{"keys": 5}', b"[", b'{"keys": [["a"]]}'):
        document["sealed"] = sealed.seal(content, WORDS, export.bound(document))
        with pytest.raises((Misuse, NoCredential)):
            taken_in(new, written(tmp_path, tomli_w.dumps(document)), WORDS, plaintext=True)
    assert not new.paths.secrets.exists()


def test_an_export_goes_into_its_file_alone(old: Pool, tmp_path: Path) -> None:
    """It is its owner's alone, replaces an earlier one but no other file unasked; links are not followed."""
    done = export.export(old)
    target, other, link = tmp_path / "pool.llmpool", tmp_path / "thesis.txt", tmp_path / "link"
    other.write_text("years of work")
    link.symlink_to(other)
    for _ in range(2):
        assert export.is_free(str(target))
        export.save(old, done, str(target))
        assert (target.read_text(), target.stat().st_mode & 0o777) == (done.text, 0o600)
    assert not export.is_free(str(other))
    assert not export.is_free(str(link))
    export.save(old, done, str(link))
    assert (link.is_symlink(), other.read_text()) == (False, "years of work")
    if Path("/dev/full").exists():  # as on Linux
        assert export.is_free("/dev/full")
        with pytest.raises(StateUnusable, match="cannot write /dev/full: No space left on device"):
            export.save(old, done, "/dev/full")
    with pytest.raises(StateUnusable, match="cannot write"):
        export.save(old, done, str(tmp_path))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\r\t"), max_size=60))
def test_any_text_arrives_as_it_was(tmp_path_factory: Any, comment: str) -> None:
    """Whatever the config's text is made of, lines of any kind included, it arrives byte for byte."""
    folder = tmp_path_factory.getbasetemp() / "any"
    pool = machine(folder)
    lines = "".join(f"# {line}\n" for line in comment.replace("\r", "").split("\n"))
    text = lines.replace("\n", "\r\n") if "\r" in comment else lines
    pool.paths.config.write_bytes(text.encode())
    source = written(folder, export.export(pool).text)
    assert read(source).config == configfile.read(pool) == text


def test_there_is_nothing_to_export_without_a_config(new: Pool, old: Pool) -> None:
    """A machine without a config says so, and a broken one is told before anybody types a passphrase."""
    with pytest.raises(Misuse, match="nothing to export"):
        export.check(new)
    old.paths.config.write_text("mode = 1\n")
    with pytest.raises(ConfigInvalid):
        export.check(old)
