"""The README is true: its commands run, what it shows is what comes, its configs load, its links lead on."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from llmpool.cli.manual import tree
from llmpool.errors import Exit
from llmpool.router import value
from tests.packaging import readme_play
from tests.packaging.commandlines import follow, runs
from tests.packaging.readme_play import README, Player, Step
from tests.support import Home

TEXT = README.read_text(encoding="utf-8")
STEPS = tuple(readme_play.steps(TEXT))
LONGEST = 550  # lines that somebody reads


def blocks(kind: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Step, tuple[int, str]]]:
    """Play the README from its first command to its last, in one home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in readme_play.foreign():
            patch.delenv(name)
        ended: dict[Step, tuple[int, str]] = {}
        stage = readme_play.stage(Home(tmp_path_factory.mktemp("readme")))
        for player in stage:
            ended = dict(_all(player))
        yield ended


def _all(player: Player) -> Iterator[tuple[Step, tuple[int, str]]]:
    for step in STEPS:
        if readme_play.is_played(step.line):
            result = player.play(step)
            yield step, (result.code, result.out + result.err)


def test_every_command_ends_as_it_should(played: dict[Step, tuple[int, str]]) -> None:
    """With 0, but for those that show something else."""
    wrong = {step.line: told for step, told in played.items() if told[0] != readme_play.ends(step.line)}
    assert wrong == {}


def test_what_is_shown_is_what_came(played: dict[Step, tuple[int, str]]) -> None:
    """Word by word, but for figures, ids and times; mend it with `python -m tests.packaging.readme_play`."""
    wrong = {step.line: readme_play.differs(step, told[1]) for step, told in played.items()}
    assert {line: lines for line, lines in wrong.items() if lines} == {}
    assert sum(bool(step.shown) for step in played) > 25


def test_no_key_is_shown(played: dict[Step, tuple[int, str]]) -> None:
    """Keys are masked in all that was said."""
    said = "".join(text for _, text in played.values())
    assert not re.search(r"sk-[a-z]+-\d{4}|planted-work-key", said)


def test_what_is_not_run_parses_and_is_still_there() -> None:
    """Each exception is a line of the README, and every option in it exists."""
    lines = [step.line for step in STEPS] + [line for block in blocks("sh") for line in block.splitlines()]
    assert [
        start for start in readme_play.UNPLAYED if not any(line.startswith(start) for line in lines)
    ] == []
    top = tree()
    assert [fault for line in lines for run in runs(line) for fault in follow(run, top)[1]] == []


def test_its_configs_load(home: Home) -> None:
    """Each TOML block is a config that `config check` has nothing against."""
    assert blocks("toml")
    for text in blocks("toml"):
        home.config.write_text(text)
        checked = home.here("config", "check")
        assert (checked.code, checked.out) == (0, ""), checked
        assert "not in force" not in checked.err


def test_its_links_lead_to_a_section() -> None:
    """Each has a heading of that name, and each section is in the list at the top."""
    heads = {
        re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
        for head in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) == heads


def test_its_formula_is_that_of_the_strategy() -> None:
    """Both figures are those that the program goes by."""
    told = f"1 / (1 + exp(-({value.LEVEL:g} + {value.STEEPNESS:g} * (q / 10 - d))))"
    assert told in TEXT


def test_every_exit_code_is_in_the_table() -> None:
    """The table is whole, but for the code of a bug, which stands below."""
    table = TEXT[TEXT.index("## Exit codes") : TEXT.index("## Working on it")]
    told = {int(code) for code in re.findall(r"(?<=[| ,])(\d{1,3})(?= |,)", table)}
    assert {int(code) for code in Exit} - {1} <= told
    assert "1 is a bug" in table


def test_it_is_short_enough_to_read() -> None:
    """Its lines fit a window, and are not too many; only commands and what they print may be longer."""
    lines = TEXT.splitlines()
    assert len(lines) <= LONGEST
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []
