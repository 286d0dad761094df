"""Logins of another pool: told apart from those that are here, and taken up after everything else."""

from __future__ import annotations

from typing import NamedTuple

from llmpool.importers.found import Login
from llmpool.importers.moved import Account
from llmpool.pool import Pool
from llmpool.setup import import_logins, keystore
from llmpool.setup.bringing import FAILED, SKIPPED, Keeping, Step
from llmpool.setup.import_survey import Account as Found
from llmpool.setup.moving_back import Record
from llmpool.setup.moving_plan import Plan
from llmpool.state import logins


class Manner(NamedTuple):
    """How keys are kept: `keyring`, `file`, or empty for whichever takes them; *take_over* renews logins."""

    where: str = ""
    plaintext: bool = False
    take_over: bool = False


def take_up(pool: Pool, made: Plan, manner: Manner, record: Record) -> list[str]:
    """Take up the logins, and say what could not be; one that cannot be hides no other."""
    failed, record.borrowed = [], not manner.take_over
    for account in made.accounts:
        before = _known(pool)
        try:
            step = _adopted(pool, made.moved.source, account, manner)
            if step.action == FAILED and not manner.where:
                manner = manner._replace(where=keystore.FILE)  # the keyring does not take it
                step = _adopted(pool, made.moved.source, account, manner)
        finally:  # an interrupt may come behind the write
            record.accounts += sorted(_known(pool) - before)
        if step.action in (FAILED, SKIPPED):
            failed.append(f"login of {account.provider} {account.email}".strip() + f": {step.why}")
    return failed


def _known(pool: Pool) -> set[tuple[str, str]]:
    return {(each.provider, each.id) for each in logins.read(pool.paths.state)}


def _adopted(pool: Pool, source: str, account: Account, manner: Manner) -> Step:
    login = Login(
        tool=source,
        name=account.email or source,
        type=account.type,
        path="",
        access=account.access,
        refresh=account.refresh,
        email=account.email,
        project=account.project,
        expires=account.expires if isinstance(account.expires, float) else None,
    )
    keeping = Keeping(manner.where, manner.plaintext)
    return import_logins.adopt(pool, Found(login, account.provider), keeping, take_over=manner.take_over)
