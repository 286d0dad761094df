"""`llmpool doctor`: what is wrong, the command that mends it, exit 0 or 9, and never an error of its own."""

from __future__ import annotations

import json
from pathlib import Path

from llmpool.setup.doctor_case import SEVERITIES
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, closed_port, finish, model, provider


def listed(home: Home, server: FakeServer) -> None:
    """Make a home in which nothing is wrong."""
    home.write_config('default_model = "den/a"', provider("den", server.url))
    home.config.chmod(0o600)
    home.here("refresh")


def test_a_home_in_order_ends_with_0_and_the_count(home: Home) -> None:
    """Nothing above a note: exit 0; the last line counts, on stderr; a pipe gets columns only."""
    with FakeServer(["a"]) as server:
        listed(home, server)
        seen = home.here("doctor")
        offline = home.here("doctor", "--offline", env={"PATH": "/usr/bin:/bin"})
    assert seen.code == 0, seen
    assert seen.err.splitlines()[-1].startswith("0 errors, 0 warnings")
    assert all(line.split("\t")[0] == "note" for line in seen.out.splitlines())
    assert offline.code == 0
    assert offline.err.splitlines()[-1].endswith("; not looked at: reachability (--offline)")


def test_the_document_has_findings_and_what_was_looked_at(home: Home) -> None:
    """One JSON document: findings with severity, area, what, message, and a command where one mends it."""
    home.write_config(provider("den", f"http://127.0.0.1:{closed_port()}"))
    seen = home.here("doctor", "--json")
    assert seen.code == 9
    document = seen.json
    assert set(document) == {"schema", "findings", "checked", "skipped", "program", "counts"}
    for finding in document["findings"]:
        assert set(finding) - {"command"} == {"severity", "area", "what", "message"}
        assert finding["severity"] in SEVERITIES
    away = next(f for f in document["findings"] if f["area"] == "reachability")
    assert (away["severity"], away["what"], away["command"]) == ("warning", "den", "llmpool refresh den")
    assert document["counts"]["warnings"] == sum(f["severity"] == "warning" for f in document["findings"])
    assert {"config", "keys", "reachability", "locks", "install"} <= set(document["checked"])
    assert document["skipped"] == []


def test_a_home_that_is_broken_everywhere_is_told_and_left_as_it_is(home: Home) -> None:
    """Config, state and logs corrupt at once: findings, no trace, no prompt, not a byte changed."""
    home.write_config("local_first = maybe", f'# {PLANTED_KEY}\n[providers.den]\nkey = "{PLANTED_KEY}"')
    (home.state / "usage").mkdir(parents=True)
    for name in ("policy", "inventory", "health", "registry", "routing"):
        (home.state / f"{name}.json").write_bytes(b"\xff\x00{" + PLANTED_KEY.encode())
    (home.state / "usage" / "2026-01-01.jsonl").write_text(f"torn {PLANTED_KEY}\n")
    before = {path: path.read_bytes() for path in home.dir.rglob("*") if path.is_file()}
    seen = home.here("doctor")
    shown = home.here("doctor", "--json", "--cron")
    assert {path: path.read_bytes() for path in home.dir.rglob("*") if path.is_file()} == before
    assert (seen.code, shown.code) == (9, 9)
    assert not seen.shows(PLANTED_KEY)
    assert not shown.shows(PLANTED_KEY)
    areas = {line.split("\t")[1] for line in seen.out.splitlines()}
    assert {"config", "state", "logs"} <= areas
    assert "Traceback" not in seen.err


def test_no_check_shows_a_key(home: Home) -> None:
    """A key that is refused, echoed by the server, or kept in an open file stays unseen."""
    with FakeServer(["a"], key="sk-other-0123456789abcdef") as server:
        home.write_config(
            provider("work", server.url, key={"env": "WORK_KEY"}),
            provider("kept", server.url, key={"file": True}),
        )
        secrets = home.config.with_name("secrets.json")
        secrets.write_text(json.dumps({"version": 1, "data": {"keys": {"kept": {"default": PLANTED_KEY}}}}))
        secrets.chmod(0o644)
        env = {"WORK_KEY": PLANTED_KEY}
        runs = [
            home.here("doctor", *words, env=env) for words in ((), ("--json",), ("--cron", "--traceback"))
        ]
    assert not any(run.shows(PLANTED_KEY) for run in runs)
    assert f"chmod 600 {secrets}" in runs[0].out
    assert "refuses the key" in runs[0].out


def test_as_cron_would_run_it(home: Home) -> None:
    """From a desktop's shell: the variable is not there in cron, and a line for the crontab is."""
    home.write_config(provider("work", "http://127.0.0.1:9", key={"env": "WORK_KEY"}))
    env = {"WORK_KEY": PLANTED_KEY, "DISPLAY": ":0"}
    assert (
        home.here("doctor", "--offline", "--json", env=env).json["counts"]["errors"] == 1
    )  # never refreshed
    seen = home.here("doctor", "--cron", "--offline", "--json", env=env)
    told = {(f["area"], f["what"]): f for f in seen.json["findings"]}
    assert "cron hands on no variables" in told["keys", "work"]["message"]
    assert "refresh --if-stale 5h --jitter 10m --quiet" in told["cron", "crontab"]["message"]


def test_on_a_terminal_each_finding_has_its_command_below_it(home: Home) -> None:
    """Worst first, wrapped to the width, commands whole on a line of their own, the count at the end."""
    home.write_config("[providers.openai]", provider("den", f"http://127.0.0.1:{closed_port()}"))
    seen = finish(home.terminal("doctor", "--color", "never", width=80, env={"SHELL": "/bin/sh"}))
    lines = [line for line in seen.out.rpartition("\x1b[K")[2].splitlines() if line]
    assert seen.code == 9
    assert lines[0].startswith("error    ")
    words = [line.split()[0] for line in lines if not line.startswith(" ")][:-1]
    assert words == sorted(words, key=SEVERITIES.index)
    assert "         mend: llmpool refresh den" in lines
    assert max(len(line) for line in lines if "mend: " not in line and "llmpool 0" not in line) <= 80
    assert "errors, " in lines[-1]


def test_it_needs_neither_home_nor_state(home: Home) -> None:
    """In an empty home, read-only or not there at all, it says what to do first and makes nothing."""
    seen = home.here("doctor", "--offline", env={"LLMPOOL_STATE_DIR": str(Path("/proc/llmpool-nowhere"))})
    assert seen.code == 9
    assert "llmpool init" in seen.out
    assert not home.state.exists()
    assert home.here("doctor", "--offline").code == 9
    assert not home.state.exists()


def test_an_alias_that_means_something_else_is_found(home: Home) -> None:
    """A word for the mode is never taken for one; the command told takes it out."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"), model("den/m", aliases=["Local", "fine"]))
    told = home.here("doctor", "--offline").out
    assert "alias Local\tis a word for the mode: -m Local never means den/m" in told
    assert home.here("models", "set", "den/m", "--no-alias", "Local").code == 0
    assert "alias" not in home.here("doctor", "--offline").out
