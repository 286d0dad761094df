"""Every check of the doctor: what it finds, the command that mends it, and that nothing on disk changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmpool.config.paths import find_paths
from llmpool.setup import doctor
from llmpool.setup.doctor import examine
from llmpool.setup.doctor_case import Case, Finding, in_order, runnable
from llmpool.state import jsonfile
from tests.edges.doctoring import NOW, Place, den, observed
from tests.fakes.server import FakeServer
from tests.support import closed_port, model, provider


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place of one's own."""
    folder = tmp_path / "home"
    folder.mkdir(0o700)
    return Place(folder)


# --- the whole of it -------------------------------------------------------------------------------------


def test_a_pool_that_is_well_has_no_finding_above_a_note(place: Place) -> None:
    """Config, one provider that was listed, its default model: nothing is wrong."""
    place.config('default_model = "den/a"', den())
    place.keep("inventory.json", observed("a"))
    found = place.examine()
    assert (found.counts["error"], found.counts["warning"]) == (0, 0), found.findings
    assert found.skipped == [("reachability", "--offline")]
    assert found.checked[:4] == ["keys", "config", "files", "disk"]


def test_without_anything_the_way_is_init(place: Place) -> None:
    """Nothing is configured: one error, and the command that begins."""
    assert place.findings("providers") == [
        Finding("error", "providers", "pool", "no provider is configured", "llmpool init")
    ]


def test_findings_come_worst_first_once_and_on_one_line() -> None:
    """The order within a severity is that of the checks; what is found twice is told once."""
    note, error = Finding("note", "a", "x", "one\ntwo"), Finding("error", "b", "y", "z")
    assert in_order([note, error, note]) == [error, note._replace(message="one two")]


