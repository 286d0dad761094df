"""A new machine in two commands: `config export` there, `init --from` here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_usage_transfer import plant
from tests.fakes import filed_keyring
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, finish, model, provider
from tests.unit.importers.test_usage_record import RECORD

ROOT = str(Path(__file__).resolve().parents[2])
WORDS = "correct horse battery staple"


@pytest.fixture
def rings() -> Iterator[None]:
    """Let runs inside this process keep keys in the keyring of their home."""
    with filed_keyring.chosen():
        yield


@pytest.fixture
def other(own_home: Path) -> Home:
    """Give the home of another machine."""
    return Home(own_home.parent / f"{own_home.name}-other")


def keyring(home: Home) -> dict[str, str]:
    """Give a home a keyring of its own."""
    place = {filed_keyring.VARIABLE: str(home.dir / "keyring.json")}
    path = [ROOT, *filter(None, [home.env.get("PYTHONPATH")])]
    return filed_keyring.ENVIRONMENT | place | {"PYTHONPATH": ":".join(path)}


def with_key(home: Home, server: FakeServer) -> dict[str, str]:
    """Configure a provider whose key is in the keyring, and a decision; return the home's variables."""
    home.write_config(
        "# my pool",
        provider("work", server.url) + "key = { keyring = true }  # in the safe\n",
        model("work/alpha", quality=7),
    )
    (home.dir / "keyring.json").write_text(f'{{"llmpool:work/default": "{PLANTED_KEY}"}}')
    home.here("policy", "set", "work", "--state", "flagged", "--reason", "slow")
    return keyring(home)


def test_a_pool_moves_without_its_keys(home: Home, other: Home, server: FakeServer) -> None:
    """Two commands and a pipe carry config, comments and decisions; no key leaves, the missing are named."""
    env = with_key(home, server)
    sent = home.here("config", "export", env=env)
    assert (sent.code, sent.out.startswith("# Made by `llmpool config export`")) == (0, True)
    assert "keys stay here: work (keyring)" in sent.err
    assert not sent.shows(PLANTED_KEY)
    came = other.here("init", "--from", "-", stdin=sent.out, env=keyring(other))
    assert came.code == 9, came
    assert 'work: key "default" is not in the keyring here' in came.err
    assert other.config.read_text() == home.config.read_text()
    assert "slow" in other.here("policy").out
    assert not other.files_with(PLANTED_KEY)


@pytest.mark.usefixtures("rings")
def test_sealed_keys_move_into_the_new_keyring_alone(home: Home, other: Home, server: FakeServer) -> None:
    """With --keys and a passphrase the key arrives in the new keyring, works there, and is in no other."""
    env, words = with_key(home, server), home.dir / "words"
    words.write_text(WORDS + "\n")
    file = home.dir / "pool.llmpool"
    sealing = ("--keys", "--passphrase-file", str(words))
    document = home.here("config", "export", "-o", str(file), *sealing, "--json", env=env).json
    assert document["keys_sealed"] == [{"provider": "work", "label": "default", "source": "keyring"}]
    assert home.files_with(PLANTED_KEY) == ["keyring.json"]
    there = keyring(other)
    wrong = other.here("init", "--from", str(file), "--passphrase-file", "-", stdin="wrong\n", env=there)
    assert wrong.code == 5
    assert "passphrase" in wrong.err
    assert not other.config.exists()
    came = other.here("init", "--from", str(file), "--passphrase-file", "-", stdin=WORDS + "\n", env=there)
    assert came.code == 0, came
    assert not came.shows(PLANTED_KEY)
    assert other.files_with(PLANTED_KEY) == ["keyring.json"]
    assert other.here("chat", "hi", env=there).code == 0
    assert server.chats[-1].headers["authorization"] == f"Bearer {PLANTED_KEY}"
    left = other.here("init", "--from", str(file), "--no-keys", "--offline", "--json", env=there).json
    assert (left["written"], left["backup"], left["keys_missing"]) == (False, None, [])


def test_the_history_moves_along(home: Home, other: Home, server: FakeServer) -> None:
    """With --usage, through a file or a pipe, every record arrives, and arrives once; both sides say so."""
    home.write_config(provider("work", server.url), model("work/alpha"))
    for _ in range(2):
        assert home.here("chat", "-m", "work/alpha", "hi").code == 0
    recorded = home.here("usage", "export").documents
    file = str(home.dir / "pool.tar")
    told = home.here("config", "export", file, "--usage")
    assert told.err.startswith(f"wrote {file}: 1 provider, 0 policies, 2 usage records\n")
    assert home.here("config", "export", file, "--usage", "--json").json["usage"] == {
        "records": 2,
        "bad_lines": 0,
        "pruned_days": 0,
    }
    piped = home.here("config", "export", "--usage").out
    came = other.here("init", "--from", "-", stdin=piped)
    assert (came.code, "took 2 records on 1 day\n" in came.err) == (0, True), came
    assert other.here("usage", "export").documents == recorded
    again = other.here("init", "--from", file, "--json")
    assert (again.json["usage"]["taken"], again.json["usage"]["skipped"]) == (0, 2)
    plain = home.here("config", "export").out
    assert "usage" not in other.here("init", "--from", "-", "--json", stdin=plain).json
    assert home.here("config", "export", "--usage", "--json").code == 2


