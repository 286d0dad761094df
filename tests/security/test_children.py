"""Programs that llmpool starts: a pager, an editor, what prints a key, the embedded server, an installer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from llmpool.auth.program import first_line, for_others
from llmpool.embedded import package, server
from tests.fakes.server import FakeServer
from tests.planted import planted, shown_in
from tests.support import Home, finish, provider

OWN = {
    "LLMPOOL_STATE_KEY": planted("state key", ""),
    "LLMPOOL_TRIAL_LICENSE": planted("licence", ""),
    "LLMPOOL_OAUTH_CODEX_CLIENT_SECRET": planted("client secret", ""),
}
THEIRS = {
    "OPENAI_API_KEY": planted("openai"),
    "HF_TOKEN": planted("hf", "hf_"),
    "DB_PASSWORD": planted("db", ""),
}
SPY = """#!{python}
import os, sys
with open({report!r}, "a") as report:
    report.write("\\0".join([*sys.argv, "", *(f"{{n}}={{v}}" for n, v in os.environ.items()), ""]))
    report.write(open("/proc/%d/cmdline" % os.getppid()).read())
{then}
"""

on_linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")


def spy(home: Home, name: str, then: str = "sys.stdin.read()") -> tuple[Path, Path]:
    """Write a program that reports its words, its variables and its parent's words; return both files."""
    path, report = home.dir / "bin" / name, home.dir / f"{name}.report"
    path.parent.mkdir(exist_ok=True)
    path.write_text(SPY.format(python=sys.executable, report=str(report), then=then))
    path.chmod(0o755)
    return path, report


def told(report: Path) -> list[str]:
    """Name our own secrets in a report."""
    content = report.read_bytes()
    assert b"PATH=" in content  # or it tells of nothing
    return [name for name, value in OWN.items() if name.encode() in content or shown_in(content, [value])]


def test_what_is_only_ours_is_passed_on_to_nobody() -> None:
    """State key, licence and client secrets stay; what a password manager may need is passed on."""
    assert for_others(OWN | THEIRS | {"LLMPOOL_CONFIG": "x"}) == THEIRS | {"LLMPOOL_CONFIG": "x"}


@on_linux
def test_a_pager_gets_none_of_our_secrets(home: Home) -> None:
    """On a real terminal: the text on its stdin, and no state key in its variables or words."""
    pager, report = spy(home, "pager")
    home.write_config()
    child = home.terminal("providers", "presets", height=5, env=OWN | {"PAGER": str(pager)})
    assert finish(child).code == 0
    assert told(report) == []


@on_linux
@pytest.mark.parametrize("line", [("config", "edit"), ("chat", "-i")])
def test_an_editor_gets_none_of_our_secrets(home: Home, line: tuple[str, ...]) -> None:
    """Likewise whoever edits the config or a question."""
    editor, report = spy(home, "editor", "")
    with FakeServer(["m"]) as sky:
        home.write_config(provider("sky", sky.url))
        home.here("refresh")
        child = home.terminal(*line, env=OWN | {"VISUAL": str(editor)})
        if line[-1] == "-i":
            child.expect("> ")
            child.sendline("/edit")
            child.expect("> ")
            child.sendline("/exit")
        assert finish(child).code == 0
    assert told(report) == []


@on_linux
def test_what_prints_a_key_gets_words_as_they_are_and_no_shell(home: Home) -> None:
    """A command in the config is a list of words: nothing in them is an order, and no shell reads them."""
    program, report = spy(home, "pass", "print('sk-x')")
    words = [str(program), "a b", "$(touch pwned)", "`touch pwned`", ";touch pwned", "*", "~", "--", "'\"\n"]
    env = dict(home.env) | OWN | {"OP_SESSION": "for the program"}
    assert first_line(words, env, "x") == "sk-x"
    assert report.read_bytes().split(b"\0")[1:9] == [word.encode() for word in words[1:]]
    assert told(report) == []
    assert b"OP_SESSION=for the program" in report.read_bytes()
    assert not (home.cwd / "pwned").exists()


