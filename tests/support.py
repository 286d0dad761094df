"""What every test of the program stands on: an isolated home to run it in, and what came of the run."""

from __future__ import annotations

import json
import os
import re
import signal
import site
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import llmpool
from tests.streams import Streams

CODE = Path(llmpool.__file__).resolve().parents[1]  # where the llmpool under test lives
CLOSED_PROXY = "http://127.0.0.1:9"  # the discard port: nothing listens, so nothing gets out
PLANTED_KEY = "sk-planted-0123456789abcdefghijklmnop"  # masked wherever a Result is shown
SHOWN = 4000  # characters of each stream in a failed assertion

_KEY_LIKE = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}")
_PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS")
_FOREIGN = re.compile(
    r"LLMPOOL_\w*|_LLMPOOL_\w*|XDG_\w+|\w+_API_KEY|\w+_TOKEN|\w+_BASE_URL|\w+_API_BASE|OLLAMA_\w+|LMSTUDIO_\w+"
    r"|\w+_PROXY|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|PAGER|EDITOR|VISUAL|COLUMNS|LINES|TERM|LC_\w+|LANGUAGE",
    re.IGNORECASE,
)


def is_foreign(name: str) -> bool:
    """Whether the variable *name* of the developer's machine could sway a test."""
    return _FOREIGN.fullmatch(name) is not None


def isolated(home: Path) -> dict[str, str]:
    """Return the variables of a person who lives in *home*, has no keyring and can reach loopback only."""
    proxies = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    } | dict.fromkeys(proxies, CLOSED_PROXY)


def python_environment(home: Path) -> dict[str, str]:
    """Return a whole environment for a child: isolated, and running the llmpool this process imports."""
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | isolated(home)
    if str(CODE) not in site.getsitepackages():  # an installed copy is found by itself
        env["PYTHONPATH"] = str(CODE)
    return env


