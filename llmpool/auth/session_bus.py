"""The session bus of a desktop, asked so that nothing is started and nobody is prompted.

The libraries behind keyring start what they miss: a session bus (libdbus and GLib, where none is named), the
program that keeps secrets (whoever calls its name), and a window that asks for its password. On a desktop,
with somebody there, that is as it should be; a run by cron has no business doing any of it, and one that
inherits the bus of the desktop would wait for that window for ever. So without a desktop the absent and the
locked are found out here, with questions that the bus and the unlocked answer by themselves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from llmpool.errors import UnusableCredential

LINUX = sys.platform not in ("win32", "cygwin", "darwin")
ADDRESS = "DBUS_SESSION_BUS_ADDRESS"
UNLOCK = "gnome-keyring-daemon --unlock"
SECRETS = "org.freedesktop.secrets"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_OF_SECRETS = ("keyring.backends.SecretService", "keyring.backends.libsecret")
_OF_WALLETS = "keyring.backends.kwallet"
_STARTS_A_BUS = ("dbus", "gi")
_STARTS_SECRETS = ("gi",)  # libsecret opens a session with its program only to see whether it may be used
_NOT_STARTED = "log in to the desktop, which starts it"


def is_attended() -> bool:
    """Say whether somebody may be there to answer: stdin or stderr is a terminal.

    Either will do: a key that is piped in is stored by somebody who sits there, and so is a diff summarised.
    """
    return any(
        stream is not None and not stream.closed and stream.isatty() for stream in (sys.stdin, sys.stderr)
    )


def may_prompt() -> bool:
    """Say whether a window may ask for a password: somebody is there, and has a display."""
    return is_attended() and (not LINUX or any(os.environ.get(name) for name in _DISPLAYS))


@contextmanager
def left_alone() -> Iterator[None]:
    """Hide the libraries that would start something here, while keyring looks for what there is.

    To import them is taken as their being missing, which keyring knows how to live with.
    """
    hidden: tuple[str, ...] = ()
    if LINUX and not os.environ.get(ADDRESS):
        hidden = _STARTS_A_BUS
    elif LINUX and not may_prompt():
        hidden = _STARTS_SECRETS
    hidden = tuple(name for name in hidden if name not in sys.modules)
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None means: cannot be imported
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def unlocking() -> str:
    """Tell how a locked keyring is unlocked here."""
    if not LINUX:
        return "unlock it" + (": security unlock-keychain" if sys.platform == "darwin" else "")
    return f"unlock it on the desktop;  without one: {UNLOCK}, which reads its password"


def refuse_prompt(place: Any) -> None:
    """Raise UnusableCredential where asking this keyring would start a program, or ask for a password."""
    module = type(place).__module__
    if LINUX and module in _OF_SECRETS:
        _refuse_locked_secrets()
    elif LINUX and module == _OF_WALLETS:
        _refuse_locked_wallet(place.bus_name, place.object_path)


def _refuse_locked_secrets() -> None:
    import secretstorage
    from secretstorage.exceptions import ItemNotFoundException

    with closing(secretstorage.dbus_init()) as bus:
        _refuse_absent(bus, SECRETS)
        try:
            locked = secretstorage.Collection(bus).is_locked()
        except ItemNotFoundException:
            raise UnusableCredential(
                "the keyring has no collection to keep keys in",
                hint="log in to the desktop once, which makes it",
            ) from None
    if locked:
        raise UnusableCredential("the keyring is locked", hint=unlocking())


def _refuse_locked_wallet(name: str, path: str) -> None:
    import secretstorage
    from jeepney import DBusAddress, new_method_call  # type: ignore[import-untyped]

    wallets = DBusAddress(path, bus_name=name, interface="org.kde.KWallet")
    with closing(secretstorage.dbus_init()) as bus:
        _refuse_absent(bus, name)
        (wallet,) = bus.send_and_get_reply(new_method_call(wallets, "networkWallet")).body
        (is_open,) = bus.send_and_get_reply(new_method_call(wallets, "isOpen", "s", (wallet,))).body
    if is_open is not True:
        raise UnusableCredential("the wallet is closed", hint="open it on the desktop")


def _refuse_absent(bus: Any, name: str) -> None:
    """Raise where no program goes by this name; to call one would start it."""
    from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]
    from jeepney.io.blocking import Proxy  # type: ignore[import-untyped]

    if not Proxy(message_bus, bus).NameHasOwner(name)[0]:
        raise UnusableCredential("no keyring runs on the session bus", hint=_NOT_STARTED)
