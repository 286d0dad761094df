"""From an OAuth account to what a call needs: a token that is still good, had once for all processes.

A token is refreshed a minute ahead of its end, when it is asked for, by whoever has the turn; whoever waited
looks again before it asks. A server that refuses for good ends the account; anything else leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import NamedTuple, TypeVar

from llmpool.auth import oauth, oauth_account, oauth_client, oauth_copilot
from llmpool.auth.oauth import Application, LoginFailed, Tokens
from llmpool.auth.oauth_kinds import COPILOT
from llmpool.core.ids import key_digest
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.wire import Answer, Call
from llmpool.errors import Busy, LlmpoolError, NoCredential, UnusableCredential
from llmpool.pool import Pool
from llmpool.state import jsonfile, logins, owed, tokens
from llmpool.state.lock import undisturbed
from llmpool.state.logins import Login
from llmpool.state.tokens import ACCESS, EXCHANGED, Passing

T = TypeVar("T")
SOURCE = "account"
_NO_SEAT = "does this account have Copilot, and is it a GitHub token? llmpool providers login github-copilot"


class Access(NamedTuple):
    """A token, and where the account says that calls go, and for which project; its repr hides it."""

    token: str
    url: str = ""
    project: str = ""

    def __repr__(self) -> str:
        return f"Access({self.url!r})"


def refs(provider: Provider, pool: Pool) -> list[KeyRef]:
    """List the accounts of *provider* as keys, in the order to try them; raises NoCredential without any."""
    found = [KeyRef(label=login.id, source=SOURCE) for login in logins.of(pool.paths.state, provider.id)]
    if not found:
        raise NoCredential(
            f"{provider.id}: nobody is logged in", hint=f"llmpool providers login {provider.id}"
        )
    return found


def where_kept(key: KeyRef, provider: Provider, pool: Pool) -> KeyRef:
    """Return the reference to what an account is kept alive by: its refresh token, else its access token."""
    login = logins.one(pool.paths.state, provider.id, key.label)
    if login is None:
        return key
    label = _refresh_label(login) if login.refreshable and not login.borrowed else login.id
    return KeyRef(label=label, source=login.store)


def resolve(key: KeyRef, provider: Provider, pool: Pool) -> Access:
    """Return what calls with an account are made with; of another key, what that is changed for.

    A key of a Copilot provider may be the GitHub token that some other tool has, such as `gh auth token`.
    Raises NoCredential.
    """
    if key.source == SOURCE:
        login = logins.one(pool.paths.state, provider.id, key.label)
        if login is None:
            raise _ended(provider.id, key.label, "it is not there any more")
        return _of(login, pool)
    from llmpool.auth import secrets

    secret = secrets.read_key(key, provider.id, pool.env, pool.paths.secrets)
    elsewhere = not provider.needs_key  # at an address of the owner's a key is nobody else's to see
    if provider.oauth != COPILOT or elsewhere or oauth_copilot.is_exchanged(secret):
        return Access(secret)
    label = f"{key.label}#{key_digest(secret)[:12]}"  # of this very token, which may be replaced by another
    found = _exchanged_already(provider.id, label, pool)
    if found:
        return found
    with _turn(provider.id, pool):
        return _exchanged_already(provider.id, label, pool) or _exchange(provider.id, label, secret, pool)


def application(pool: Pool, kind: str, *, needed: bool = True) -> Application:
    """Return the owner's client of this type; raises NoCredential where it is *needed* and not there."""
    table = dict(dict(pool.config.oauth).get(kind, ()))
    return oauth_client.application(kind, table, pool.env, pool.paths.secrets, needed=needed)


def send(pool: Pool, flow: Generator[Call, Answer, T], what: str) -> T:
    """Send what *flow* asks for; a network that fails is told as a credential that cannot be had now."""
    from llmpool.net.client import Client

    with Client(offline=pool.offline) as client:
        try:
            return client.run(flow, within=2 * oauth.SECONDS)
        except UpstreamError as error:
            raise UnusableCredential(f"{what}: {error.failure.told}", hint="try again later") from None


def named(login: Login) -> str:
    """Name an account as people know it."""
    return login.email or login.id


