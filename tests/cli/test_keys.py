"""`providers keys`: how a key is given, what is said of it, and that it is never said itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.edges.speaking import Asked, Speaking
from tests.support import PLANTED_KEY, Home, Result, finish

SECOND = "sk-second-0123456789abcdefghijklmnop"
GATEWAY = '# mine\n[providers.work] # ours\nurl = "http://127.0.0.1:9/v1"\n'
STATE_KEY = {"LLMPOOL_STATE_KEY": "the words that seal it"}


ROW = {
    "provider", "label", "source", "from", "configured", "enabled", "state", "reason", "resting_until",
    "mask", "usage_count", "last_used", "added_at", "replaced",
}  # fmt: skip


@pytest.fixture
def mine(home: Home) -> Home:
    """Give a home with one provider that has no key."""
    home.write_config(GATEWAY)
    return home


def keys(home: Home, *words: str, **more: Any) -> Result:
    """Run `providers keys`."""
    return home.here("providers", "keys", *words, **more)


def stored(home: Home) -> Any:
    """Return what secrets.json holds."""
    return json.loads((home.dir / "secrets.json").read_text())["data"]["keys"]


TYPED = (
    ("add", "work", PLANTED_KEY),
    ("add", PLANTED_KEY),
    ("add", "work", "--label", PLANTED_KEY),
    ("add", "work", "--env", PLANTED_KEY),
    ("add", "work", "--command", f"echo {PLANTED_KEY}"),
    ("add", "work", "--key-file", PLANTED_KEY),
    ("add", "work", f"--key={PLANTED_KEY}"),
    ("add", "work", "--keep", PLANTED_KEY),
    ("replace", "work", PLANTED_KEY),
    ("replace", "work", "default", PLANTED_KEY),
    ("remove", "work", PLANTED_KEY),
    ("disable", "work", PLANTED_KEY),
    ("list", PLANTED_KEY),
    ("list", "work", PLANTED_KEY),
    ("encrypt", PLANTED_KEY),
)


@pytest.mark.parametrize("words", TYPED, ids=lambda words: " ".join(words[:-1]))
def test_a_key_that_is_typed_is_refused_and_not_repeated(mine: Home, words: tuple[str, ...]) -> None:
    """Exit 2 with the ways there are; neither a stream nor a file has it, with a trace or in JSON."""
    for more in ((), ("--json", "--traceback")):
        result = keys(mine, *words, *more)
        assert (result.code, result.shows(PLANTED_KEY)) == (2, False)
    assert mine.files_with(PLANTED_KEY) == []


def test_a_key_comes_from_stdin_or_a_file(mine: Home) -> None:
    """It is told apart by its mask; the second time the label it has is the answer, exit 0."""
    (mine.cwd / "key.txt").write_text(f"{PLANTED_KEY}\n")
    (mine.cwd / "key.txt").chmod(0o640)
    refused = keys(mine, "add", "work", "--key-stdin", stdin=PLANTED_KEY)
    assert (refused.code, "providers keys encrypt" in refused.err) == (2, True)
    assert "mode 0600 keeps it from other users of this machine, and nothing else" in refused.err
    first = keys(mine, "add", "work", "--key-file", "key.txt", "--plaintext")
    assert (first.code, first.out) == (0, "")
    assert 'work: key "default" (sk-plant...mnop) comes from secrets.json' in first.err
    assert "warning: key.txt may be read by others: chmod 600 key.txt, or delete it" in first.err
    again = keys(mine, "add", "work", "--key-stdin", "--label", "b", "--json", stdin=f"  {PLANTED_KEY}\n")
    shown = {"provider": "work", "label": "default", "source": "file"}
    assert again.json["key"] == shown | {"existing": True, "mask": "sk-plant...mnop"}
    other = keys(
        mine, "add", "work", "--key-stdin", "--label", "b", stdin=SECOND
    )  # said once: no --plaintext
    assert (other.code, stored(mine)) == (0, {"work": {"default": PLANTED_KEY, "b": SECOND}})
    assert not any(each.shows(PLANTED_KEY) for each in (refused, first, again, other))
    assert mine.files_with(PLANTED_KEY) == ["cwd/key.txt", "secrets.json"]
    assert (mine.dir / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert mine.config.read_text().startswith("# mine\n[providers.work] # ours\n")


def test_a_key_may_stay_where_it_is(mine: Home) -> None:
    """A variable and a program are referred to; nothing is stored but where to look."""
    env = {"WORK": PLANTED_KEY}
    assert keys(mine, "add", "work", "--env", "WORK", env=env).code == 0
    told = keys(mine, "add", "work", "--command", "printenv 'WORK 2'", "--label", "cmd", env=env)
    assert "it cannot be had now: the command (printenv) ended with 1" in told.err
    listed = keys(mine, "list", "work", env=env)
    assert [line.split("\t")[:5] for line in listed.out.splitlines()] == [
        ["work", "default", "variable WORK", "ok", "sk-plant...mnop"],
        ["work", "cmd", "first line of: printenv 'WORK 2'", "ok", "-"],
    ]
    assert not (mine.dir / "secrets.json").exists()
    document = keys(mine, "list", "--json").json
    unset = document["keys"][0]
    assert (set(document), set(unset)) == ({"schema", "keys", "unused"}, ROW)
    assert (unset["state"], unset["reason"]) == ("not set", "WORK is not set")
    assert (unset["mask"], unset["usage_count"], unset["last_used"]) == ("sk-plant...mnop", 0, None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--key-stdin", "--env", "X"), "the key is given in more than one way"),
        (("--keep", "attic", "--key-stdin"), "--keep: there is no such place"),
        (("--keep", "keyring", "--plaintext", "--key-stdin"), "contradict one another"),
        (("--key-file", "nosuch"), "nosuch cannot be read: No such file or directory"),
        (("--command", "pass 'show"), "--command: a quote is not closed"),
        (("--env", "NO SUCH"), "--env: is not the name of a variable"),
        (("--key-stdin",), "stdin has no key; nothing was changed"),
        ((), "no key was given, and nobody can be asked here"),
    ],
)
def test_what_is_not_clear_is_refused(mine: Home, words: tuple[str, ...], told: str) -> None:
    """Exit 2, and the config is as it was."""
    result = keys(mine, "add", "work", *words)
    assert (result.code, told in result.err) == (2, True), result
    assert mine.config.read_text() == GATEWAY + "\n"


def test_nobody_is_asked_for_the_key_of_nobody(mine: Home) -> None:
    """An unknown provider or label is told first, with those there are."""
    assert keys(mine, "add", "wrok", "--key-stdin", stdin=PLANTED_KEY).code == 3
    assert (
        keys(mine, "replace", "work", "z", "--key-stdin", "--json", stdin=PLANTED_KEY).error["candidates"]
        == []
    )
    assert keys(mine).err == "no key is configured.  run: llmpool providers keys add PROVIDER\n"


def good(asked: Asked) -> tuple[int, Any]:
    """Answer who brings the second key."""
    mine = asked.headers.get("authorization") == f"Bearer {SECOND}"
    return (200, {"data": [{"id": "m"}]}) if mine else (401, {"error": {"message": "Incorrect API key"}})


def test_a_key_is_replaced_once_it_works(home: Home) -> None:
    """The provider is asked first: 5 when it refuses the new one; the config stays as it is."""
    with Speaking({"/v1/models": good, "/v1/chat/completions": good}) as server:
        home.write_config(f'[providers.work]\nurl = "{server.url}/v1" # ours\n')
        keys(home, "add", "work", "--key-stdin", "--plaintext", stdin="sk-old-0123456789abcdef")
        before = home.config.read_text()
        bad = keys(home, "replace", "work", "--key-stdin", stdin=PLANTED_KEY)
        assert (bad.code, bad.shows(PLANTED_KEY)) == (5, False)
        done = keys(home, "replace", "work", "--key-stdin", "--json", stdin=SECOND).json["key"]
    assert (done["verified"], done["before"], done["mask"]) == (True, "sk-old-0...cdef", "sk-secon...mnop")
    assert (stored(home), home.config.read_text()) == ({"work": {"default": SECOND}}, before)
    (row,) = keys(home, "list", "--json").json["keys"]
    assert [past["mask"] for past in row["replaced"]] == ["sk-old-0...cdef"]
    shown = home.here("providers", "show", "work")
    assert "keys             label default, from secrets.json, state ok, mask sk-secon...mnop" in shown.out
    unsure = keys(home, "replace", "work", "--key-stdin", stdin=PLANTED_KEY)  # nobody answers any more
    offline = keys(home, "replace", "work", "--key-stdin", "--offline", stdin=PLANTED_KEY)
    assert (unsure.code, offline.code, stored(home)) == (7, 8, {"work": {"default": SECOND}})


def test_a_key_is_disabled_enabled_and_removed(mine: Home) -> None:
    """What hangs on it is told before; nothing goes without a yes, and then the key itself goes, too."""
    keys(mine, "add", "work", "--key-stdin", "--plaintext", stdin=PLANTED_KEY)
    off = keys(mine, "disable", "work")
    assert 'work: key "default" is disabled' in off.err
    assert "it is the only key: work will be called without one" in off.err
    assert "enabled = false" in mine.config.read_text()
    assert keys(mine, "enable", "work", "--json").json["key"]["changed"]
    assert keys(mine, "remove", "work").code == 2
    assert mine.files_with(PLANTED_KEY) == ["secrets.json"]
    gone = keys(mine, "remove", "work", "--yes")
    assert "the key itself is deleted from secrets.json" in gone.err
    assert (gone.code, mine.files_with(PLANTED_KEY)) == (0, [])
    assert mine.config.read_text().strip() == GATEWAY.strip()


def test_a_key_that_nobody_names_can_be_removed(mine: Home) -> None:
    """One whose reference was taken out by hand is listed, and goes by command; an account's token stays."""
    keys(mine, "add", "work", "--key-stdin", "--plaintext", stdin=PLANTED_KEY)
    path = mine.dir / "secrets.json"
    path.write_text(path.read_text().replace('"default"', '"oat_1":"token","gone"'))
    assert keys(mine, "list", "--json").json["unused"] == [{"provider": "work", "label": "gone"}]
    assert "if no other beside it does: llmpool providers keys remove work gone" in keys(mine).err
    assert keys(mine, "remove", "work", "oat_1", "--yes").code == 3
    assert keys(mine, "remove", "work", "gone", "--yes").code == 0
    assert stored(mine) == {"work": {"oat_1": "token"}}