def test_a_check_that_fails_itself_is_a_finding(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in one check keeps none of the others from running, and shows no text of the error."""

    def ill(_case: Case) -> Iterator[Finding]:
        yield Finding("note", "disk", "x", "found before")
        raise TypeError("sk-never-shown-0123456789")

    monkeypatch.setattr(doctor, "_CHECKS", (("disk", ill, 0), *doctor._CHECKS))
    found = place.examine()
    assert [f.message for f in found.findings if f.area == "disk"] == [
        "the check itself failed (TypeError), which is a bug of llmpool",
        "found before",
    ]
    assert "never-shown" not in str(found)
    assert any(f.area == "providers" for f in found.findings)


@pytest.mark.parametrize(
    ("hint", "command"),
    [
        ("llmpool init", "llmpool init"),
        ("llmpool refresh, or: llmpool models pull REF", "llmpool refresh"),
        ("wake one of them, then: llmpool refresh", "llmpool refresh"),
        ("llmpool models list shows what there is", "llmpool models list"),
        ("correct the file, then run: llmpool config check", "llmpool config check"),
        ("give its full path", ""),
    ],
)
def test_the_command_is_taken_out_of_a_hint(hint: str, command: str) -> None:
    """A hint speaks to a person; a finding's command can be run."""
    assert runnable(hint) == command


# --- config ----------------------------------------------------------------------------------------------


def test_every_problem_of_the_config_is_told_with_file_line_and_key(place: Place) -> None:
    """A broken config is an error for each problem; what needs none of it is looked at all the same."""
    place.config("local_frist = true", den(format="opnai"))
    place.raw("policy.json", "{broken")
    found = place.examine()
    told = {f.what: f for f in found.findings if f.area == "config"}
    assert set(told) == {"local_frist", "providers.den.format"}
    assert told["local_frist"].message.startswith(f"{place.paths.config}:1: ")
    assert {f.command for f in told.values()} == {"llmpool config edit"}
    assert [f.what for f in found.findings if f.area == "state"] == ["policy.json"]
    assert dict(found.skipped)["keys"] == "mend the config first"


def test_problems_that_only_the_catalog_sees_are_told_too(place: Place) -> None:
    """A default model at nobody is a problem of the config, with its key."""
    place.config('default_model = "nobody/x"', den())
    (told,) = place.findings("config")
    assert (told.severity, told.what) == ("error", "default_model")
    assert '"nobody/x" is at no configured provider' in told.message


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_a_config_that_is_no_file_is_told_and_never_waited_for(place: Place, kind: str) -> None:
    """A directory or a named pipe in its place ends the reading at once."""
    if kind == "pipe":
        os.mkfifo(place.paths.config)
    else:
        place.paths.config.mkdir()
    found = examine(place.paths, place.env, clock=lambda: NOW, offline=True)
    (told,) = [f for f in found.findings if f.area == "config"]
    assert (told.severity, told.command) == ("error", "unset LLMPOOL_CONFIG")


def test_a_config_too_large_to_be_one_is_not_a_matter_of_permissions(place: Place) -> None:
    """It is put aside where the config belongs, and named no longer where a variable names it."""
    usual = find_paths(place.env).config
    usual.parent.mkdir(parents=True)
    for path, env, command in (
        (usual, {}, f"mv -n {usual} {usual}.aside"),
        (place.paths.config, {"LLMPOOL_CONFIG": str(place.paths.config)}, "unset LLMPOOL_CONFIG"),
        (place.paths.config, {}, ""),  # --config names it
    ):
        with path.open("wb") as file:
            file.truncate((16 << 20) + 1)
        path.chmod(0o600)
        paths = place.paths._replace(config=path)
        found = examine(paths, place.env | env, clock=lambda: NOW, offline=True)
        (told,) = [each for each in found.findings if each.area == "config"]
        assert (told.severity, told.command) == ("error", command)
        assert "is larger than 16 MiB, and so is no config; name the right file" in told.message


def test_a_budget_over_nothing_is_told_of(place: Place) -> None:
    """It limits nobody; one over a provider that lists nothing, a model of its own or a key may."""
    kept = ("*", "den", "den/m", "work", "work/x", "work:a")
    scopes = (*kept, "wrok", "m", "den/z", "work:b")
    tables = [f'[budgets.b{n}]\nlimit = "5"\nscope = "{scope}"' for n, scope in enumerate(scopes)]
    work = provider("work", "http://x.test", keys=[{"label": "a", "env": "K"}])
    place.config(den(), work, model("den/m"), *tables)
    told = [found.message.split(",")[0] for found in place.findings("names")]
    assert told == [f"is over {scope}" for scope in scopes[len(kept) :]]


def test_names_that_lead_nowhere_come_with_the_nearest(place: Place) -> None:
    """Alias, default, recovery and fallbacks: each command has the nearest name instead, or none."""
    place.config(
        'default_model = "den/qwen3:9b"\nrecovery_model = "den/zzz"',
        '[routing]\nfallbacks = ["den/qwen3:9b", "den/qwen3:8b", "den/zzz"]',
        den(),
        model("den/qwen3:4b", aliases=["small"]),
    )
    place.keep("inventory.json", observed("qwen3:8b"))
    told = place.findings("names")
    assert {f.what: f.command for f in told if f.what != "fallback"} == {
        "alias small": "llmpool models set den/qwen3:4b --no-alias small"
        " && llmpool models set den/qwen3:8b --alias small",
        "default_model": "llmpool config set default_model den/qwen3:8b",
        "recovery_model": "llmpool config unset recovery_model",
    }
    assert [f.command for f in told if f.what == "fallback"] == [
        "llmpool config set routing.fallbacks den/qwen3:8b den/zzz",
        "llmpool config set routing.fallbacks den/qwen3:9b den/qwen3:8b",
    ]


# --- the pool --------------------------------------------------------------------------------------------


def test_who_answers_is_asked_without_spending_or_keeping_anything(place: Place) -> None:
    """One provider answers, one is away, one is optional and away: asked at once, nothing written."""
    with FakeServer(["a"]) as server:
        place.config(
            'default_model = "up/a"',
            provider("up", server.url),
            den(),
            provider("maybe", f"http://127.0.0.1:{closed_port()}", optional=True),
        )
        found = place.examine(offline=False)
        assert {request.method for request in server.requests} == {"GET"}
    told = {f.what: f for f in found.findings if f.area == "reachability"}
    assert {name: f.severity for name, f in told.items()} == {"den": "warning", "maybe": "note"}
    assert told["den"].command == "llmpool refresh den"
    assert "connection refused; is it running?" in told["den"].message
    assert "reachability" in found.checked


def test_a_refused_key_is_an_error(place: Place) -> None:
    """The server says no to the key: the provider cannot answer, and the key is not shown."""
    with FakeServer(["a"], key="sk-right-0123456789abcdef") as server:
        place.config(provider("work", server.url, key={"env": "WORK_KEY"}))
        found = place.examine(offline=False, WORK_KEY="sk-wrong-0123456789abcdef")
    (told,) = [f for f in found.findings if f.area == "reachability"]
    assert (told.severity, told.command) == ("error", "llmpool providers verify work")
    assert told.message.startswith("refuses the key: ")
    assert "sk-wrong" not in str(found)


def test_listings_that_are_old_failed_or_never_made_are_told(place: Place) -> None:
    """Stale beyond stale_after is a warning, merely old a note; the last error is told while offline."""
    place.config(*(provider(name, "http://127.0.0.1:9") for name in ("stale", "old", "ill", "new", "well")))
    old = {"attempted_at": "2027-01-15T07:00:00Z", "fetched_at": "2027-01-01T00:00:00Z"}
    entries = {
        "stale": old | {"error": "no route", "error_kind": "connect", "stale_since": "2027-01-02T00:00:00Z"},
        "old": old | {"attempted_at": "2027-01-01T00:00:00Z"},
        "ill": {"attempted_at": "2027-01-15T07:00:00Z", "error": "no route", "error_kind": "connect"},
        "well": {"attempted_at": "2027-01-15T07:00:00Z", "fetched_at": "2027-01-15T07:00:00Z"},
    }
    data = {name: {"provider": name, "models": [{"name": "m"}]} | entry for name, entry in entries.items()}
    place.keep("inventory.json", {"providers": data})
    told = {f.what: (f.severity, f.message, f.command) for f in place.findings("providers")}
    assert told == {
        "stale": (
            "warning",
            "has failed to list its models since 2027-01-02T00:00:00Z: they are no longer chosen",
            "llmpool refresh stale",
        ),
        "old": ("note", "was last asked up to 15 d ago: its models may have changed", "llmpool refresh old"),
        "ill": ("warning", "failed when it was last asked: no route", "llmpool refresh ill"),
        "new": ("note", "was never asked what it has", "llmpool refresh new"),
    }


def test_rests_are_told_with_the_time_left(place: Place) -> None:
    """A refused key is a warning, a resting provider a note; what is over is not told."""
    place.config(den())
    rest = {"until": NOW + 120, "seconds": 600.0, "reason": "server"}
    place.keep(
        "health.json",
        {
            "cooldowns": {
                "provider:den": rest,
                "key:den/a": rest | {"until": NOW + 3000, "seconds": 3600.0, "reason": "auth"},
                "deployment:den/x": rest | {"until": NOW - 1},
            }
        },
    )
    refused = "(until 2027-01-15T08:50:00Z) after being refused"
    failed = "(until 2027-01-15T08:02:00Z) after a server error"
    assert place.findings("rests") == [
        Finding(
            "warning", "rests", "den", f"key a rests 50 min more {refused}", "llmpool providers clear den"
        ),
        Finding("note", "rests", "den", f"rests 2 min more {failed}", "llmpool providers clear den"),
    ]


def test_a_format_that_contradicts_the_config_is_told(place: Place) -> None:
    """What a detection found at the configured address is not what the config says."""
    url = "http://127.0.0.1:9/v1"
    place.config(provider("den", url, format="openai"))
    found = {"format": "anthropic", "url": url, "at": NOW - 60, "profile": {}}
    place.keep("formats.json", {"detected": {"den": found}})
    (told,) = place.findings("formats")
    assert told.message == f"the config says format openai, but anthropic was found at {url}"
    assert (told.severity, told.command) == ("warning", "llmpool providers verify den --apply")


# --- reading ---------------------------------------------------------------------------------------------


def test_warnings_of_readers_go_where_they_went_before(place: Place) -> None:
    """What is read from copies warns nobody, and whoever listened before listens again."""
    heard: list[str] = []
    before = jsonfile._warning_hooks[0]
    jsonfile.on_warning(heard.append)
    try:
        place.raw("health.json", "[]")
        place.examine()
        assert heard == []
        jsonfile.warn("again")
        assert heard == ["again"]
    finally:
        jsonfile.on_warning(before)


def test_no_place_for_copies_is_a_finding(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a usable temporary directory is told so; the rest is looked at."""
    place.config(den())
    monkeypatch.setattr("tempfile.tempdir", str(place.paths.state / "nowhere"))
    found = place.examine()
    told = [f for f in found.findings if f.what == "temporary files"]
    assert [f.command for f in told] == ["export TMPDIR=$HOME"]
    assert "files" in found.checked


def test_no_copies_are_left_behind(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory of copies is private, and gone at the end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place.keep("inventory.json", observed("a"))
    place.examine()
    assert list(tmp_path.glob("llmpool-doctor-*")) == []


def test_what_is_true_of_many_providers_is_told_once(place: Place) -> None:
    """Sixty providers that were never asked are one note, with one command."""
    place.config(*(provider(f"p{number}", "http://127.0.0.1:9") for number in range(60)), den())
    place.keep("inventory.json", observed("a"))
    (told,) = place.findings("providers")
    message = "were never asked what they have"
    assert told == Finding("note", "providers", "p0, p1, p10 and 57 more", message, "llmpool refresh")


def test_connections_that_others_may_read_are_told(place: Place) -> None:
    """Plain http beyond the private network is a warning; a certificate that is not looked at is a note."""
    place.config(
        provider("open", "http://api.example.org/v1"),
        provider("lax", "https://api.example.org/v1", verify_tls=False),
        provider("lan", "http://den.lan:11434"),
    )
    told = {f.what: (f.severity, f.command) for f in place.findings("connections")}
    assert told == {
        "open": ("warning", "llmpool providers set open --url https://api.example.org/v1"),
        "lax": ("note", "llmpool providers set lax --verify-tls"),
    }


def test_variables_that_bind_every_run_are_told(place: Place) -> None:
    """Whoever wonders why nothing in the cloud answers finds the variable that says so."""
    place.config(den())
    found = place.examine(LLMPOOL_LOCAL_ONLY="1", LLMPOOL_GROUP="", LLMPOOL_STATE_DIR="/x")
    told = [(f.severity, f.what, f.command) for f in found.findings if f.area == "config"]
    assert told == [("note", "LLMPOOL_LOCAL_ONLY", "unset LLMPOOL_LOCAL_ONLY")]


def test_a_config_that_is_not_where_a_variable_says_is_told(place: Place) -> None:
    """A misspelt LLMPOOL_CONFIG looks as if nothing were configured."""
    (told,) = [f for f in place.examine(LLMPOOL_CONFIG="x").findings if f.area == "config"]
    assert told.message == f"there is no {place.paths.config}, so there is no config"
    assert (told.severity, told.command) == ("warning", "unset LLMPOOL_CONFIG")
