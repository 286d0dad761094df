"""What a program prints of its own values, in a trace or while somebody looks for a bug: no secret."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest

import llmpool
from llmpool.embedded import package, server
from tests.planted import planted

SECRET = planted("in a record")
TELLING = re.compile(r"(.*_)?(key|secret|token|access|refresh|exchanged|verifier|passphrase|body)")
HARMLESS = {  # what the field is there, instead of a secret
    "the label of a key": (
        "core.outcome.Attempt",
        "discovery.limits.Line",
        "discovery.verify_rules.Verification",
        "setup.records.Wanted",
        "setup.records.Whose",
        "setup.records.Whose",
        "setup.summary.Wanted",
        "state.accounts.Account",
        "state.rates.Wish",
        "usage.budgets.Lease",
        "usage.budgets.Ran",
        "usage.budgets.Wish",
        "usage.rates.Entry",
        "usage.rollup.Who",
    ),
    "a name in a table": (
        "chat.batch_lines.Entry",
        "setup.env_tools.Names",
        "setup.prices.Put",
        "setup.settings.Setting",
        "setup.verify.Change",
        "state.accounts.Item",
    ),
    "a limit in seconds": ("core.wire.Timeouts", "core.config.Routing"),
    "yes or no": ("core.provider.Preset", "core.provider.Provider"),
    "where a file is": ("cli.arrival.Wishes", "importers.moved.Moved", "setup.keystore.Encrypted"),
    "a key that hides itself": ("setup.providers.Wish", "setup.providers.Added"),
    "an answer without what was sent": ("discovery.short_call.Said",),
}
KNOWN = {name for names in HARMLESS.values() for name in names}


def named(found: type) -> str:
    """Name a class by its place in the program."""
    return f"{found.__module__.removeprefix('llmpool.')}.{found.__qualname__}"


def records() -> Iterator[tuple[type, tuple[str, ...]]]:
    """Yield every class of values in the program, with its fields."""
    seen: set[type] = set()
    for info in pkgutil.walk_packages(llmpool.__path__, "llmpool."):
        if info.name.endswith(("__main__", "embedded.host")):
            continue
        for found in vars(importlib.import_module(info.name)).values():
            if isinstance(found, type) and found not in seen and found.__module__.startswith("llmpool."):
                seen.add(found)
                fields = getattr(found, "__record_fields__", None) or getattr(found, "_fields", None)
                if fields and not callable(fields):  # a method may be called so
                    yield found, tuple(fields)


FOUND = [
    (found, fields)
    for found, fields in records()
    if any(map(TELLING.fullmatch, fields)) and named(found) not in KNOWN
]


@pytest.mark.parametrize(("found", "fields"), FOUND, ids=[named(each) for each, _ in FOUND])
def test_a_value_that_carries_a_secret_does_not_show_it(found: type, fields: tuple[str, ...]) -> None:
    """Its repr leaves out each field that is named like a secret; what is no secret is listed above."""
    values = {name: SECRET if TELLING.fullmatch(name) else MagicMock() for name in fields}
    made: Any = found(**values)  # both kinds of values are made by their fields
    assert SECRET not in f"{made!r}{made!s}{[made]!r}", "give it a repr without it, or say above what it is"


def test_there_are_values_that_carry_secrets() -> None:
    """The search above finds those that are known to."""
    assert {"Target", "Credential", "Tokens", "Access", "Passing", "License"} <= {
        f.__name__ for f, _ in FOUND
    }


VARIABLES = {
    "OPENAI_API_KEY": SECRET,
    "LLMPOOL_STATE_KEY": SECRET,
    "LLMPOOL_TRIAL_LICENSE": SECRET,
    "LLMPOOL_OAUTH_COPILOT_CLIENT_SECRET": SECRET,
    "GH_TOKEN": SECRET,
    "PGPASSWORD": SECRET,
}


def test_children_that_need_no_key_get_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the embedded server nor the installer that fetches its model; an index keeps its password."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UV_INDEX_MINE_PASSWORD", "of the index")
    monkeypatch.setenv("PIP_INDEX_URL", "https://of.the.index/")
    assert not set(VARIABLES) & set(server._environment())
    given = package._environment()
    assert not set(VARIABLES) & set(given)
    assert {"UV_INDEX_MINE_PASSWORD", "PIP_INDEX_URL", "PATH"} <= set(given)