def test_a_command_for_a_key_is_a_list_of_words(home: Home) -> None:
    """One text, which a shell would have to split, is refused."""
    home.write_config('[providers.sky]\nurl = "http://127.0.0.1:9/v1"\nkey = { command = "echo $(id)" }')
    checked = home.here("config", "check")
    assert (checked.code, "command" in checked.out + checked.err) == (4, True)


def test_the_embedded_server_and_an_installer_get_nobodys_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their names: what holds a secret is passed on to neither; an installer keeps its own index."""
    index = "https://me:hunter2@index.example/simple"
    odd = {"LC_API_KEY": "of a name", "CUDA_TOKEN": "that begins as others do"}
    for name, value in (OWN | THEIRS | odd | {"PIP_INDEX_URL": index}).items():
        monkeypatch.setenv(name, value)
    given = server._environment()
    assert sorted(set(given) & (set(OWN) | set(THEIRS) | set(odd) | {"PIP_INDEX_URL"})) == []
    given = package._environment()
    assert sorted(set(given) & (set(OWN) | set(THEIRS))) == []
    assert given["PIP_INDEX_URL"] == index


TRAPS = ("httpx", "tomllib", "typer", "rich", "keyring", "secrets", "platformdirs", "sitecustomize",
         "usercustomize", "llmpool/__init__", "json/__init__", "fastjsonschema")  # fmt: skip


def test_nothing_in_a_directory_is_run_or_read_because_one_is_in_it(home: Home) -> None:
    """In a clone of somebody else's: modules, config, state, `.env` and keyring settings there are left."""
    for name in TRAPS:
        path = home.cwd / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"open({str(home.dir / 'pwned')!r}, 'a').write({name!r})\n")
    with FakeServer(["m"], text="mine") as sky, FakeServer(["m"], text="stolen") as thief:
        home.write_config(provider("sky", sky.url, key={"env": "K"}))
        theirs = f'[providers.sky]\nurl = "{thief.url}"\nformat = "openai"\nkey = {{ env = "K" }}\n'
        for name in ("config.toml", "llmpool.toml", ".llmpool.toml", ".llmpool/config.toml",
                     ".config/llmpool/config.toml", "llmpool/config.toml"):  # fmt: skip
            (home.cwd / name).parent.mkdir(parents=True, exist_ok=True)
            (home.cwd / name).write_text(theirs)
        (home.cwd / ".env").write_text(
            f"LLMPOOL_CONFIG=config.toml\nOPENAI_BASE_URL={thief.url}\nHTTP_PROXY=x\n"
        )
        (home.cwd / "keyringrc.cfg").write_text("[backend]\nkeyring-path=.\ndefault-keyring=secrets.X\n")
        (home.cwd / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
        script = home.dir / "bin/llmpool"  # what pip installs: its own directory is searched, not this one
        script.parent.mkdir()
        script.write_text(
            f"#!{sys.executable}\nimport sys\nfrom llmpool.__main__ import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        import subprocess

        env = home.env | {"K": planted("k"), "XDG_CONFIG_HOME": ".config", "XDG_STATE_HOME": "."}
        asked = [script, "chat", "--no-stdin", "-m", "sky/m", "--force", "hi"]
        ran = subprocess.run(
            asked, cwd=home.cwd, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert (ran.returncode, ran.stdout) == (0, "mine\n"), ran.stderr
        assert thief.requests == []
    assert not (home.dir / "pwned").exists(), (home.dir / "pwned").read_text()
    assert not [name for name in os.listdir(home.cwd) if name.endswith((".json", ".lock", ".jsonl"))]


def test_relative_directories_of_the_desktop_are_ignored(home: Home) -> None:
    """An XDG variable that is no absolute path would mean another place in each directory."""
    bare = {"LLMPOOL_CONFIG": None, "LLMPOOL_STATE_DIR": None}
    told = home.here("config", "path", "--json", env=bare | {"XDG_CONFIG_HOME": "c", "XDG_STATE_HOME": "./s"})
    assert Path(told.json["config"]).is_relative_to(home.dir / ".config")
    assert Path(told.json["state"]).is_relative_to(home.dir / ".local/state")
