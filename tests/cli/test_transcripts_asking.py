"""What a person should see, part one: the first run, asking, scripts, and why that model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.cli.scene import ANSWER, OPENAI_KEY, Scene, scene
from tests.fakes import faults
from tests.support import Home, model

ASKED = "Compare rsync and restic for a NAS"


@pytest.fixture
def den(home: Home) -> Iterator[Scene]:
    """Set the scene: a key in a variable, an Ollama box on the LAN."""
    with scene(home) as made:
        yield made


def test_a_first_run_with_nothing_there(den: Scene) -> None:
    """`chat` says what is missing and the one command that helps; nothing is on stdout; 6."""
    den.home.config.unlink()
    shown = den.seen("chat", "hi")
    assert (shown.code, shown.out) == (6, "")
    told = " ".join(shown.err.split())  # how long the path is decides where lines are broken
    assert told.startswith("error: no provider is configured (no ~/config.toml) ")
    assert told.endswith(" llmpool init (finds keys and local servers; spends no tokens)")


def test_init_with_nothing_there_offers_ways(den: Scene) -> None:
    """It counts what it looked at and offers what is left, with the size of what would be fetched."""
    den.home.config.unlink()
    del den.home.env["OPENAI_API_KEY"]
    shown = den.seen("init", typed="q\n")
    assert (shown.code, shown.out) == (6, "")
    assert re.search(r"looked at \d+ key variables[, and]+\d+ addresses\b.*: nothing found\n", shown.err)
    menu = next(line for line in shown.err.splitlines() if "address of a server" in line)
    assert "small model here (98 MB, toy quality)" in menu
    assert menu.endswith("q quit")
    assert not den.home.config.exists()


def test_init_finds_a_key_and_a_box(den: Scene) -> None:
    """Both are told with where they were found and how many models; a config is written, no token spent."""
    den.home.config.unlink()
    found = {"OLLAMA_HOST": "http://den.lan:11434", "OPENAI_BASE_URL": den.openai.url}
    shown = den.seen("init", typed="1\n", env=found)
    assert (shown.code, shown.out) == (0, "")
    lines = [line.split() for line in shown.err.splitlines()]
    assert ["openai", "OPENAI_API_KEY", "3", "models"] in lines
    assert re.search(r"http://den\.lan:11434 +1 model\b", shown.err)
    assert "wrote ~/config.toml; no tokens spent" in shown.err
    assert 'try: llmpool chat "Why is the sky blue?"' in shown.err
    assert not den.openai.chats + den.den.chats
    assert OPENAI_KEY not in den.home.config.read_text()


def test_one_argument_adds_a_box(den: Scene) -> None:
    """It is named after its host; what it is and where is told, with the command for when that is wrong."""
    den.home.write_config(*den.tables()[:1])
    shown = den.seen("providers", "add", "http://den.lan:11434")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.startswith("den: Ollama, 1 model, local")
    assert "llmpool providers set den --location cloud" in shown.err


def test_asking(den: Scene) -> None:
    """The answer alone is on stdout, one line on stderr says who, how much, what it cost and how long."""
    den.home.here("refresh")
    shown = den.seen("chat", ASKED)
    assert (shown.code, shown.out) == (0, ANSWER + "\n")
    assert re.fullmatch(
        r"openai/gpt-5-mini · 31 in, 412 out · \$0\.0008 · first token [\d.]+ m?s, total [\d.]+ m?s\n",
        shown.err,
    )


def test_going_on(den: Scene) -> None:
    """`-c` asks the same deployment again, with what was said before."""
    den.home.here("refresh")
    den.seen("chat", "-m", "openai/gpt-5", ASKED)
    shown = den.seen("chat", "-c", "and on Windows?")
    assert (shown.code, shown.out) == (0, ANSWER + "\n")
    assert shown.err.startswith("openai/gpt-5 · ")
    said = [turn["content"] for turn in den.openai.chats[-1].json["messages"]]
    assert said == [ASKED, ANSWER, "and on Windows?"]


def test_in_a_script_a_failure_is_a_code(den: Scene) -> None:
    """A pipe into `chat -q`: the prompt, a blank line, the pipe; failures end with what a script can read."""
    den.home.here("refresh")
    ask = ("chat", "-q", "--max-wait", "0", "-m", "openai/gpt-5", "Write a commit message")
    good = den.home.here(*ask, stdin="--- a\n+++ b\n")
    assert (good.code, good.out, good.err) == (0, ANSWER + "\n", "")
    [turn] = den.openai.chats[-1].json["messages"]
    assert turn["content"] == "Write a commit message\n\n--- a\n+++ b\n"
    den.openai.behave(faults.always(faults.status(500)))
    bad = den.home.here(*ask, stdin="--- a\n+++ b\n")
    assert (bad.code, bad.out) == (7, "")


def test_json_in_a_script(den: Scene) -> None:
    """`--json` is one document on stdout; an error is one on stderr, with kind, hint and attempts."""
    den.home.here("refresh")
    good = den.home.here("chat", "--json", "-m", "openai/gpt-5-mini", "Why?").json
    assert (good["text"], good["cost"]) == (ANSWER, "0.00083175")
    den.openai.behave(faults.always(faults.status(500)))
    bad = den.home.here("chat", "--json", "--max-wait", "0", "-m", "openai/gpt-5-mini", "Why?")
    assert (bad.code, bad.out) == (7, "")
    assert bad.error["exit"] == 7
    assert bad.error["kind"] == "all_failed"
    assert bad.error["hint"]
    assert [each["deployment"] for each in bad.error["attempts"]] == ["openai/gpt-5-mini"]
    assert "retry_at" in bad.error


def test_what_route_prints_in_a_pipe_is_what_chat_asks(den: Scene) -> None:
    """The id alone on stdout, good for `-m`."""
    den.home.here("refresh")
    chosen = den.home.here("route", "--no-stdin", ASKED)
    assert (chosen.code, chosen.out, chosen.err) == (0, "openai/gpt-5-mini\n", "")
    asked = den.home.here("chat", "--json", "-m", chosen.out.strip(), ASKED)
    assert asked.json["served_by"] == "openai/gpt-5-mini"


def test_a_line_of_a_script_in_a_real_shell(den: Scene) -> None:
    """`git diff | llmpool chat -q > msg || case $? in 7|75) ...` does what it says."""
    den.home.write_config(
        '[providers.gone]\nurl = "http://127.0.0.1:9/v1"\nformat = "openai"', model("gone/m")
    )
    line = (
        'printf diff | llmpool chat -q --max-wait 0 "Write a commit message" >msg'
        " || case $? in 7|75) exit 75;; *) exit 1;; esac"
    )
    done = subprocess.run(
        ["sh", "-c", f'llmpool() {{ "{sys.executable}" -m llmpool "$@"; }}; {line}'],
        env=den.home.env,
        cwd=den.home.cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (75, "")
    assert "connection refused" in done.stderr
    assert (den.home.cwd / "msg").read_text() == ""


def test_why_that_model(den: Scene) -> None:
    """`route --last` tells when, what the prompt was, the rules, who was kept out, what would change it."""
    den.home.write_config(
        "local_first = true", *den.tables(), den.at_work(), model("den/qwen3:8b", quality=6)
    )
    den.home.here("refresh")
    den.work.behave(faults.always(faults.status(401)))
    assert den.home.here("chat", "-m", "work/gpt-5", "x").code == 5
    den.home.here("chat", "--no-stdin", ASKED)
    shown = den.seen("route", "--last")
    assert shown.code == 0
    head = shown.out.splitlines()[0]
    assert re.match(
        r"openai/gpt-5-mini   \d+ s ago, complex.*, strategy score, mode auto   d-[a-z0-9]{8}$", head
    )
    assert re.search(r"^> +\d+  openai/gpt-5-mini  base \+20, quality \+16, cost -3", shown.out, re.MULTILINE)
    assert re.search(r"^ +\d+  den/qwen3:8b +base \+20", shown.out, re.MULTILINE)
    kept_out = shown.out[shown.out.index("work/gpt-5") :]
    assert re.match(r"work/gpt-5\s+.*(refused|auth|401)", kept_out)
    assert re.search(r"again (at|in) ", kept_out)
    assert re.search(r"^ahead by \d+\.   --local-only: den/qwen3:8b", shown.out, re.MULTILINE)
    assert "--min-quality 9: openai/gpt-5 (" in shown.out


def test_a_moment_ago_is_told_as_such(den: Scene) -> None:
    """A decision of two minutes ago says so."""
    den.home.here("refresh")
    den.home.here("chat", "--no-stdin", ASKED)
    [path] = (den.home.state / "decisions").glob("*.jsonl")
    record = json.loads(path.read_text())
    record["at"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 125))
    path.write_text(json.dumps(record) + "\n")
    assert ", complex, " in den.seen("route", "--last").out
    assert "2 min ago" in den.seen("route", "--last").out
