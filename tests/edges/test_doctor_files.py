"""What the doctor finds among files: permissions, room, what is corrupt or set aside, and the clock."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from llmpool.setup import doctor_disk
from llmpool.setup.doctor_case import Finding
from llmpool.state.lock import locked
from tests.edges.doctoring import NOW, Place, den, observed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions and locks as POSIX has them")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place of one's own, with a provider that was listed."""
    folder = tmp_path / "home"
    folder.mkdir(0o700)
    made = Place(folder)
    made.config('default_model = "den/a"', den())
    made.keep("inventory.json", observed("a"))
    return made


# --- permissions and room --------------------------------------------------------------------------------


def test_secrets_that_others_may_read_are_an_error(place: Place) -> None:
    """The mode, that the keys are refused for it, and the chmod; never what is in it."""
    place.paths.secrets.write_text('{"version": 1, "data": {"keys": {"x": {"y": "sk-hidden-0123456789"}}}}')
    place.paths.secrets.chmod(0o640)
    (told,) = place.findings("files")
    fact = "may be read by others (mode 0640), so its keys are refused"
    path = str(place.paths.secrets)
    assert told == Finding("error", "files", path, fact, f"chmod 600 {path}")


def test_secrets_behind_a_link_are_an_error(place: Place) -> None:
    """A symbolic link is refused by every reader, whatever it leads to."""
    target = place.paths.secrets.with_name("elsewhere.json")
    target.write_text("{}")
    target.chmod(0o600)
    place.paths.secrets.symlink_to(target)
    (told,) = place.findings("files")
    assert (told.severity, told.message) == ("error", "is a symbolic link, so its keys are refused")


def test_a_key_file_that_others_may_read_is_an_error(place: Place) -> None:
    """Files that a key command prints lie beside the config."""
    path = place.paths.secrets.with_name("openai.key")
    path.write_text("sk-hidden-0123456789")
    path.chmod(0o644)
    (told,) = place.findings("files")
    assert (told.severity, told.command) == ("error", f"chmod 600 {path}")


def test_a_config_that_others_may_write_is_a_warning(place: Place) -> None:
    """Whoever writes the config has commands run as its owner."""
    place.paths.config.chmod(0o664)
    (told,) = place.findings("files")
    assert (told.severity, told.command) == ("warning", f"chmod go-w {place.paths.config}")
    assert "commands in the config run as you" in told.message


def test_a_config_that_everybody_may_write_is_an_error(place: Place) -> None:
    """No key is used with it, so nothing that needs one works."""
    place.paths.config.chmod(0o666)
    (told,) = place.findings("files")
    assert (told.severity, told.command) == ("error", f"chmod go-w {place.paths.config}")
    assert "no key is used" in told.message


def test_an_open_state_directory_is_one_warning(place: Place) -> None:
    """However many files are open, one finding; behind a closed directory it is only a note."""
    place.keep("policy.json", {"policies": {}}).chmod(0o644)
    (told,) = place.findings("files")
    assert (told.severity, told.message) == ("note", "policy.json may be read or written by others")
    place.paths.state.chmod(0o755)
    (told,) = place.findings("files")
    assert told.severity == "warning"
    assert told.message == "the directory itself and 1 more may be read or written by others"
    assert told.command == f"chmod -R go-rwx {place.paths.state}"


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_a_state_directory_that_is_shut_is_an_error(place: Place) -> None:
    """What needs it is left out, and says so; the rest is looked at."""
    place.paths.state.chmod(0o000)
    found = place.examine()
    place.paths.state.chmod(0o700)
    (told,) = [f for f in found.findings if f.area == "files"]
    assert (told.severity, told.command) == ("error", f"chmod u+rwx {place.paths.state}")
    assert dict(found.skipped)["logs"] == "mend the state directory first"


def test_a_file_in_place_of_the_state_directory_is_an_error(place: Place) -> None:
    """It is in the way; it is moved, not deleted."""
    shutil.rmtree(place.paths.state)
    place.paths.state.write_text("x")
    found = place.examine()
    (told,) = [f for f in found.findings if f.area == "files"]
    state = place.paths.state
    assert told == Finding("error", "files", str(state), "is no directory", f"mv {state} {state}.away")
    assert {"keys", "install"} <= set(found.checked)