class Result(NamedTuple):
    """How a run of the program ended: its exit code and both streams as text."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; anything beside it fails the test."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"stdout is not one JSON document ({error}): {self!r}") from None

    @property
    def documents(self) -> list[Any]:
        """The JSON documents on stdout, one a line, as `--batch` prints them."""
        try:
            return [json.loads(line) for line in self.out.splitlines()]
        except ValueError as error:
            raise AssertionError(f"stdout is not one JSON document a line ({error}): {self!r}") from None

    @property
    def error(self) -> Any:
        """The error document: the last line of stderr, where `--json` puts it (DESIGN 3.2)."""
        lines = self.err.splitlines()
        try:
            return json.loads(lines[-1])["error"]
        except (IndexError, ValueError, KeyError, TypeError) as error:
            raise AssertionError(f"stderr does not end in a JSON error ({error!r}): {self!r}") from None

    def shows(self, text: str) -> bool:
        """Whether either stream contains *text*; asked this way, a failing test does not repeat it."""
        return text in self.out or text in self.err

    def __repr__(self) -> str:
        shown = f"exit {self.code}\n--- stdout\n{self.out[:SHOWN]}\n--- stderr\n{self.err[-SHOWN:]}"
        return _KEY_LIKE.sub("sk-(masked)", shown)


class Home:
    """A person's home with a config and a state of its own; `pool` runs the program in it."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.config = directory / "config.toml"
        self.state = directory / "state"
        self.cwd = directory / "cwd"
        self.cwd.mkdir(parents=True, exist_ok=True)
        self.env = python_environment(directory) | {
            "LLMPOOL_CONFIG": str(self.config),
            "LLMPOOL_STATE_DIR": str(self.state),
        }
        self._children: list[Any] = []

    def write_config(self, *parts: str) -> None:
        """Write `config.toml` out of *parts*, in order; top-level keys come before tables."""
        self.config.write_text("\n".join(parts) + "\n", encoding="utf-8")

    def pool(
        self,
        *args: str,
        stdin: str | bytes | None = None,
        env: Mapping[str, str | None] | None = None,
        timeout: float = 60,
        cwd: Path | None = None,
    ) -> Result:
        """Run `llmpool` *args* to its end; stdin is empty unless given, a variable of None is unset."""
        text = stdin.encode() if isinstance(stdin, str) else stdin
        source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
        done = subprocess.run(
            self._command(args),
            capture_output=True,
            timeout=timeout,
            env=self._environment(env),
            cwd=cwd or self.cwd,
            check=False,
            **source,
        )
        return Result(done.returncode, _text(done.stdout), _text(done.stderr))

    def here(
        self, *args: str, stdin: str | bytes | None = None, env: Mapping[str, str | None] | None = None
    ) -> Result:
        """Run `llmpool` *args* in this process, in a tenth of the time that `pool` takes.

        For what a run reads, writes and says. What it loads, how it starts and ends, signals, races and
        terminals want a process: `pool`, `start` and `terminal`.
        """
        import typer.main

        from llmpool.cli.app import run

        before = Path.cwd()
        with (
            Streams(stdin) as streams,
            mock.patch.dict(os.environ, self._environment(env), clear=True),
            mock.patch.object(typer.main, "get_command", partial(_assembled, typer.main.get_command)),
        ):
            os.chdir(self.cwd)
            try:
                code = run(list(args))
            except SystemExit as ended:
                code = int(ended.code or 0)
            finally:
                os.chdir(before)
            return Result(code, _text(streams.read("stdout")), _text(streams.read("stderr")))

    def start(
        self,
        *args: str,
        stdin: int = subprocess.DEVNULL,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Start `llmpool` *args* and leave it running, for signals, pipes and races."""
        child = subprocess.Popen(
            self._command(args),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
            env=self._environment(env),
            cwd=cwd or self.cwd,
        )
        self._children.append(child)
        return child

    def terminal(
        self,
        *args: str,
        width: int = 100,
        height: int = 40,
        env: Mapping[str, str | None] | None = None,
        timeout: float = 60,
    ) -> Any:
        """Start `llmpool` *args* on a terminal of its own and return the pexpect child."""
        import pexpect  # type: ignore[import-untyped]

        command, *rest = self._command(args)
        child = pexpect.spawn(
            command,
            rest,
            env=self._environment({"TERM": "xterm-256color", **(env or {})}),
            cwd=str(self.cwd),
            dimensions=(height, width),
            timeout=timeout,
            encoding="utf-8",
            codec_errors="backslashreplace",
        )
        self._children.append(child)
        return child

    def files_with(self, text: str) -> list[str]:
        """Name the files under this home that contain *text*: where a secret went, or did not."""
        wanted = text.encode()
        files = sorted(path for path in self.dir.rglob("*") if path.is_file())
        return [str(path.relative_to(self.dir)) for path in files if wanted in path.read_bytes()]

    def close(self) -> None:
        """End what `start` and `terminal` left running."""
        for child in self._children:
            if isinstance(child, subprocess.Popen):
                _end(child)
            else:
                child.close(force=True)

    def _command(self, args: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "llmpool", *args]

    def _environment(self, changes: Mapping[str, str | None] | None) -> dict[str, str]:
        merged: dict[str, str | None] = {**self.env, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}


_commands: dict[Any, Any] = {}  # by the app that makes them


def _assembled(assemble: Callable[[Any], Any], app: Any) -> Any:
    """Put a command together once in this process and not for each run, of which it is half the time."""
    if app not in _commands:
        _commands[app] = assemble(app)
    command = copy(_commands[app])
    if hasattr(command, "commands"):
        command.commands = dict(command.commands)  # the root puts real ones in the place of its stubs
    return command


def finish(child: Any) -> Result:
    """Read a terminal child to its end; both streams are one there, line ends are plain."""
    import pexpect

    child.expect(pexpect.EOF)
    child.close()
    code = child.exitstatus if child.exitstatus is not None else -child.signalstatus
    return Result(code, child.before.replace("\r\n", "\n"), "")


def end_of(
    child: subprocess.Popen[str], *, send: signal.Signals | None = None, timeout: float = 60
) -> Result:
    """Send a signal to a started child, if one is named, and wait for what came of it."""
    if send is not None:
        child.send_signal(send)
    out, err = child.communicate(timeout=timeout)
    return Result(child.returncode, out, err)


def provider(id: str, url: str, **fields: Any) -> str:  # noqa: A002 - the field's own name
    """Write a `[providers.ID]` table: openai and local unless *fields* say otherwise (None: left out)."""
    return f"[providers.{json.dumps(id)}]\n" + _lines(
        {"format": "openai", "url": url, "location": "local"} | fields
    )


def model(id: str, **fields: Any) -> str:  # noqa: A002 - the field's own name
    """Write a `[[models]]` table with these *fields*."""
    return "[[models]]\n" + _lines({"id": id} | fields)


def toml(value: Any) -> str:
    """Write *value* as TOML on one line; JSON's strings, numbers and booleans are TOML's too."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def closed_port() -> int:
    """Return a loopback port where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until *true* returns so, or fail."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)


def _lines(fields: Mapping[str, Any]) -> str:
    return "".join(f"{json.dumps(k)} = {toml(v)}\n" for k, v in fields.items() if v is not None)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="backslashreplace")


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.kill()
    child.communicate(timeout=10)
