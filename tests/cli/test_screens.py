"""What a person sees: tables within the width, exact times, a pager, bars, and no escape too many."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from llmpool.cli.styles import unpainted
from llmpool.core.cells import width as cells
from tests.cli.test_usage import plant
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, Result, finish, model, provider
from tests.ttys import terminals

NAMES = [
    "nvidia/llama-3.3-nemotron-super-49b-v1.5-instruct:free",
    "deepseek/deepseek-r1-distill-qwen-32b",
    "moonshotai/kimi-k2-0905",
    "größe/模型-7b",
    *(f"lab/model-{n}" for n in range(24)),
]
LISTS = (
    "models list", "models list --registry", "models show hub/moonshotai/kimi-k2-0905", "providers list",
    "providers show hub", "providers limits", "providers keys list", "providers presets", "usage summary",
    "usage summary --by day", "usage summary --plot", "usage list", "usage decisions", "usage prices list",
    "usage reprice", "policy show", "policy budget list", "policy group list", "route --no-stdin hello",
    "doctor --offline", "models pull --list",
)  # fmt: skip
_EXACT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_AGO = re.compile(r"\b\d+ (s|min|h|d) ago\b")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Give a pool with long names, prices, failures, cooldowns, keys and a month of records."""
    home = Home(tmp_path_factory.mktemp("full"))
    home.env |= {"TERM": "xterm-256color", "LLMPOOL_PAGER": "cat", "HUB_KEY": "sk-hub-0123456789abcdefghij"}
    with ExitStack() as stack:
        hub = stack.enter_context(FakeServer(NAMES, behave=[faults.ok("hi"), faults.status(429)] * 9))
        bad = stack.enter_context(FakeServer(["x"], behave_listing=[faults.status(500)] * 99))
        home.write_config(
            '[groups.family]\nproviders = ["hub"]\n[budgets.daily]\nlimit = "5.00"\nper = "day"\n'
            '[policy]\nunpriced = "allow"\n[routing]\nmax_retries = 0\nconnect_timeout = "1s"',
            provider(
                "hub", hub.url, location="cloud", key={"env": "HUB_KEY"}, rate_limit={"rpm": 60, "tpm": 90000}
            ),
            provider("work-gateway-eu-central-1", bad.url, location="cloud"),
            *(provider(f"lab{n}", "http://127.0.0.1:9/v1", key={"env": f"LAB{n}_API_KEY"}) for n in range(6)),
            *(model(f"lab{n}/{NAMES[n % 3]}", quality=n, context_window=131072) for n in range(6)),
        )
        home.here("refresh")
        home.here("chat", "--no-stdin", "--max-wait", "0", "-m", "hub/moonshotai/kimi-k2-0905", "hi")
        plant(
            home,
            *(
                {
                    "ago": 9000 * n,
                    "deployment": f"hub/{NAMES[n % 4]}",
                    "input_tokens": 7000 * n,
                    "output_tokens": 90 * n,
                    "success": n % 5 > 0,
                    "error": "rate_limit",
                    "cost": f"0.0{n}" if n % 3 else None,
                    "decision_id": f"d-{n:04}",
                }
                for n in range(60)
            ),
        )
        home.here(
            "policy", "set", "lab*", "--state", "flagged", "--reason", "slow on weekdays, ask Ann", "-y"
        )
        yield home
    home.close()


def seen(home: Home, line: str, columns: int = 80, **env: str) -> Result:
    """Run a command on a terminal of so many columns."""
    with terminals():
        return home.here(*line.split(), env={"COLUMNS": str(columns), "LINES": "24"} | env)


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
@pytest.mark.parametrize("line", LISTS)
def test_it_fits(full: Home, line: str, columns: int) -> None:
    """No line is wider than the terminal, unless one word or id is; and it is legible without colour."""
    shown = seen(full, line, columns, NO_COLOR="1").out
    assert "\x1b" not in shown
    for text in shown.splitlines():
        longest = max(map(cells, text.split()), default=0)  # an id or an address stays whole
        rest = cells(text) - (longest if longest > 20 else 0)
        assert rest <= columns or text.lstrip().startswith("mend:"), text


@pytest.mark.parametrize("line", LISTS)
def test_colours_only_colour(full: Home, line: str) -> None:
    """Taken away, they leave what stands there without them: no meaning is in a colour alone."""
    coloured = seen(full, line).out
    assert _still(unpainted(coloured)) == _still(seen(full, line, NO_COLOR="1").out)


def _still(text: str) -> str:
    """Leave out what another moment changes."""
    return re.sub(r"\bd-\w{8}\b|\b\d+ (s|min|ms)\b|\s+", " ", text)


def test_ids_are_whole_on_any_width(full: Home) -> None:
    """They are copied from there."""
    for columns in (20, 40, 80):
        shown = seen(full, "models list", columns, NO_COLOR="1").out.split()
        assert {f"hub/{name}" for name in NAMES} <= set(shown)


@pytest.mark.parametrize(
    "line", ["usage list", "usage decisions", "providers list", "policy show", "providers show hub"]
)
def test_times_are_relative_for_a_person_and_exact_on_demand(full: Home, line: str) -> None:
    """`--utc` says the moment; so does a pipe."""
    assert _AGO.search(seen(full, line, 200).out)
    exact = seen(full, f"{line} --utc", 200).out
    assert _EXACT.search(exact)
    assert not _AGO.search(exact)
    piped = full.here(*line.split()).out
    assert _EXACT.search(piped)
    assert not _AGO.search(piped)