def put(pool: Pool, login: Login, found: Tokens, *, plaintext: bool = False) -> Login:
    """Put the tokens of an account where it keeps them, and return it as it is then; raises LlmpoolError.

    A token that lives under an hour, and can be refreshed, lies in the state directory.
    """
    now = pool.clock()
    if not found.access:  # there is only what it is had with, so it is had with the first call
        found = found._replace(expires_at=now)
    refreshable = login.refreshable or bool(found.refresh)
    passing = refreshable and 0 < found.expires_at <= now + tokens.MOST_SECONDS - 1
    if found.refresh:
        _write(pool, login, _refresh_label(login), found.refresh, plaintext=plaintext)
    if passing and found.access:
        place = (login.provider, login.id, ACCESS)
        tokens.keep(pool.paths.state, place, Passing(found.access, found.expires_at), now)
    elif found.access:
        _write(pool, login, login.id, found.access, plaintext=plaintext)
    return login.replace(
        expires_at=found.expires_at, refreshable=refreshable, passing=passing, updated_at=now
    )


def drop(pool: Pool, gone: list[Login]) -> None:
    """Take the tokens of accounts out of wherever they are; what cannot be taken out is told at the end."""
    from llmpool.auth import keyfile, secrets

    for login in gone:
        whose = f"of {named(login)} is left behind"
        passing = partial(tokens.forget, pool.paths.state, login.provider, (login.id,))
        pool.owe(f"a token that passes {whose}", passing)
        for label in (login.id, *((_refresh_label(login),) if login.refreshable else ())):
            if label == login.id and login.passing:
                continue
            out: Callable[[], object] = partial(secrets.forget_in_keyring, login.provider, label)
            if login.store == "file":
                place = (pool.paths.secrets, login.provider, label)
                out = partial(keyfile.drop, *place, update=jsonfile.update)
            pool.owe(f"{'a' if label == login.id else 'the refresh'} token {whose}", out)


@contextmanager
def at_rest(pool: Pool, provider: str) -> Iterator[None]:
    """Change accounts of *provider* while nobody refreshes one: what that brings, or ends, is of before.

    A refresh that takes too long is not waited for any longer.
    """
    with ExitStack() as held:
        with suppress(Busy):
            held.enter_context(tokens.turn(pool.paths.state, provider))
        yield


def end(pool: Pool, provider: str, names: Iterable[str]) -> list[Login]:
    """Forget accounts of *provider* and their tokens; return those that were there."""
    with at_rest(pool, provider):
        gone = logins.forget(pool.paths.state, provider, names)
        drop(pool, gone)
    return gone


def _of(login: Login, pool: Pool) -> Access:
    found = _ready(login, pool)
    if found:
        return found
    with _turn(login.provider, pool):
        if pool.owed:  # what this run has refreshed before, and could not keep
            pool.owed.pay()
        again = logins.one(pool.paths.state, login.provider, login.id)
        if again is None:
            raise _ended(login.provider, named(login), "another process found that it has")
        return _ready(again, pool) or _made_ready(again, pool)


def _ready(login: Login, pool: Pool) -> Access | None:
    """Return what is at hand, None where a server has to be asked first."""
    if login.type == COPILOT:
        return _exchanged_already(login.provider, login.id, pool)
    if oauth.is_expired(login.expires_at, pool.clock()):
        return None
    token = _kept(login, pool)
    return Access(token, login.endpoint, login.project) if token else None


def _kept(login: Login, pool: Pool) -> str:
    """Return the access token from where it is kept; empty where one that passes has been lost."""
    if login.passing:
        held = tokens.read(pool.paths.state).get((login.provider, login.id, ACCESS))
        return held.token if held else ""
    return _read(pool, login, login.id)


def _made_ready(login: Login, pool: Pool) -> Access:
    """Refresh what has to be, and change it where that is how its calls are made; with the turn to do so."""
    token = "" if oauth.is_expired(login.expires_at, pool.clock()) else _kept(login, pool)
    token = token or _refresh(login, pool)
    if login.type != COPILOT:
        return Access(token, login.endpoint, login.project)
    try:
        return _exchange(login.provider, login.id, token, pool)
    except _Over as over:
        raise _prune(login, pool, str(over)) from None