def test_a_damaged_history_moves_nothing(home: Home, other: Home) -> None:
    """An export that broke off is told before anything is written; a line that is no record costs itself."""
    home.write_config("# mine", provider("den", "http://127.0.0.1:9/v1"))
    plant(home, RECORD, RECORD | {"id": "later", "at": "2999-01-01T00:00:00Z"})
    whole = home.here("config", "export", "--usage").out
    for text in (whole[:-90], whole[:-80] + whole[-79:]):
        done = other.here("init", "--from", "-", stdin=text)
        assert (done.code, "stdin is damaged" in done.err, other.config.exists()) == (2, True, False), done
    done = other.here("--offline", "init", "--from", "-", stdin=whole)
    assert (done.code, "its time has not come yet" in done.err) == (9, True), done
    assert "took 1 record on 1 day" in done.err
    assert other.here("usage", "export").documents == [RECORD]


def test_without_a_keyring_the_owner_says_so(home: Home, other: Home, server: FakeServer) -> None:
    """Where there is no keyring nothing is written until --plaintext says where the key may lie (0600)."""
    env, words = with_key(home, server), home.dir / "words"
    words.write_text(WORDS)
    file = str(home.dir / "pool.llmpool")
    home.pool("config", "export", file, "--keys", "--passphrase-file", str(words), env=env)
    move = ("init", "--from", file, "--passphrase-file", str(words))
    refused = other.here(*move)
    assert (refused.code, other.config.exists()) == (5, False)
    assert "--plaintext" in refused.err
    came = other.here(*move, "--plaintext")
    assert came.code == 0, came
    assert other.files_with(PLANTED_KEY) == ["secrets.json"]
    assert (other.dir / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert "key = { file = true }  # in the safe" in other.config.read_text()


def test_a_terminal_asks_for_the_passphrase_twice(home: Home, server: FakeServer) -> None:
    """The passphrase is not shown; two that differ, or a short one, export nothing; a script names a file."""
    env = with_key(home, server)
    file = home.dir / "pool.llmpool"
    for first, second in ((WORDS, "another one"), ("short", "short")):
        child = home.terminal("config", "export", str(file), "--keys", env=env)
        child.expect("seal the keys with: ")
        child.sendline(first)
        child.expect("same again: ")
        child.sendline(second)
        done = finish(child)
        assert (done.code, file.exists()) == (2, False)
        assert first not in done.out
    assert "--passphrase-file" in home.here("config", "export", "--keys", env=env).err


def test_another_config_is_replaced_only_when_asked(home: Home, other: Home, server: FakeServer) -> None:
    """A config that is there already wants --yes off a terminal, and is kept beside the new one."""
    home.write_config("# my pool", provider("work", server.url))
    sent = home.here("config", "export").out
    other.write_config("# other")
    refused = other.here("init", "--from", "-", stdin=sent)
    assert (refused.code, other.config.read_text()) == (2, "# other\n")
    done = other.here("init", "--from", "-", "--yes", "--json", stdin=sent).json
    assert Path(done["backup"]).read_text() == "# other\n"
    assert other.config.read_text() == home.config.read_text()
    assert done["providers"] == [{"id": "work", "models": len(server.models), "error": None}]


def test_what_is_no_export_is_refused(home: Home, other: Home) -> None:
    """Another file, one from the future and a missing one are told; options that go with --from want it.

    Nor is a directory made for an export: a mistyped one would swallow it.
    """
    assert other.here("init", "--from", "/etc/hostname").code == 2
    newer = 'format = "llmpool export"\nversion = 99\nconfig = ""\n'
    assert other.here("init", "--from", "-", stdin=newer).code == 10
    assert other.here("init", "--from", str(home.dir / "none")).code == 2
    assert other.here("init", "--plaintext").code == 2
    assert home.here("config", "export").code == 2
    home.write_config("# mine")
    away = home.here("config", "export", str(home.dir / "no" / "such" / "pool.llmpool"))
    assert (away.code, away.err.splitlines()[1]) == (2, f"  make it first: mkdir -p {home.dir}/no/such")
    assert not (home.dir / "no").exists()
    assert not other.config.exists()


def test_an_export_is_never_written_over_what_is_exported(home: Home, tmp_path: Path) -> None:
    """Neither over the config, by another name of it either, nor over keys, nor into the state."""
    home.write_config(model("sky/m"), provider("sky", "http://127.0.0.1:9/v1"))
    before = home.config.read_text()
    (tmp_path / "name").symlink_to(home.config)
    own = (home.config, tmp_path / "name", home.config.with_name("secrets.json"))
    for file in own:
        assert home.here("config", "export", str(file), "--yes").code == 2
    day = home.state / "usage" / "2026-11-22.jsonl"
    assert home.here("usage", "export", "--force", "-o", str(day)).code == 2
    home.state.mkdir(exist_ok=True)
    new = home.here("config", "export", str(home.state / "new.pool"))
    assert new.err.splitlines()[1:] == [f"  not in {home.state}"]
    assert home.config.read_text() == before
    assert not day.exists()
