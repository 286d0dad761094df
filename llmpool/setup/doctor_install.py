"""Checks of the installation: Python, dependencies, the page, completion, and which llmpool is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from llmpool import __version__
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted

AREA = "install"
PYTHON = (3, 11)
# What pyproject.toml asks for; a test compares.
NEEDED = (
    "typer>=0.28,<0.29",
    "rich>=13.9",
    "httpx>=0.28,<0.29",
    "tomli-w>=1.1",
    "platformdirs>=4.3",
    "keyring>=25.5",
    "cryptography>=43",
    "fastjsonschema>=2.22.1",
)
_BOUND = re.compile(r"(>=|<)([0-9.]+)")
_COMPLETION = {
    "bash": ("~/.local/share/bash-completion/completions/llmpool", "~/.bashrc", "~/.bash_completion"),
    "zsh": ("~/.zshrc", "~/.zfunc/_llmpool"),
    "fish": ("~/.config/fish/completions/llmpool.fish", "~/.config/fish/config.fish"),
}
_SHARED = {
    "bash": "bash-completion/completions/llmpool",
    "zsh": "zsh/site-functions/_llmpool",
    "fish": "fish/vendor_completions.d/llmpool.fish",
}
_PASSED_ON = ("PATH", "HOME", "LANG", "MANPATH", "MANSECT", "SYSTEMROOT")  # to programs that are only tried
_SYSTEM = ("/usr", "/usr/local", "~/.local")
_INSTALL = {
    "bash": "mkdir -p ~/.local/share/bash-completion/completions && "
    "llmpool completion bash > ~/.local/share/bash-completion/completions/llmpool",
    "zsh": """echo 'eval "$(llmpool completion zsh)"' >> ~/.zshrc""",
    "fish": "mkdir -p ~/.config/fish/completions && "
    "llmpool completion fish > ~/.config/fish/completions/llmpool.fish",
}


def install(case: Case) -> Iterator[Finding]:
    """Look at everything that pip put there."""
    if sys.version_info[:2] < PYTHON:
        fact = f"llmpool needs Python {PYTHON[0]}.{PYTHON[1]} or newer; this is {sys.version.split()[0]}"
        yield Finding(ERROR, AREA, "Python", fact, "pipx reinstall llmpool --python python3.11")
    yield from _dependencies()
    if installed := _installed():  # else it is run from its sources, without any of what pip puts there
        yield from _copies(case.env, installed)
        yield from _page(case.env)
    yield from _completion(case.env)


def _dependencies() -> Iterator[Finding]:
    """Compare what is installed with what is asked for."""
    for wanted in NEEDED:
        name = re.split(r"[<>=]", wanted, maxsplit=1)[0]
        mend = quoted(sys.executable, "-m", "pip", "install", wanted)
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(ERROR, AREA, name, f"is not installed; llmpool needs {wanted}", mend)
            continue
        if not found:  # what an installation that was interrupted leaves behind
            yield Finding(ERROR, AREA, name, f"is only half installed; llmpool needs {wanted}", mend)
        elif not fits(found, wanted):
            fact = f"version {found} is installed; llmpool needs {wanted}"
            yield Finding(WARNING, AREA, name, fact, mend)


def fits(version: str, wanted: str) -> bool:
    """Say whether a version is within the bounds of a requirement such as `typer>=0.28,<0.29`."""
    found = _numbers(version)
    bounds = [(sign, _numbers(bound)) for sign, bound in _BOUND.findall(wanted)]
    return all(found >= bound if sign == ">=" else found < bound for sign, bound in bounds)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", re.split(r"[a-z+-]", version, maxsplit=1)[0])))


def _installed() -> str:
    """Return the version that pip installed; empty where it did not."""
    try:
        return metadata.version("llmpool")
    except metadata.PackageNotFoundError:
        return ""


def _copies(env: Mapping[str, str], installed: str) -> Iterator[Finding]:
    """Look whether the llmpool that a shell finds is this one."""
    if installed != __version__:
        fact = f"version {__version__} runs, but {installed} is what pip installed"
        yield Finding(
            WARNING, AREA, "llmpool", fact, quoted(sys.executable, "-m", "pip", "install", "-U", "llmpool")
        )
    found = shutil.which("llmpool", path=env.get("PATH"))
    if found and Path(found).resolve().parent.resolve() != Path(sys.executable).parent.resolve():
        fact = f"the shell finds {found}, which is not this one ({Path(sys.executable).parent})"
        yield Finding(NOTE, AREA, "llmpool", fact, "type -a llmpool")


def _page(env: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether `man llmpool` finds its page."""
    man = shutil.which("man", path=env.get("PATH"))
    if man is None or _runs([man, "-w", "llmpool"], env):
        return
    folder = Path(sys.prefix) / "share/man"
    if (folder / "man1/llmpool.1").exists():
        mend = f"export MANPATH={quoted(folder)}:"
        yield Finding(
            NOTE, AREA, "man page", f"man llmpool does not find its page, which is in {folder}", mend
        )
    else:
        fact = "man llmpool finds no page; the same is told by -h of each command"
        yield Finding(NOTE, AREA, "man page", fact, "llmpool -h")


def _runs(command: list[str], env: Mapping[str, str]) -> bool:
    """Say whether a small program ends well; one that cannot be run or hangs is not held against llmpool."""
    needed = {name: env[name] for name in _PASSED_ON if name in env}  # and no key
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=needed, timeout=3, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode == 0


def _completion(env: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the person's shell completes llmpool."""
    shell = Path(env.get("SHELL", "")).name
    if shell not in _COMPLETION:
        return
    home = env.get("HOME", "~")
    shared = [f"{place.replace('~', home)}/share/{_SHARED[shell]}" for place in _SYSTEM]
    own = [place.replace("~", home) for place in _COMPLETION[shell]]
    if not any(os.path.exists(place) for place in shared) and not any(map(_speaks_of_it, own)):  # noqa: PTH110
        fact = f"{shell} does not complete llmpool's commands and models"
        yield Finding(NOTE, AREA, "completion", fact, _INSTALL[shell])


def _speaks_of_it(place: str) -> bool:
    """Say whether a file has our completion, or has it made."""
    try:
        return b"llmpool" in Path(place).read_bytes()[: 1 << 20]
    except OSError:
        return False