def _refresh(login: Login, pool: Pool) -> str:
    """Refresh an account's token and keep it; a refusal for good ends the account."""
    what = f"{login.provider}: the login of {named(login)}"
    if login.borrowed:
        raise UnusableCredential(
            f"{what} has expired; it is another tool's, which alone refreshes it",
            hint=f"use that tool once and import again, or: llmpool providers login {login.provider}",
        )
    if not login.refreshable:
        raise _prune(login, pool, "it has expired")
    unkept = f"{what} is refreshed, but not kept"
    if pool.owed and unkept in pool.owed:  # a server that takes each token once would end the login
        raise UnusableCredential(unkept, hint="make room where keys and state are kept")
    app = application(pool, login.type)
    old = _read(pool, login, _refresh_label(login))
    if login.store == "file":
        owed.check_writable(pool.paths.secrets)  # a server may take the old one back with the new one
    try:
        with undisturbed():  # or the new one is lost with its answer
            found = send(
                pool, oauth_account.refreshed(app, old, pool.clock), f"{what} cannot be refreshed now"
            )
            fresh = found._replace(refresh="") if found.refresh == old else found
            pool.owe(unkept, partial(_keep, pool, login, fresh))
    except LoginFailed as error:
        if error.ends:
            raise _prune(login, pool, error.message) from None
        raise UnusableCredential(
            f"{what} cannot be refreshed now: {error.message}", hint="try again later"
        ) from None
    return found.access


def _keep(pool: Pool, login: Login, fresh: Tokens) -> None:
    """Keep what a refresh has brought: the refresh token first, without which the login is over."""
    kept = put(pool, login, fresh)
    names = ("expires_at", "passing", "refreshable", "updated_at")
    changed = {name: getattr(kept, name) for name in names}
    logins.change_one(pool.paths.state, login.provider, login.id, **changed)


def _exchanged_already(provider: str, label: str, pool: Pool) -> Access | None:
    held = tokens.read(pool.paths.state).get((provider, label, EXCHANGED))
    if held is None or pool.clock() > held.expires_at - oauth_copilot.MARGIN:
        return None
    return Access(held.token, held.url)


class _Over(Exception):
    """The token that was to be changed is refused for good; the text says why."""


def _exchange(provider: str, label: str, github: str, pool: Pool) -> Access:
    """Change a GitHub token for one that calls are made with, and keep that."""
    app = application(pool, COPILOT, needed=False)
    what = f"{provider}: copilot token exchange"
    try:
        found = send(pool, oauth_copilot.exchanged(app, github, pool.clock), what)
    except LoginFailed as error:
        if error.ends and "#" not in label:
            raise _Over(error.message) from None
        raise UnusableCredential(f"{what}: {error.message}", hint=_NO_SEAT) from None
    held, place = Passing(found.token, found.expires_at, found.url), (provider, label, EXCHANGED)
    if 0 < found.expires_at - pool.clock() <= tokens.MOST_SECONDS:
        try:
            tokens.keep(pool.paths.state, place, held, pool.clock())
        except LlmpoolError as error:
            pool.warnings.append(f"{what} is not kept: {error.message}")
    return Access(found.token, found.url)


def _prune(login: Login, pool: Pool, why: str) -> NoCredential:
    """End an account whose tokens are of no more use, and return the error that says so."""
    drop(pool, logins.forget(pool.paths.state, login.provider, (login.id,)))
    error = _ended(login.provider, named(login), why)
    pool.warnings.append(f"{error.message}; log in again: {error.hint}")
    return error


def _ended(provider: str, who: str, why: str) -> NoCredential:
    return NoCredential(
        f"{provider}: the login of {who} has ended ({why})", hint=f"llmpool providers login {provider}"
    )


@contextmanager
def _turn(provider: str, pool: Pool) -> Iterator[None]:
    """Have the turn to ask a server for tokens of *provider*."""
    with ExitStack() as held:
        try:
            held.enter_context(tokens.turn(pool.paths.state, provider))
        except Busy:
            raise UnusableCredential(
                f"{provider}: another llmpool process is refreshing its login, and takes too long",
                hint="try again when it has finished",
            ) from None
        yield


def _refresh_label(login: Login) -> str:
    return f"{login.id}.refresh"


def _read(pool: Pool, login: Login, label: str) -> str:
    from llmpool.auth import secrets

    ref = KeyRef(label=label, source=login.store)
    try:
        return secrets.read_key(ref, login.provider, pool.env, pool.paths.secrets)
    except UnusableCredential:
        raise
    except NoCredential:
        place = "the keyring" if login.store == "keyring" else pool.paths.secrets
        raise NoCredential(
            f"{login.provider}: the token of {named(login)} is not in {place} any more",
            hint=f"llmpool providers login {login.provider}",
        ) from None


def _write(pool: Pool, login: Login, label: str, token: str, *, plaintext: bool) -> None:
    from llmpool.auth import box, keyfile, secrets

    if login.store != "file":
        secrets.put_into_keyring(login.provider, label, token)
        return
    path = pool.paths.secrets
    found = box.find(pool.env, keyfile.read(path).state_key)
    write = partial(keyfile.put, box=found, update=jsonfile.update, plaintext=plaintext)
    write(path, login.provider, label, token)