def test_what_a_killed_writer_left_is_a_note(place: Place) -> None:
    """Half-written files older than an hour are named, with the command that removes them."""
    left = place.raw(".inventory.json.12-ab.tmp", "half")
    os.utime(left, (1, 1))
    (told,) = place.findings("files")
    assert (told.severity, told.command) == ("note", f"rm -- {left}")


@pytest.mark.parametrize(("free", "severity"), [(5 << 20, "error"), (50 << 20, "warning")])
def test_a_disk_that_is_nearly_full_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch, free: int, severity: str
) -> None:
    """Below 200 MB it is a warning, below 10 an error."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor_disk.shutil, "disk_usage", lambda _path: usage(1 << 40, 0, free))
    (told,) = place.findings("disk")
    assert told.severity == severity
    assert told.message.startswith(f"only {free >> 20} MB are free")


# --- state files -----------------------------------------------------------------------------------------


def test_corrupt_files_are_told_and_stay_where_they_are(place: Place) -> None:
    """Observations warn, decisions are errors, a newer file is no corrupt one; nothing is set aside."""
    place.raw("health.json", "[1]")
    place.keep("keys.json", {"uses": 5})
    policy = place.raw("policy.json", "{broken")
    place.keep("formats.json", {}, version=7)
    told = {f.what: f for f in place.findings("state")}
    assert {name: f.severity for name, f in told.items()} == {
        "policy.json": "error",
        "formats.json": "error",
        "health.json": "warning",
        "keys.json": "warning",
    }
    assert told["policy.json"].command == f"mv {policy} {policy}.bad"
    assert told["policy.json"].message.startswith("is corrupt (not JSON): what needs it ends with 10")
    assert told["formats.json"].message == (
        "was written by a newer llmpool: it is of version 7; this llmpool knows version 1"
    )
    assert told["formats.json"].command == "pip install --upgrade llmpool"
    assert "is corrupt (it holds something else)" in told["keys.json"].message


def test_a_corrupt_inventory_is_mended_by_a_refresh(place: Place) -> None:
    """It is an observation: asking again makes it anew."""
    place.raw("inventory.json", "")
    (told,) = place.findings("state")
    assert (told.severity, told.command) == ("warning", "llmpool refresh")


def test_decisions_that_were_set_aside_are_waited_for(place: Place) -> None:
    """Without policy.json every command refuses to go on; a set-aside observation is only litter."""
    aside = place.raw("policy.json.corrupt-20270101T000000Z", "x")
    litter = place.raw("health.json.corrupt-20270101T000000Z", "x")
    told = {f.what: f for f in place.findings("state")}
    assert (told["policy.json"].severity, told["health.json"].severity) == ("error", "note")
    bad = aside.with_name("policy.json.bad-20270101T000000Z")
    assert told["policy.json"].command == f"mv {aside} {bad}"
    assert told["health.json"].command == f"rm -- {litter}"
    place.keep("policy.json", {"policies": {}})
    assert {f.severity for f in place.findings("state")} == {"note"}


def test_lines_that_are_no_records_are_counted(place: Place) -> None:
    """Of the newest days, in usage and decisions; empty lines are none."""
    good = '{"id": "usage_1", "at": "2027-01-15T07:00:00.000Z"}\n'
    place.raw("usage/2027-01-15.jsonl", good + "torn{\n\n[1]\n")
    place.raw("usage/2027-01-14.jsonl", '{"a": 1}\n')
    place.raw("usage/2027-01-01.jsonl", good)
    place.raw("decisions/2027-01-15.jsonl", '{"id": "d-1", "at": "2027-01-15T07:00:00Z"}\n')
    (told,) = place.findings("logs")
    assert (told.severity, told.what) == ("note", "usage")
    assert told.message.startswith("3 lines are no records (2027-01-15.jsonl and 1 more)")


# --- the clock -------------------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_is_seen_by_what_it_left(place: Place) -> None:
    """Files and records from the future are named, the furthest first."""
    path = place.keep("policy.json", {"policies": {}})
    os.utime(path, (NOW + 86_400, NOW + 86_400))
    place.raw("usage/2027-02-01.jsonl", '{"id": "u", "at": "2027-02-01T07:00:00.000Z"}\n')
    (told,) = place.findings("clock")
    assert told.severity == "warning"
    assert told.message.startswith(
        "usage/2027-02-01.jsonl (2027-02-01T07:00:00Z) and 1 more lie in the future"
    )


def test_an_observation_from_the_future_is_made_anew(place: Place) -> None:
    """Nobody knows how old it is; a refresh takes its place, so nothing has to be moved away."""
    place.keep("inventory.json", observed("a", attempted_at="2028-01-01T00:00:00Z"))
    (told,) = place.findings("clock")
    assert (told.severity, told.command) == ("warning", "llmpool refresh")
    assert told.message.startswith("den: observed 2028-01-01T00:00:00Z, in the future")


def test_a_clock_that_was_never_set_is_an_error(place: Place) -> None:
    """In 1970 nothing that counts time works, and every file is from the future."""
    (told,) = place.findings("clock", now=5.0)
    assert told.severity == "error"
    assert told.message.startswith("it is 1970-01-01T00:00:05Z by this machine's clock")


# --- locks, downloads, the embedded provider -------------------------------------------------------------


def test_a_lock_that_is_held_is_told_with_its_process(place: Place) -> None:
    """By the note of whoever holds it, else as the system tells; free ones are not told."""
    with locked(place.paths.state / "policy"):
        pass
    note = f"{os.getpid()} 2027-01-15T07:59:00Z 2027-01-15T08:30:00Z"
    with locked(place.paths.state / "refresh", note=note):
        (told,) = place.findings("locks")
    fact = f"held now by process {os.getpid()} since 2027-01-15T07:59:00Z; it is free when that ends"
    look = f"ps -o pid,etime,args -p {os.getpid()}"
    assert told == Finding("note", "locks", "refresh.lock", fact, look)
    with locked(place.paths.state / "config"):
        (told,) = place.findings("locks")
    assert told.what == "config.lock"
    if Path("/proc/locks").exists():
        assert f"process {os.getpid()}" in told.message


def test_a_refresh_that_holds_its_lock_too_long_is_a_warning(place: Place) -> None:
    """Its note says until when it can take at the worst."""
    note = "4000000 2027-01-15T06:00:00Z 2027-01-15T06:10:00Z"
    with locked(place.paths.state / "refresh", note=note):
        (told,) = place.findings("locks")
    assert (told.severity, told.command) == ("warning", "kill 4000000")


def test_downloads_that_were_broken_off_are_told(place: Place) -> None:
    """Interrupted and failed ones warn, one that waits is a note, one that is under way is none."""
    job = {"model": "m", "state": "running", "pid": 1, "done": 3_100_000_000, "total": 9_300_000_000}
    place.keep(
        "downloads.json",
        {
            "den": job | {"provider": "den"},
            "ill": {"provider": "ill", "model": "m", "state": "failed", "error": "no room"},
            "idle": {"provider": "idle", "model": "m", "state": "queued"},
            "busy": job | {"provider": "busy"},
            "past": {"provider": "past", "model": "m", "state": "done"},
        },
    )
    with locked(place.paths.state / "pull-busy"):
        told = place.findings("downloads")
    assert told == [
        Finding(
            "warning", "downloads", "den/m", "interrupted at 3.1 GB of 9.3 GB", "llmpool models pull den/m"
        ),
        Finding("warning", "downloads", "ill/m", "the pull failed: no room", "llmpool models pull ill/m"),
        Finding("note", "downloads", "idle/m", "waits to be pulled", "llmpool models pull idle/m"),
    ]


def test_a_damaged_model_file_is_an_error(place: Place) -> None:
    """A file that ends before its data does cannot be served."""
    place.config(den(), "[providers.embedded]")
    place.raw("embedded/models/tiny.gguf", "GG")
    told = {f.what: f for f in place.findings("embedded")}
    assert told["embedded/tiny"].severity == "error"
    assert told["embedded/tiny"].command == (
        "llmpool models remove embedded/tiny && llmpool models pull embedded/tiny"
    )


def test_a_file_that_is_only_read_on_the_way_is_told_too(place: Place) -> None:
    """A corrupt log of rates is found by whoever looks whether a limit holds; it stays where it is."""
    place.config(den(rate_limit={"rpm": 5}))
    path = place.raw("rates/den.json", "{broken")
    (told,) = place.findings("state")
    assert (told.severity, told.what, told.command) == ("warning", "rates/den.json", f"mv {path} {path}.bad")
