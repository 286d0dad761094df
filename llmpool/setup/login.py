"""Log in to a provider by OAuth, and out again: the steps of a flow are done, and what they gave is kept.

Nothing is written before the end, so a login that is broken off leaves nothing behind. Where the tokens will
lie is settled first: nobody goes through a login that cannot be kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, NamedTuple

from llmpool import accounts
from llmpool.auth import oauth, oauth_account, oauth_code, oauth_device
from llmpool.auth.loopback import Listener
from llmpool.auth.oauth import Application, LoginFailed, Return, Show, Tokens, Wait
from llmpool.auth.oauth_kinds import GOOGLE, KINDS
from llmpool.config import edit
from llmpool.config.presets import find_preset, presets
from llmpool.core.near import meant, near
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import KeyRef
from llmpool.errors import (
    Misuse,
    NoCredential,
    UnknownName,
    UnusableCredential,
    UpstreamFailed,
    offline_forbids,
)
from llmpool.net.client import Client
from llmpool.pool import Pool, unknown_provider
from llmpool.setup import configfile, keystore
from llmpool.state import logins, tokens
from llmpool.state.logins import Login

LOOK = 0.5  # seconds between two looks at how long is left
_PROBE = KeyRef(label="probe", source="keyring")  # of no account: only whether somebody answers


class Wish(NamedTuple):
    """What the command line says: whom to log in to, how, and where the tokens are to lie."""

    name: str
    device: bool = False
    keep: str = ""
    plaintext: bool = False


class Manners(NamedTuple):
    """How a person is dealt with: *show* tells where to go, *left* how many seconds there are still."""

    show: Callable[[Show], None]
    left: Callable[[float], None] = lambda _seconds: None
    sleep: Callable[[float], None] = time.sleep


class Whom(NamedTuple):
    """A provider to log in to, the type of its login, and its preset where it is not configured yet."""

    provider: str
    type: str
    preset: str = ""


def login(pool: Pool, wish: Wish, manners: Manners) -> Login:
    """Log in and keep the account; the provider is in the config, and enabled, afterwards.

    Raises UnknownName, Misuse, NoCredential where no client is configured or the login is refused, and
    UpstreamFailed where the servers cannot be reached.
    """
    whom = find(pool, wish.name)
    app = accounts.application(pool, whom.type)
    if pool.offline:
        raise offline_forbids("a login")
    store = _store(pool, wish)
    device = _by_device(app, wish)
    try:
        found = (
            _by_code(pool, app, manners)
            if not device
            else _drive(oauth_device.device_login(app, pool.clock), manners)
        )
        email = found.email or _ask(oauth_account.owner(app, found.access))
        project = _ask(oauth_account.project(app, found.access)) if whom.type in GOOGLE else ""
    except LoginFailed as error:
        raise NoCredential(
            f"{whom.provider}: the login failed: {error.message}",
            hint=f"try again: llmpool providers login {whom.provider}",
            details={"code": error.code},
        ) from None
    except UpstreamError as error:
        raise UpstreamFailed(f"{whom.provider}: the login failed: {error.failure.told}") from None
    kept = Login(
        provider=whom.provider,
        id="",
        type=whom.type,
        email=email,
        project=project,
        endpoint=app.api[0] if whom.type in KINDS and whom.type != "copilot" else "",
        scopes=app.scopes,
        store=store,
    )
    done = adopt(pool, kept, found, plaintext=wish.plaintext)
    _configure(pool, whom)
    return done


def adopt(pool: Pool, login: Login, found: Tokens, *, plaintext: bool = False) -> Login:
    """Keep an account with its tokens; one with the same e-mail at the same provider gets the new ones.

    Its id and its times are given here. When it fails, or is broken off, nothing of a new account is left,
    and nothing in a place where it was not kept before.
    A refresh under way is waited for: it would end the account anew, or put its own tokens over the new ones.
    """
    with accounts.at_rest(pool, login.provider):
        account = _adopted(pool, login, found, plaintext=plaintext)
    pool.forget()
    return account


def _adopted(pool: Pool, login: Login, found: Tokens, *, plaintext: bool) -> Login:
    """Keep an account with its tokens, while nobody else changes it."""
    now, state = pool.clock(), pool.paths.state
    known = next(
        (old for old in logins.of(state, login.provider) if old.email and old.email == login.email), None
    )
    account = login.replace(
        id=known.id if known else new_id(), created_at=known.created_at if known else now, refreshable=False
    )
    if known:
        tokens.forget(state, known.provider, (known.id,))
        _awake(pool, known)
    try:
        account = accounts.put(pool, account, found, plaintext=plaintext)
        gone = logins.keep(state, account)
    except BaseException:  # which may come behind the keeping
        there = logins.one(state, login.provider, account.id)
        if there is None or there.store != account.store:
            accounts.drop(pool, [account.replace(refreshable=bool(found.refresh), passing=False)])
        elif known and known.store != account.store:
            accounts.drop(pool, [known])
        raise
    if known and known.store != account.store:
        accounts.drop(pool, [known])
    elif known and known.refreshable and not account.refreshable:
        accounts.drop(pool, [known.replace(passing=True)])  # no logout would find its refresh token
    accounts.drop(pool, gone)
    return account


def _awake(pool: Pool, known: Login) -> None:
    """End the rest of an account that was refused before it was logged in to again."""
    from llmpool.router.cooldown import of_key
    from llmpool.state import health

    health.wake(pool.paths.state, of_key(known.provider, known.id))


def logout(pool: Pool, name: str, who: str = "") -> list[Login]:
    """Forget the accounts of a provider, or the one that *who* names by id or e-mail, and their tokens.

    Nobody else is told: the tokens themselves stay good until they end, or are revoked where they are from.
    """
    provider = find(pool, name).provider
    known = logins.of(pool.paths.state, provider)
    if not known:
        raise UnknownName(f"{provider}: nobody is logged in")
    chosen = [login for login in known if not who or who in (login.id, login.email)]
    if not chosen:
        names = [accounts.named(login) for login in known]
        raise UnknownName(
            f'{provider}: no account is called "{who}"',
            hint=f"there is: {', '.join(names)}",
            details={"candidates": names},
        )
    gone = accounts.end(pool, provider, [login.id for login in chosen])
    pool.forget()
    return gone


def find(pool: Pool, name: str) -> Whom:
    """Find whom *name* means: a provider, a type of login that one provider has, or a preset with one."""
    having = {entry["id"]: entry["oauth"] for entry in pool.routing["providers"]}
    if having.get(name):
        return Whom(name, having[name])
    if name in having:
        raise Misuse(
            f"{name} is no provider to log in to; it takes keys", hint=f"llmpool providers show {name}"
        )
    preset = find_preset(name)
    kind = preset.oauth if preset else name if name in KINDS else ""
    if not kind:
        able = [row.id for row in presets().values() if row.oauth]
        error = unknown_provider(name, [*(each for each, oauth in having.items() if oauth), *able])
        asked = meant(near(name, [*able, *KINDS]))
        hint = f"{asked}   to log in to: {', '.join(able)}".strip()
        raise UnknownName(error.message, hint=hint, details=error.details)
    mine = [each for each, oauth in having.items() if oauth == kind]
    if len(mine) > 1:
        raise UnknownName(
            f'several providers log in with "{kind}"', hint=", ".join(mine), details={"candidates": mine}
        )
    fresh = preset.id if preset else next(row.id for row in presets().values() if row.oauth == kind)
    return Whom(mine[0], kind) if mine else Whom(fresh, kind, fresh)


def new_id() -> str:
    """Make the id of an account."""
    return logins.ID + os.urandom(8).hex()


def _by_device(app: Application, wish: Wish) -> bool:
    """Say whether a code is typed in elsewhere, rather than a browser coming back to this machine."""
    if wish.device and not app.device_url:
        raise Misuse(
            f"{app.type} has no login by a code",
            hint=f"leave out --device;  far from a browser: ssh -L {app.port}:127.0.0.1:{app.port} HOST",
        )
    return wish.device or not app.path


def _by_code(pool: Pool, app: Application, manners: Manners) -> Tokens:
    """Log in through a browser that comes back to a port of this machine."""
    random = os.urandom(oauth_code.VERIFIER_BYTES + oauth_code.STATE_BYTES)
    pending = oauth_code.begin(app, random, pool.clock())

    def wrong(params: Any) -> str:
        try:
            oauth_code.code_of(pending, params, pool.clock())
        except LoginFailed as error:
            return error.message
        return ""

    with Listener(app.port, app.path, wrong) as listener:
        return _drive(oauth_code.code_login(app, pending, pool.clock), manners, listener)


def _drive(flow: oauth.Login, manners: Manners, listener: Listener | None = None) -> Tokens:
    """Do what *flow* asks for, step by step, and return what it gave."""
    with ExitStack() as stack:
        client = stack.enter_context(Client())
        try:
            step = next(flow)
            while True:
                try:
                    came = _done(step, client, manners, listener)
                except UpstreamError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(came)
        except StopIteration as end:
            found: Tokens = end.value
            return found


def _done(step: oauth.Step, client: Client, manners: Manners, listener: Listener | None) -> Any:
    if isinstance(step, Show):
        return manners.show(step)
    if isinstance(step, Wait):
        return manners.sleep(step.seconds)
    if isinstance(step, Return):
        return _awaited(step.seconds, listener, manners) if listener else None
    return client.send(step)


def _awaited(seconds: float, listener: Listener, manners: Manners) -> dict[str, str] | None:
    """Wait for the browser, saying how long there is still; a signal gets through between two looks."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        manners.left(left)
        came = listener.wait(min(LOOK, left))
        if came is not None:
            return came
    return None


