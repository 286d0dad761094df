"""Checks of keys: whether each can be had, here or where there is no desktop; the keys stay unseen."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from llmpool import credentials
from llmpool.auth import box, session_bus
from llmpool.auth.secrets import describe
from llmpool.core.provider import KeyRef, Provider
from llmpool.errors import NoCredential
from llmpool.pool import Pool
from llmpool.registry.readiness import OUT
from llmpool.setup import roster
from llmpool.setup.doctor_ask import Fault, ask, cron_environment, is_bare
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted, runnable

AREA = "keys"
_WHY_LOST = {
    "env": "variables of your shell are not handed on",
    "keyring": "the keyring is not open without a desktop",
    "file": "what opens secrets.json is not there",
}


class _Key(NamedTuple):
    """A key of a provider that takes part, and what is wrong with it; *variables* are those it needs."""

    provider: Provider
    ref: KeyRef
    fault: Fault = Fault()


def keys(case: Case, keyless: set[str]) -> Iterator[Finding]:
    """Say which keys cannot be had; the providers that will fail for it are put into *keyless*."""
    if case.pool is None:
        return
    providers = taking_part(case.pool)
    known: list[_Key] = []
    for provider in providers:
        try:
            refs = credentials.keys_of(provider, case.pool)
            known += [_Key(provider, credentials.where_kept(ref, provider, case.pool)) for ref in refs]
        except NoCredential as error:
            keyless.add(provider.id)
            yield _missing(provider, error, case)
    checked = _checked(case, known)
    for provider in providers:
        mine = [key for key in checked if key.provider.id == provider.id]
        if all(key.fault.message for key in mine):
            keyless.add(provider.id)
        yield from _told(case, mine)
        yield from _headers(case, provider)
    yield from _without_a_desktop(case, checked)


def taking_part(pool: Pool) -> list[Provider]:
    """List the providers that are enabled, and active by policy."""
    rows = roster.view(pool).rows
    return [pool.provider(row["id"]) for row in rows if row["state"] not in OUT]


def _missing(provider: Provider, error: NoCredential, case: Case) -> Finding:
    """Tell of a provider that needs a key and has none to try."""
    severity = WARNING if provider.optional else ERROR
    fact = error.message.removeprefix(f"{provider.id}: ")
    also = ", here or in cron" if case.bare and not is_bare(case.env) else ""
    mend = error.hint.partition("    ")[0] if error.hint.startswith("export") else runnable(error.hint)
    page = f"; get one: {provider.key_page}" if provider.key_page else ""
    return Finding(severity, AREA, provider.id, f"{fact}{also}: its calls will fail{page}", mend)


def _checked(case: Case, known: list[_Key]) -> list[_Key]:
    """Ask for every key, as cron would where that is wanted; variables need no asking."""
    env = cron_environment(case.env) if case.bare else case.env
    asked = [key for key in known if key.ref.source != "env"]
    faults = iter(ask([(key.provider.id, key.ref) for key in asked], case.paths.secrets, env))
    return [
        key._replace(fault=_of_variable(key, env) if key.ref.source == "env" else next(faults))
        for key in known
    ]


def _of_variable(key: _Key, env: Mapping[str, str]) -> Fault:
    if key.ref is credentials.NO_KEY or env.get(key.ref.env, "").strip():
        return Fault()
    return Fault(f"{key.ref.env} is not set", f"export {key.ref.env}=...")


def _told(case: Case, mine: list[_Key]) -> Iterator[Finding]:
    """Tell of the faulty keys of one provider; as an error when none is left."""
    faulty = [key for key in mine if key.fault.message]
    none_left = len(faulty) == len(mine)
    for key in faulty:
        severity = ERROR if none_left and not key.provider.optional else WARNING
        ending = "" if not none_left else ": its calls will fail" + (" in cron" if case.bare else "")
        yield Finding(severity, AREA, key.provider.id, f"{_fact(case, key)}{ending}", _mend(case, key))


def _fact(case: Case, key: _Key) -> str:
    """Say what is wrong with a key, and that it is right here where only cron has no way to it."""
    ref, told = key.ref, key.fault.message.removeprefix(f"{key.provider.id}: ")
    if ref.source == "env" and case.bare and case.env.get(ref.env, "").strip():
        return f'key "{ref.label}": {ref.env} is set here, but cron hands on no variables'
    return told if ref.label in told else f'key "{ref.label}": {told}'


def _mend(case: Case, key: _Key) -> str:
    """Return the command that lets a key be had."""
    ref, hint = key.ref, key.fault.hint
    if hint.startswith("chmod"):
        return hint
    if "is not a key file" in key.fault.message:
        return quoted("mv", case.paths.secrets, f"{case.paths.secrets}.bad")
    if case.bare and not is_bare(case.env):
        return _mend_for_cron(case, key)
    if hint.startswith("export"):
        return hint
    if ref.source == "command":
        return "llmpool config edit" if "cannot be run" in key.fault.message else quoted(*ref.command)
    if ref.source == "keyring":
        return _mend_of_keyring(key)
    return runnable(hint) or quoted("llmpool", "providers", "show", key.provider.id)


def _mend_of_keyring(key: _Key) -> str:
    """Return how a key comes into the keyring, how that is opened, or where the key can be kept instead."""
    id_, fact = key.provider.id, key.fault.message
    if "holds no key" in fact:
        return _replace(key, "--keep", "keyring")
    if "locked" in fact or "closed" in fact or "did not answer" in fact:
        by_window = session_bus.may_prompt() or not session_bus.LINUX
        return quoted("llmpool", "providers", "verify", id_) if by_window else session_bus.UNLOCK
    return _replace(key, "--keep", "file")


def _mend_for_cron(case: Case, key: _Key) -> str:
    """Return what brings a key to where there is no desktop: a file of its own, or a command's full path."""
    ref, provider = key.ref, key.provider
    if ref.source == "file":
        return _mend_for_cron_of_file(case, key)
    full = shutil.which(ref.command[0], path=case.env.get("PATH")) if ref.command else None
    if "cannot be run" in key.fault.message and full != ref.command[0]:
        return _use_command(key, full, *ref.command[1:]) if full else "llmpool config edit"
    if not _is_here(case, key):
        return _replace(key, "--keep", "file")
    if ref.source == "env":
        printed = quoted("printenv", ref.env)
    elif ref.source == "keyring":
        printed = _from_keyring(f"{provider.id}/{ref.label}")
    else:
        printed = quoted(*ref.command)
    name = provider.id if len(provider.keys) < 2 else f"{provider.id}-{ref.label}"
    file = case.paths.secrets.with_name(re.sub(r"[^\w.-]", "_", name) + ".key")
    return f"{_into_file(printed, file)} && {_use_command(key, '/bin/cat', str(file))}"


