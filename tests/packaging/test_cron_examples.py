"""The crontab line and the systemd units of the man page: they parse, and call what there is."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from llmpool.cli import cronpage
from llmpool.cli.manual import files, tree
from llmpool.errors import Exit
from tests.packaging.commandlines import follow


def unit(text: str) -> configparser.ConfigParser:
    """Read a unit as the INI file that it is."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment]  # the case of keys counts
    parser.read_string(text)
    return parser


def test_the_units_say_what_is_promised() -> None:
    """A run beside another one is no failure, keys come from a file, and missed runs are made up."""
    service, timer = unit(cronpage.SERVICE), unit(cronpage.TIMER)
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["SuccessExitStatus"] == str(int(Exit.BUSY))
    assert service["Service"]["EnvironmentFile"].startswith("-")  # it may be missing
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.parametrize("line", [cronpage.CRONTAB, unit(cronpage.SERVICE)["Service"]["ExecStart"]])
def test_the_lines_call_a_command_with_options_that_exist(line: str) -> None:
    """Whoever copies them gets no usage error."""
    path, _, words = re.sub(r"^7( \*){4} +", "", line).partition(" ")
    assert path.endswith("/.local/bin/llmpool")
    entry, faults = follow(words.split(), tree())
    assert (entry.words, faults) == (("refresh",), [])


def test_the_crontab_line_is_one() -> None:
    """Five fields of time, then the command; no per cent sign, which cron takes for a line end."""
    fields = cronpage.CRONTAB.split()
    assert fields[:5] == ["7", "*", "*", "*", "*"]
    assert "%" not in cronpage.CRONTAB


def test_the_page_shows_them_whole() -> None:
    """Each of their lines stands on the page of `refresh`."""
    page = files()["man/man1/llmpool-refresh.1"].replace("\\-", "-").replace("\\(aq", "'").splitlines()
    for line in (cronpage.CRONTAB, *cronpage.SERVICE.splitlines(), *cronpage.TIMER.splitlines()):
        assert line in page
    assert {".SH FROM CRON", ".SH FROM SYSTEMD", ".SH UNATTENDED"} <= set(page)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(own_home: Path) -> None:
    """`systemd-analyze verify` has nothing to say."""
    program = own_home / ".local/bin/llmpool"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = {"llmpool-refresh.service": cronpage.SERVICE, "llmpool-refresh.timer": cronpage.TIMER}
    for name, text in units.items():
        (own_home / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *(f"./{name}" for name in units)],
        cwd=own_home,
        env={"HOME": str(own_home), "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(own_home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