def _ask(flow: Any) -> str:
    with Client() as client:
        return str(client.run(flow, within=2 * oauth.SECONDS))


def _store(pool: Pool, wish: Wish) -> str:
    """Settle where tokens will lie: the keyring where there is one, else the key file, if that may be."""
    from llmpool.auth import keyfile, secrets

    if wish.keep not in ("", keystore.KEYRING, keystore.FILE):
        raise Misuse(f'--keep "{wish.keep}" is no place', hint="one of: keyring, file")
    if wish.keep != keystore.FILE:
        try:
            secrets.read_key(_PROBE, "login", pool.env, pool.paths.secrets)
        except UnusableCredential:
            if wish.keep:
                raise
        except NoCredential:
            return keystore.KEYRING
        else:
            return keystore.KEYRING
    path = pool.paths.secrets
    keyfile.allow(path, keyfile.read(path), keystore.state_box(pool), plaintext=wish.plaintext)
    return keystore.FILE


def _configure(pool: Pool, whom: Whom) -> None:
    """Put the provider into the config, or enable it, where it is not so already."""
    if whom.preset:
        configfile.change(pool, lambda text: edit.with_provider(text, whom.provider, {}))
    elif not pool.provider(whom.provider).enabled:
        path = ("providers", whom.provider, "enabled")
        configfile.change(pool, lambda text: edit.with_value(text, path, True))


def emails(known: Iterable[Login]) -> str:
    """Name accounts in a line."""
    return ", ".join(map(accounts.named, known))
