"""What keeps secrets on a session bus, reduced to what is asked of it before a password is.

`python -m tests.fakes.secret_service KIND LOG` is such a program: `locked` waits for ever for somebody to
unlock it, `empty` has no collection yet, `closed` is a wallet nobody has opened. It writes down every call.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jeepney import HeaderFields, Message, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

READY = "ready"
NAMES = {
    "locked": "org.freedesktop.secrets",
    "empty": "org.freedesktop.secrets",
    "closed": "org.kde.kwalletd5",
}
NO_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
ANSWERS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "Label": ("v", (("s", "Login"),)),
    "Locked": ("v", (("b", True),)),
    "Unlock": ("aoo", ([], "/org/freedesktop/secrets/prompt/u1")),
    "Prompt": ("", ()),
    "networkWallet": ("s", ("kdewallet",)),
    "isOpen": ("b", (False,)),
}


def answer(kind: str, call: Message) -> tuple[str, Message]:
    """Return what was asked for, and the answer."""
    name = str(call.header.fields[HeaderFields.member])
    asked = str(call.body[1]) if name == "Get" else name
    if kind == "empty" or asked not in ANSWERS:
        return asked, new_error(call, NO_OBJECT)
    return asked, new_method_return(call, *ANSWERS[asked])


def main(kind: str, log: Path) -> None:
    """Answer until ended."""
    bus = open_dbus_connection()
    bus.send_and_get_reply(message_bus.RequestName(NAMES[kind]))
    with log.open("a", buffering=1) as out:
        out.write(f"{READY}\n")
        while True:
            call = bus.receive()
            if call.header.message_type is MessageType.method_call:
                asked, message = answer(kind, call)
                out.write(f"{asked}\n")
                bus.send(message)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
