"""The versions that are allowed are versions that were tried."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from llmpool.setup.doctor_install import fits
from tests.packaging.lowest import asked_for, lowest, project

TRIED = tomllib.loads((Path(__file__).parent / "tried.toml").read_text(encoding="utf-8"))
EVERYWHERE = [wanted for wanted in asked_for("embedded") if ";" not in wanted]


def versions(row: str) -> dict[str, str]:
    """Return what was tried, by name."""
    return dict(each.split("==") for each in TRIED[row]["versions"])


@pytest.mark.parametrize("wanted", EVERYWHERE)
def test_the_lowest_version_was_tried(wanted: str) -> None:
    """No bound goes down, or appears, without a run of the suite at just that version."""
    name, bound = lowest(wanted).split("==")
    assert versions("lowest")[name] in (bound, f"{bound}.0", f"{bound}.0.0")


@pytest.mark.parametrize("wanted", EVERYWHERE)
def test_the_newest_version_was_tried(wanted: str) -> None:
    """What pip would have chosen that day is allowed, and was tried."""
    name = lowest(wanted).partition("==")[0]
    assert fits(versions("newest")[name], wanted)


@pytest.mark.parametrize("row", ["lowest", "newest"])
def test_nothing_is_listed_that_is_not_asked_for(row: str) -> None:
    """The record has one line for each dependency, and a date."""
    assert list(versions(row)) == [lowest(wanted).partition("==")[0] for wanted in EVERYWHERE]
    assert type(TRIED[row]["date"]) is date


def test_every_python_that_is_named_was_tried() -> None:
    """The classifiers name the Pythons of the record, and the oldest is the one that is required."""
    named = [each.rpartition(" ")[2] for each in project()["classifiers"] if re.search(r":: 3\.\d+$", each)]
    tried = [TRIED["lowest"]["python"], *TRIED["newest"]["pythons"]]
    assert named == [".".join(each.split(".")[:2]) for each in tried]
    assert project()["requires-python"] == f">={named[0]}"


def test_a_constraint_is_the_lower_bound() -> None:
    """Upper bounds and markers do not get in the way; no lower bound at all is a mistake."""
    assert lowest("typer>=0.28,<0.29") == "typer==0.28"
    assert lowest("tzdata>=2024.1; sys_platform == 'win32'") == "tzdata==2024.1; sys_platform == 'win32'"
    with pytest.raises(ValueError, match="no lower bound"):
        lowest("httpx<1")
