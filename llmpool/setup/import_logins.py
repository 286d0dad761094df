"""Use the login of another tool: its tokens are copied, its own files stay as they are (DESIGN ruling 24).

A token that ends is not renewed, since that may end the tool's login; whose owner says `--take-over` has it
renewed here.
"""

from __future__ import annotations

from llmpool.auth.oauth import Tokens
from llmpool.auth.oauth_kinds import KINDS
from llmpool.config import edit
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.setup import configfile, keystore
from llmpool.setup import login as logins
from llmpool.setup.bringing import FAILED, LOGIN, PRESENT, SKIPPED, Keeping, Step
from llmpool.setup.import_survey import Account
from llmpool.state.logins import Login, of


def adopt(
    pool: Pool, account: Account, keeping: Keeping, *, take_over: bool = False, dry_run: bool = False
) -> Step:
    """Take up one login, or only say that it would be; a failure is told and hides no other."""
    found = account.login
    name = found.email or found.name
    if not found.access and not take_over:
        why = "there is only what renews it: --take-over does that here"
        return Step(account.provider, name, SKIPPED, why)
    same = [old for old in of(pool.paths.state, account.provider) if old.email and old.email == found.email]
    if any(old.refreshable and not old.borrowed for old in same) and not take_over:
        return Step(account.provider, name, PRESENT, "it is logged in here, and renewed here")
    if dry_run:
        return Step(account.provider, name, LOGIN, "its tokens would be the new ones" if same else "")
    refresh = found.refresh if take_over else ""
    try:
        store = _place(pool, account, keeping)
        kept = logins.adopt(
            pool,
            _login(account, store, borrowed=not take_over),
            Tokens(found.access, refresh, found.expires or 0.0),
            plaintext=keeping.plaintext,
        )
        _configure(pool, account.provider)
    except LlmpoolError as error:
        return Step(account.provider, name, FAILED, f"{error.message}; {error.hint}", error=error)
    return Step(account.provider, name, PRESENT if same else LOGIN, stored=kept.store)


def _place(pool: Pool, account: Account, keeping: Keeping) -> str:
    """Say where the tokens will lie, as for keys; raises LlmpoolError where they may lie nowhere."""
    where, plaintext = keeping
    place = keystore.FILE if plaintext and not where else where
    return keystore.settle(pool, account.provider, "login", where=place, plaintext=plaintext)


def _login(account: Account, store: str, *, borrowed: bool) -> Login:
    found, kind = account.login, KINDS[account.login.type]
    return Login(
        provider=account.provider,
        id="",
        type=found.type,
        email=found.email,
        project=found.project,
        endpoint=kind.api[0] if kind.api and found.type != "copilot" else "",
        expires_at=found.expires or 0.0,
        store=store,
        borrowed=borrowed,
    )


def _configure(pool: Pool, provider: str) -> None:
    """Put the provider of an account into the config, where it is not."""
    if provider not in {table.id for table in pool.config.providers}:
        configfile.change(pool, lambda text: edit.with_provider(text, provider, {}))
