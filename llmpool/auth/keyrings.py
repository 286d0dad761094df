"""The system's keyring, and the only import of it: what is kept for the service llmpool.

It is asked in a thread, for it can wait for ever: for a window that nobody sees, or a program that hangs.
Off a terminal it is given five seconds; on one as long as it takes, and after two seconds it is said what is
waited for. Off a desktop nothing is started and no password asked for (`session_bus`).

The library chooses silently, so its choice is judged before it is used: files in plain text that some package
brought along are refused unless LLMPOOL_PLAINTEXT_KEYRING says they may be used, and one that chains several
is taken apart. Of what it raises only the type is told; its words may hold anything.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from llmpool.auth import session_bus
from llmpool.errors import NoCredential, UnusableCredential

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend as Place

SERVICE = "llmpool"
SECONDS = 5.0  # off a terminal
NOTICE_SECONDS = 2.0
PLAINTEXT = "LLMPOOL_PLAINTEXT_KEYRING"
CHOICE = "PYTHON_KEYRING_BACKEND"
WINDOWS_BYTES = 2560  # of UTF-16 that its Credential Manager keeps: 1,280 characters
ELSEWHERE = (
    "keep the key in a variable, a program or secrets.json; "
    "what works without a desktop: llmpool doctor --cron"
)
_IN_FILES = ("keyrings.alt.", "keyrings.cryptfile.")
_TRIAL = "trial of the keyring"  # no provider has such a name
_SAME = 8  # entries of one name; other programs may have put theirs beside ours

_asking = threading.Lock()  # held while the library looks around, and by whoever may be prompted
_silent: list[threading.Thread] = []  # those that had no answer in time, or were not waited for any longer
_noticed: list[str] = []

Job = Callable[[Sequence["Place"]], Any]


def read(user: str) -> str:
    """Return what the keyring holds for *user*, which is `PROVIDER/LABEL` or a name of ours.

    Raises NoCredential where it holds nothing, UnusableCredential where it cannot be asked.
    """
    value = _asked(user, lambda places: next(_answers(partial(_taken, user), places), ""))
    if not value:
        from llmpool.core.word import word

        provider, _, label = user.partition("/")
        fact = f'{provider}: the keyring holds no key "{label}"' if label else f"the keyring holds no {user}"
        hint = f"llmpool providers keys replace {provider} {word(label)}" if label else ""
        raise NoCredential(fact, hint=hint)
    return str(value)


def put(user: str, text: str) -> None:
    """Keep *text* for *user*; it is read back, for a keyring that forgets would be found out too late.

    Raises UnusableCredential where it is not kept.
    """
    if not _asked(user, lambda places: _kept(places[0], user, text)):
        raise UnusableCredential(_told(user, "the keyring did not keep it"), hint=ELSEWHERE)


def drop(user: str) -> bool:
    """Forget what is kept for *user*; say whether there was anything. Raises UnusableCredential."""
    return any(_asked(user, lambda places: list(_answers(partial(_dropped, user), places))))


def _taken(user: str, place: Place) -> str | None:
    return place.get_password(SERVICE, user)


def _kept(place: Place, user: str, text: str) -> bool:
    """Write *text*; where an entry of another program is found instead, once more in its place."""
    _refuse_prompt(place)
    _refuse_long(place, text)
    place.set_password(SERVICE, user, text)
    if place.get_password(SERVICE, user) == text:
        return True
    if not _keeps(place):
        return False  # what is there may be the key that this one was to replace
    _dropped(user, place)
    place.set_password(SERVICE, user, text)
    return place.get_password(SERVICE, user) == text


def _keeps(place: Place) -> bool:
    """Try whether a keyring keeps anything, with a name that nobody needs."""
    place.set_password(SERVICE, _TRIAL, _TRIAL)
    kept = bool(place.get_password(SERVICE, _TRIAL) == _TRIAL)
    if kept:
        place.delete_password(SERVICE, _TRIAL)
    return kept


def _dropped(user: str, place: Place) -> bool:
    """Forget every entry of the name, for the next would be found from now on."""
    for times in range(_SAME):
        if place.get_password(SERVICE, user) is None:
            return times > 0
        try:
            place.delete_password(SERVICE, user)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises
            raise UnusableCredential(
                f"the keyring did not let go of it ({type(error).__name__})",
                hint=f"delete it there: service {SERVICE}, user {user}",
            ) from None
    return True


def _answers(ask: Callable[[Place], Any], places: Sequence[Place]) -> Iterator[Any]:
    """Yield what the keyrings hold, each asked in its turn; a fault counts where none holds it."""
    faults: list[UnusableCredential] = []
    found = False
    for place in places:
        try:
            _refuse_prompt(place)
            value = ask(place)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises
            faults.append(_fault(error))
            continue
        if value:
            found = True
            yield value
    if faults and not found:
        raise faults[0]


def _asked(user: str, job: Job) -> Any:
    """Do *job* in a thread, and wait for it as long as is right."""
    answers: SimpleQueue[Any] = SimpleQueue()
    thread = threading.Thread(target=lambda: answers.put(_done(job)), daemon=True)
    attended = session_bus.is_attended()
    if any(each.is_alive() for each in _silent):
        raise _no_answer(user)  # or every key in it would be waited for, by what cleans up behind Ctrl-C too
    thread.start()
    try:
        answer = _awaited(answers, user) if attended else answers.get(timeout=SECONDS)
    except Empty:
        _silent.append(thread)
        raise _no_answer(user) from None
    except (KeyboardInterrupt, SystemExit):
        _silent.append(thread)
        raise
    if isinstance(answer, NoCredential):
        raise type(answer)(_told(user, answer.message), hint=answer.hint)
    return answer


def _no_answer(user: str) -> UnusableCredential:
    fact = "the keyring did not answer" + ("" if session_bus.is_attended() else f" in {SECONDS:g} s")
    hint = f"it may be locked: unlock it on the desktop;  or {ELSEWHERE}"
    return UnusableCredential(_told(user, fact), hint=hint)


def _awaited(answers: SimpleQueue[Any], user: str) -> Any:
    """Wait without end for somebody to answer a prompt, and say so; in slices, or Ctrl-C would wait too."""
    with suppress(Empty):
        return answers.get(timeout=NOTICE_SECONDS)
    if not _noticed:
        fact = "waiting for the keyring, which may ask for its password in a window; Ctrl-C ends it"
        _noticed.append(user)
        dumb = os.environ.get("TERM") == "dumb"
        clear = "\r\x1b[K" if sys.stderr.isatty() and not dumb else ""  # a line of progress may stand there
        sys.stderr.write(f"{clear}{_told(user, fact)}\n")
        sys.stderr.flush()
    while True:
        with suppress(Empty):
            return answers.get(timeout=0.5)


def _done(job: Job) -> Any:
    """Do *job* with the keyrings that may be used; return its answer, or the fault."""
    try:
        places = _places()
        with _asking if session_bus.may_prompt() else nullcontext():
            return job(places)
    except BaseException as error:  # noqa: BLE001 - a thread that ended without a word would be waited for
        return _fault(error)


def _places() -> list[Place]:
    """Return the keyrings to use, in order; raises UnusableCredential when there is none."""
    with _asking, session_bus.left_alone():
        found = _found()
    usable = [place for place in found if _objection(place) is None]
    if not usable:
        raise (_objection(found[0]) if found else None) or _none_here()
    return usable


def _found() -> list[Place]:
    """Let the library choose, and take apart what chains several."""
    try:
        import logging

        import keyring
    except ImportError:
        raise UnusableCredential(
            "the library keyring is not installed", hint="install it again: llmpool doctor"
        ) from None
    logging.getLogger("keyring").setLevel(logging.CRITICAL)  # it would tell of broken plugins on stderr
    try:
        chosen = keyring.get_keyring()
        return list(getattr(chosen, "backends", [chosen]))
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises
        raise UnusableCredential(
            f"the keyring that {_chooser()} names cannot be used here ({type(error).__name__})",
            hint=f"choose another one there;  or {ELSEWHERE}",
        ) from None


def _chooser() -> str:
    return CHOICE if os.environ.get(CHOICE) else "keyringrc.cfg"


def _objection(place: Place) -> UnusableCredential | None:
    """Say why a keyring is not to be used."""
    kind = type(place)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__ == "keyring.backends.fail":
        return _none_here()
    if kind.__module__ == "keyring.backends.null":
        return UnusableCredential(
            f"the keyring is switched off by {_chooser()}", hint=f"switch it on there;  or {ELSEWHERE}"
        )
    in_file = any(base.__module__.startswith(_IN_FILES) for base in kind.__mro__)
    if not (in_file or "plaintext" in name.lower()) or _is_allowed():
        return None
    what = "keeps keys in plain text" if "plaintext" in name.lower() else "is a file, and none of the system"
    hint = f"uninstall the package it came with, or allow it: export {PLAINTEXT}=1;  or {ELSEWHERE}"
    return UnusableCredential(f"the keyring in use ({name}) {what}, so it is refused", hint=hint)


def _is_allowed() -> bool:
    return os.environ.get(PLAINTEXT, "").strip().lower() in {"1", "true", "yes", "on"}


def _none_here() -> UnusableCredential:
    """Say that there is no keyring, and why."""
    why = "no program on the session bus keeps one"
    if os.environ.get(CHOICE):
        why = f"{CHOICE} says so"
    elif not session_bus.LINUX:
        why = "the system offers none"
    elif not os.environ.get(session_bus.ADDRESS):
        why = "no desktop, as in cron, over ssh and in containers"
    return UnusableCredential(f"there is no keyring here: {why}", hint=ELSEWHERE)


def _refuse_prompt(place: Place) -> None:
    """Raise where asking would ask for a password, and nobody is there to give it."""
    if not session_bus.may_prompt():
        session_bus.refuse_prompt(place)


def _refuse_long(place: Place, text: str) -> None:
    """Raise for what the keyring of Windows would refuse in words of its own."""
    units = len(text.encode("utf-16-le", "surrogatepass"))
    if type(place).__module__ == "keyring.backends.Windows" and units > WINDOWS_BYTES:
        most = WINDOWS_BYTES // 2
        raise UnusableCredential(
            f"a key of {units // 2:,} characters is too long for the keyring of Windows: {most:,}",
            hint="keep it in secrets.json: --keep file",
        )


def _fault(error: BaseException) -> UnusableCredential:
    """Say what an error of the library means, by its type alone."""
    if isinstance(error, UnusableCredential):
        return error
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"KeyringLocked", "LockedException", "PromptDismissedException"}:
        return UnusableCredential("the keyring is locked", hint=session_bus.unlocking())
    if "NoKeyringError" in names:
        return _none_here()
    fact = "cannot be opened" if "InitError" in names else "failed"
    return UnusableCredential(f"the keyring {fact} ({type(error).__name__})", hint=ELSEWHERE)


def _told(user: str, fact: str) -> str:
    """Put a fact in the words of the key it is about."""
    provider, slash, label = user.partition("/")
    return f'{provider}: {fact} (key "{label}")' if slash else f"{user}: {fact}"