def test_example_27_an_id_that_leads_elsewhere_is_none(mine: Home) -> None:
    """`../escape` is refused wherever a provider is added, named, asked or removed; no file appears."""
    name, before = "../escape", sorted(mine.dir.parent.rglob("escape*"))
    assert mine.here("providers", "add", name, "--url", "http://127.0.0.1:9/v1").code == 2
    assert keys(mine, "add", name, "--key-stdin", stdin=PLANTED_KEY).code == 3
    for words in (("show", name), ("remove", name, "--yes"), ("keys", "list", name), ("clear", name)):
        assert mine.here("providers", *words).code == 3
    assert mine.here("refresh", name).code == 3
    assert (sorted(mine.dir.parent.rglob("escape*")), mine.files_with(PLANTED_KEY)) == (before, [])


def test_a_preset_that_nobody_added_names_the_way(mine: Home) -> None:
    """Before the key is asked for."""
    result = keys(mine, "add", "openai", "--key-stdin", stdin=PLANTED_KEY)
    assert (result.code, "llmpool providers add openai" in result.err) == (3, True)


def test_add_and_set_take_a_key(home: Home) -> None:
    """It is kept as `keys add` keeps it; where it cannot be, the provider is not added."""
    with Speaking({"/v1/models": good, "/v1/chat/completions": good}) as server:
        add = ("providers", "add", "work", "--url", f"{server.url}/v1", "--key-stdin")
        refused = home.here(*add, stdin=SECOND)
        assert (refused.code, home.config.read_text().strip()) == (2, "")
        added = home.here(*add, "--plaintext", stdin=SECOND)
        assert (added.code, "1 model" in added.err) == (0, True)
        known = home.here("providers", "add", f"{server.url}/v1", "--key-stdin", "--force", stdin=SECOND)
        assert "1 model" in known.err  # the key was brought when it was asked what it is
    changed = home.here("providers", "set", "work", "--rpm", "5", "--key-stdin", stdin=PLANTED_KEY)
    assert (changed.code, stored(home)["work"]) == (0, {"default": PLANTED_KEY})
    dry = home.here("providers", "set", "work", "--key-stdin", "--dry-run", stdin=SECOND)
    both = home.here("providers", "set", "work", "--key-env", "X", "--key-stdin", stdin=SECOND)
    assert (dry.code, both.code, "rpm = 5" in home.config.read_text()) == (2, 2, True)
    removed = home.here("providers", "remove", "work", "--yes")
    assert 'deleted for good: key "default" in secrets.json' in removed.err
    assert home.files_with(PLANTED_KEY) == []


