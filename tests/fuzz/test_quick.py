"""Every day a few dozen mutated documents for each reader; and what was found by the long runs, again."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import corpus, plan
from tests.fuzz.promise import Target
from tests.fuzz.targets import targets

ALL = {target.name: target for target in targets()}
BY_COMMAND = ("state-", "file-", "import-", "words-", "served-")
QUICK = {name: each for name, each in ALL.items() if not name.startswith(BY_COMMAND)}
COMMANDS = {name: each for name, each in ALL.items() if name not in QUICK}
LONG = os.environ.get("LONG") == "1"


def tried(target: Target, examples: int) -> Callable[[], None]:
    """Make the test of a target with so many examples, always the same ones."""

    @settings(max_examples=examples, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(plan.PLANS)
    def run(drawn: plan.Plan) -> None:
        target.run(drawn)

    return run


@pytest.mark.parametrize("name", QUICK)
def test_no_document_gets_more_than_a_refusal(name: str) -> None:
    """A mutated document is read or refused in words fit for a terminal; what is read can be kept."""
    tried(QUICK[name], 4)()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_file_and_no_word_ends_a_command_in_a_bug(name: str) -> None:
    """Whatever a file or an argument holds, commands end as documented and print clean text."""
    tried(COMMANDS[name], 1)()


@pytest.mark.parametrize("found", corpus.FOUND, ids=lambda found: found.why)
def test_what_was_found_stays_mended(found: corpus.Found) -> None:
    """A document that once ended in a traceback, or in what nobody could write, is read or refused."""
    ALL[found.target].check(found.document)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a bound against what never ends
@pytest.mark.parametrize("name", ALL)
def test_many_documents(name: str) -> None:
    """As above, with more of them; with LONG=1 with thousands: a quarter of an hour of CPU for all."""
    many, few = (2_000, 100) if LONG else (40, 2)
    tried(ALL[name], few if name in COMMANDS else many)()
