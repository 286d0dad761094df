"""Whether keys can be had, asked in a process of its own: without a terminal, and in any environment.

In a process without a terminal nothing can prompt, and what hangs can be ended. It is told which keys to read
on stdin, and answers with what went wrong with each; no key ever leaves it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.provider import KeyRef
from llmpool.core.record import plain
from llmpool.errors import NoCredential

PATIENCE = 45.0  # seconds: a command has ten, a keyring five, and eight are asked at a time
AT_A_TIME = 8
_START = "import sys; sys.path.insert(0, sys.argv[1]); from llmpool.setup.doctor_ask import main; main()"
_CRON = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
_KEPT_IN_CRON = ("HOME", "LOGNAME", "USER", "SYSTEMROOT", "TMPDIR")
_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")


class Fault(NamedTuple):
    """Why a key cannot be had, and the way out; both empty where it can."""

    message: str = ""
    hint: str = ""


def cron_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return what cron hands on: home and name, a short PATH, no desktop; where that is so already, *env*."""
    if is_bare(env):
        return dict(env)
    return {name: env[name] for name in _KEPT_IN_CRON if name in env} | _CRON


def is_bare(env: Mapping[str, str]) -> bool:
    """Say whether this is run as cron runs things."""
    return env.get("PATH") == _CRON["PATH"] and not any(env.get(name) for name in _DESKTOP)


def ask(keys: Sequence[tuple[str, KeyRef]], secrets: Path, env: Mapping[str, str]) -> list[Fault]:
    """Ask for *keys*, each with its provider's id, in the environment *env*; return a fault for each."""
    if not keys:
        return []
    wanted = {"secrets": str(secrets), "keys": [[provider, plain(ref)] for provider, ref in keys]}
    code = Path(__file__).resolve().parents[2]
    try:
        with subprocess.Popen(
            [sys.executable, "-P", "-c", _START, str(code)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            cwd="/" if sys.platform != "win32" else None,
            start_new_session=True,
        ) as process:
            return _answer(process, json.dumps(wanted).encode())
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired) as error:
        fact = f"the keys of {len(keys)} could not be asked for ({type(error).__name__})"
        return [Fault(fact)] * len(keys)


def _answer(process: subprocess.Popen[bytes], wanted: bytes) -> list[Fault]:
    """Talk to the process; when it is given up, what it has started ends with it."""
    try:
        answer, _ = process.communicate(wanted, timeout=PATIENCE)
    except BaseException:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
        raise
    return [Fault(*fault) for fault in json.loads(answer)]


def main() -> None:
    """Read what is asked for from stdin, and write the faults to stdout."""
    from concurrent.futures import ThreadPoolExecutor

    wanted = json.load(sys.stdin)
    secrets = Path(wanted["secrets"])
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        faults = list(threads.map(lambda key: _fault(key[0], key[1], secrets), wanted["keys"]))
    sys.stdout.write(json.dumps(faults))


def _fault(provider: str, fields: dict[str, Any], secrets: Path) -> Fault:
    from llmpool.auth.secrets import read_key

    ref = KeyRef(**fields | {"command": tuple(fields["command"])})
    try:
        read_key(ref, provider, os.environ, secrets)
    except NoCredential as error:
        return Fault(error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever a keyring's plugin raises; its words may hold anything
        return Fault(f'{provider}: key "{ref.label}" cannot be read ({type(error).__name__})')
    return Fault()