def test_the_file_is_encrypted_on_request(mine: Home, tmp_path: Path) -> None:
    """With a state key in a file elsewhere, which is made 0600 and noted; then every key is sealed."""
    keys(mine, "add", "work", "--key-stdin", "--plaintext", stdin=PLANTED_KEY)
    nowhere = keys(mine, "encrypt")
    assert (nowhere.code, "--state-key-file FILE" in nowhere.err) == (5, True)
    elsewhere = tmp_path / "stick" / "state.key"
    done = keys(mine, "encrypt", "--state-key-file", str(elsewhere), "--json").json["encrypted"]
    assert (done["keys"], done["before"], done["made"], done["state_key"]) == (1, 0, True, str(elsewhere))
    assert (elsewhere.stat().st_mode & 0o777, mine.files_with(PLANTED_KEY)) == (0o600, [])
    assert keys(mine, "add", "work", "--key-stdin", stdin=SECOND).code == 0
    assert mine.files_with(SECOND) == []
    assert "2 keys" in keys(mine, "encrypt").err
    strange = keys(mine, "add", "work", "--key-stdin", stdin="sk-third-0123456789", env=STATE_KEY)
    assert (strange.code, "opens none of the encrypted keys" in strange.err) == (5, True)


def test_on_a_terminal_the_key_is_asked_unseen(mine: Home) -> None:
    """It is not shown while it is typed, and not said afterwards."""
    child = mine.terminal("providers", "keys", "add", "work", "--plaintext")
    child.expect_exact("The key (it is not shown): ")
    child.sendline(PLANTED_KEY)
    result = finish(child)
    assert (result.code, result.shows(PLANTED_KEY)) == (0, False)
    assert stored(mine) == {"work": {"default": PLANTED_KEY}}
    child = mine.terminal("providers", "keys", "add", "work")  # its owner said --plaintext once
    child.expect_exact("(it is not shown): ")
    child.sendeof()
    assert child.expect(["no key was given; nothing was changed", pexpect.EOF]) == 0
    assert finish(child).code == 2


def test_nobody_types_a_key_that_cannot_be_kept(mine: Home) -> None:
    """On a terminal it is said before the key is asked for, so that nothing is typed in vain."""
    result = finish(mine.terminal("providers", "keys", "add", "work"))
    assert (result.code, "it is not shown" in result.out) == (2, False)
    assert "or say so: --plaintext" in result.out
    assert not mine.dir.joinpath("secrets.json").exists()


def test_what_may_be_a_key_is_no_label_and_no_file(mine: Home) -> None:
    """A key without a vendor's beginning, given in the wrong place, goes to no file."""
    dense = "0123456789abcdef0123456789abcdef"
    label = keys(mine, "add", "work", "--env", "A", "--label", dense)
    file = keys(mine, "encrypt", "--state-key-file", dense)
    assert [(done.code, done.shows(dense)) for done in (label, file)] == [(2, False), (2, False)]
    assert mine.files_with(dense) == []
    assert not (mine.cwd / dense).exists()