def _is_here(case: Case, key: _Key) -> bool:
    """Say whether a key that cron has not is to be had where the doctor is; programs are not run again."""
    if key.ref.source == "env":
        return bool(case.env.get(key.ref.env, "").strip())
    if key.ref.source == "keyring":
        return not ask([(key.provider.id, key.ref)], case.paths.secrets, case.env)[0].message
    return True


def _mend_for_cron_of_file(case: Case, key: _Key) -> str:
    """Return what lets secrets.json be opened in cron: its state key in a file, which is noted in it."""
    if "state key" not in key.fault.message:
        return runnable(key.fault.hint) or _replace(key)
    file = case.env.get(box.FILE_VARIABLE, "")
    if not file and case.env.get(box.VARIABLE):
        return "crontab -e"
    noted = file or str(case.paths.secrets.with_name("state.key"))
    use = quoted("llmpool", "providers", "keys", "encrypt", "--state-key-file", noted)
    return use if file else f"{_into_file(_from_keyring(box.KEYRING_USER), Path(noted))} && {use}"


def _from_keyring(user: str) -> str:
    return quoted(sys.executable, "-m", "keyring", "get", "llmpool", user)


def _into_file(printed: str, file: Path) -> str:
    return f"(umask 077; {printed} > {quoted(file)})"


def _use_command(key: _Key, *words: str) -> str:
    return _replace(key, "--command", quoted(*words), "--no-verify")


def _replace(key: _Key, *how: str) -> str:
    """Return the command that puts another key, or the same from elsewhere, in the place of one."""
    if key.provider.oauth:
        return quoted("llmpool", "providers", "login", key.provider.id)
    if key.provider.keys:
        return quoted("llmpool", "providers", "keys", "replace", key.provider.id, key.ref.label, *how)
    how = tuple(word for word in how if word != "--no-verify")  # a preset's variable gives way to a key
    return quoted("llmpool", "providers", "keys", "add", key.provider.id, *how)


def _headers(case: Case, provider: Provider) -> Iterator[Finding]:
    """Look for the variables that headers are kept in."""
    env = cron_environment(case.env) if case.bare else case.env
    for header, variable in provider.header_env:
        if not env.get(variable, "").strip():
            here = " in cron" if case.bare and case.env.get(variable) else ""
            fact = f"{variable} is not set{here} (header {header}): its calls will fail{here}"
            severity = WARNING if provider.optional else ERROR
            yield Finding(severity, AREA, provider.id, fact, f"export {variable}=...")


def _without_a_desktop(case: Case, checked: list[_Key]) -> Iterator[Finding]:
    """Say once who has no key in cron, where variables and the keyring are not."""
    if case.bare or is_bare(case.env):
        return
    had = [key for key in checked if not key.fault.message]
    lost = _lost_without(case, had)
    kept = {key.provider.id for key in had if key not in lost}
    named = {key.provider.id: describe(key.ref) for key in lost if key.provider.id not in kept}
    if named:
        told = ", ".join(f"{name} ({source})" for name, source in sorted(named.items()))
        sources = {key.ref.source for key in lost if key.provider.id in named}
        why = " and ".join(_WHY_LOST[source] for source in _WHY_LOST if source in sources)
        yield Finding(NOTE, AREA, "cron", f"has no key for {told}: {why}", "llmpool doctor --cron")


def _lost_without(case: Case, had: list[_Key]) -> list[_Key]:
    """Return the keys that are here, but not where there is no desktop.

    Keyrings are asked, and key files, whose state key may be in one; programs only by `--cron`, for they may
    ask for a passphrase.
    """
    env = cron_environment(case.env)
    asked = [key for key in had if key.ref.source in ("keyring", "file")]
    faults = ask([(key.provider.id, key.ref) for key in asked], case.paths.secrets, env)
    lost = [key for key, fault in zip(asked, faults, strict=True) if fault.message]
    return lost + [key for key in had if key.ref.source == "env" and key.ref is not credentials.NO_KEY]