@pytest.mark.parametrize(
    "line", ["models list", "usage list", "usage summary", "policy show", "doctor --offline"]
)
def test_plain_is_a_pipe_on_a_terminal(full: Home, line: str) -> None:
    """Tabs, no headings, no colours, no pager."""
    assert seen(full, f"{line} --plain").out == full.here(*line.split()).out


@pytest.mark.parametrize(
    ("line", "key"),
    [("models list", "models"), ("--jsonl providers list", "providers"), ("usage list --limit 3", "records")],
)
def test_jsonl_is_the_list_by_lines(full: Home, line: str, key: str) -> None:
    """The entries of `--json` without a wrapper, on a terminal too; the option may stand anywhere."""
    words = line.replace("--jsonl ", "").split()
    lines = seen(full, f"{line} --jsonl" if "--jsonl" not in line else line).out.splitlines()
    told: list[Any] = [json.loads(each) for each in lines]
    known = full.here(*words, "--json").json[key]
    assert [each.keys() for each in told] == [each.keys() for each in known]
    assert [each.get("id") for each in told] == [each.get("id") for each in known]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    "line", ["usage summary --plot", "usage summary", "policy budget list", "models list", "usage list"]
)
def test_without_utf8_nothing_is_a_question_mark(full: Home, line: str, encoding: str) -> None:
    """Bars are ASCII, names are legible and told apart, and nothing ends in a trace."""
    with terminals(encoding):
        shown = full.here(*line.split(), env={"COLUMNS": "100", "NO_COLOR": "1"})
    assert shown.code == 0
    assert "Traceback" not in shown.err
    asked = shown.out.replace("+ ?", "").split()
    assert not [word for word in asked if "?" in word and word != "?"]
    if line == "models list":
        assert "hub/gr<U+00F6><U+00DF>e/<U+6A21><U+578B>-7b" in asked or encoding == "latin-1"


def test_the_c_locale_gets_bars_of_ascii(full: Home) -> None:
    """Even where the stream could write more."""
    assert "#" in seen(full, "usage summary --plot", LC_ALL="C").out
    assert "█" in seen(full, "usage summary --plot", LC_ALL="C.UTF-8").out


def test_a_dumb_terminal_gets_no_escape_at_all(full: Home) -> None:
    """No bar, no colour, no pager: not a byte that it would print as junk."""
    for line in (
        "refresh hub",
        "models probe -m hub/lab/* -y --timeout 2s",
        "providers list",
        "doctor --offline",
    ):
        shown = seen(full, line, TERM="dumb")
        assert "\x1b" not in shown.out + shown.err


def test_a_bar_says_how_many_of_how_many_and_for_how_long(full: Home) -> None:
    """And it is gone when it is over."""
    told = seen(full, "models probe -m hub/lab/* -y --timeout 2s").err
    assert re.search(r"\[#*\.*\]  \d+ of 24  \d+ s", told)
    assert told.rpartition("\r")[2].startswith("\x1b[K")


class TestPager:
    """Longer than the screen, on a terminal only, and as git has it."""

    def shown(self, home: Home, *line: str, **env: str) -> Result:
        """Run it on a real terminal of 20 lines."""
        return finish(home.terminal(*line, "-q", height=20, env={"NO_COLOR": "1"} | env))

    def test_it_is_the_one_that_is_named(self, full: Home) -> None:
        """LLMPOOL_PAGER first; leaving it early is no fault."""
        shown = self.shown(full, "models", "list", LLMPOOL_PAGER="head -2", PAGER="false")
        assert (shown.code, len(shown.out.splitlines())) == (0, 2)

    def test_less_is_told_to_leave_short_pages(self, full: Home) -> None:
        """LESS is FRX unless it is set; what is short needs no pager."""
        told = 'cat >/dev/null; echo "LESS=$LESS"'
        assert self.shown(full, "models", "list", LLMPOOL_PAGER=told).out == "LESS=FRX\n"
        assert "LESS=" not in self.shown(full, "policy", "budget", LLMPOOL_PAGER=told).out

    def test_one_that_cannot_start_is_no_error(self, full: Home) -> None:
        """The list is shown all the same, whole."""
        shown = self.shown(full, "models", "list", LLMPOOL_PAGER="no-such-pager-here")
        assert shown.code == 0
        assert f"hub/{NAMES[-1]}" in shown.out

    @pytest.mark.parametrize(
        ("line", "env"),
        [
            ("--no-pager models list", {}),
            ("models list --json", {}),
            ("models list --plain", {}),
            ("models list", {"TERM": "dumb"}),
            ("models list", {"LLMPOOL_PAGER": ""}),
        ],
    )
    def test_it_is_not_started(self, full: Home, line: str, env: dict[str, Any]) -> None:
        """With --no-pager, JSON, plain output, a dumb terminal, or a variable that is set to nothing."""
        shown = seen(full, line, **({"LLMPOOL_PAGER": "echo paged"} | env))
        assert "paged" not in shown.out
        assert f"hub/{NAMES[-1]}" in shown.out
