"""`providers env`: another tool gets address and key through a shell, and a screen gets neither."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tomllib

import pytest

from llmpool.setup import env_exports
from tests.support import PLANTED_KEY, Home, model, provider

ODD = 'sk-it\'s \\ $HOME `x` "q"'


def write(home: Home) -> None:
    """Configure a gateway, Anthropic itself, a box, and a key that a shell would take apart."""
    home.env |= {"KEY": PLANTED_KEY, "ODD": ODD}
    home.write_config(
        provider("gate", "http://127.0.0.1:9/v1/chat/completions", format="openai", key={"env": "KEY"}),
        provider("odd", "http://127.0.0.1:9", format="openai", key={"env": "ODD"}),
        provider("claude", "http://127.0.0.1:9/anthropic/v1", format="anthropic", key={"env": "KEY"}),
        '[providers.anthropic]\nkey = { env = "KEY" }',
        provider("den", "http://127.0.0.1:11434", preset="ollama"),
        model("den/qwen3:8b", aliases=["small"]),
        model("claude/opus"),
        model("gate/gpt-9"),
    )


def test_each_tool_is_given_its_own_names(home: Home) -> None:
    """Base, key and model under the names that the tool reads, the base without what the tool appends."""
    write(home)
    gate = home.here("providers", "env", "gate", "--shell", "bash")
    assert (
        gate.out == f"export OPENAI_BASE_URL='http://127.0.0.1:9/v1'\nexport OPENAI_API_KEY='{PLANTED_KEY}'\n"
    )
    aider = home.here("providers", "env", "gate", "--for", "aider").out
    assert "OPENAI_API_BASE='http://127.0.0.1:9/v1'" in aider
    claude = home.here("providers", "env", "claude", "--for", "claude-code").out.splitlines()
    assert claude == [
        "export ANTHROPIC_BASE_URL='http://127.0.0.1:9/anthropic'",
        f"export ANTHROPIC_AUTH_TOKEN='{PLANTED_KEY}'",
        "unset ANTHROPIC_API_KEY",
    ]
    own = home.here("providers", "env", "anthropic", "--for", "claude-code").out.splitlines()
    assert own == [
        "export ANTHROPIC_BASE_URL='https://api.anthropic.com'",
        f"export ANTHROPIC_API_KEY='{PLANTED_KEY}'",
        "unset ANTHROPIC_AUTH_TOKEN",
    ]
    box = home.here("providers", "env", "den", "--for", "aider", "-m", "small").out.splitlines()
    assert box == [
        "export OPENAI_API_BASE='http://127.0.0.1:11434/v1'",
        "export OPENAI_API_KEY='none'",
        "export AIDER_MODEL='openai/qwen3:8b'",
    ] or box == [
        "export OLLAMA_API_BASE='http://127.0.0.1:11434'",
        "export AIDER_MODEL='ollama_chat/qwen3:8b'",
    ]


def variables(home: Home, *args: str) -> dict[str, str]:
    """Return what `providers env` exports, as a POSIX shell would read it."""
    result = home.here("providers", "env", *args, "--shell", "zsh")
    assert result.code == 0, result.err
    pairs = [shlex.split(line)[1].partition("=") for line in result.out.splitlines() if line[:6] == "export"]
    return {name: value for name, _, value in pairs}


def test_tools_that_want_more_than_an_address(home: Home) -> None:
    """Goose parts the address, aichat and goose are told which client it is, Qwen Code which model."""
    write(home)
    assert variables(home, "gate", "--for", "goose", "-m", "gpt-9") == {
        "OPENAI_HOST": "http://127.0.0.1:9",
        "OPENAI_BASE_PATH": "v1/chat/completions",
        "OPENAI_API_KEY": PLANTED_KEY,
        "GOOSE_PROVIDER": "openai",
        "GOOSE_MODEL": "gpt-9",
    }
    assert variables(home, "claude", "--for", "aichat") == {
        "CLAUDE_API_BASE": "http://127.0.0.1:9/anthropic/v1",
        "CLAUDE_API_KEY": PLANTED_KEY,
        "AICHAT_PLATFORM": "claude",
    }
    assert variables(home, "gate", "--for", "qwen-code", "-m", "gpt-9")["OPENAI_MODEL"] == "gpt-9"


def test_codex_is_started_with_its_provider(home: Home) -> None:
    """Codex reads no address from a variable: the note is the command, and the key is in no OpenAI variable.

    Else the key of a gateway would go to api.openai.com.
    """
    write(home)
    result = home.here("providers", "env", "gate", "--for", "codex", "--shell", "bash")
    assert result.out == f"export LLMPOOL_KEY='{PLANTED_KEY}'\n"
    command = shlex.split(result.err.partition("start it so: ")[2])
    assert command[:4] == ["codex", "-c", "model_provider=llmpool", "-c"]
    assert tomllib.loads(command[4])["model_providers"]["llmpool"] == {
        "name": "gate",
        "base_url": "http://127.0.0.1:9/v1",
        "env_key": "LLMPOOL_KEY",
        "wire_api": "responses",
    }
    assert PLANTED_KEY not in result.err


def test_opencode_is_given_a_whole_config(home: Home) -> None:
    """Its config names the models it may use and the variable of the key, and never holds the key itself."""
    write(home)
    found = variables(home, "claude", "--for", "opencode", "-m", "opus")
    assert found["LLMPOOL_KEY"] == PLANTED_KEY
    assert json.loads(found["OPENCODE_CONFIG_CONTENT"]) == {
        "provider": {
            "llmpool": {
                "npm": "@ai-sdk/anthropic",
                "name": "claude",
                "options": {"baseURL": "http://127.0.0.1:9/anthropic/v1", "apiKey": "{env:LLMPOOL_KEY}"},
                "models": {"opus": {}},
            }
        },
        "model": "llmpool/opus",
    }
    listed = json.loads(variables(home, "den", "--for", "opencode")["OPENCODE_CONFIG_CONTENT"])
    assert listed["provider"]["llmpool"]["models"] == {"qwen3:8b": {}}
    nothing = home.here("providers", "env", "odd", "--for", "opencode")
    assert (nothing.code, "which models odd has" in nothing.err) == (2, True)


def test_what_cannot_be_is_refused_in_words(home: Home) -> None:
    """A tool that speaks none of the formats, a tool or shell nobody knows, a model it does not carry."""
    write(home)
    none = home.here("providers", "env", "gate", "--for", "claude-code")
    assert (none.code, none.out) == (8, "")
    assert "claude-code speaks anthropic, gate speaks openai" in none.err
    assert home.here("providers", "env", "gate", "--for", "emacs").code == 2
    assert home.here("providers", "env", "gate", "--shell", "csh").code == 2
    assert home.here("providers", "env", "gate", "--for", "aider", "-m", "nothing").code == 3
    assert home.here("providers", "env", "nobody").code == 3
    missing = home.here("providers", "env", "gate", env={"KEY": ""})
    assert (missing.code, missing.out) == (5, "")


@pytest.mark.parametrize(
    ("shell", "program"),
    [
        ("bash", ["bash", "-c", 'eval "$1"; printf %s "$OPENAI_API_KEY"', "-"]),
        ("bash", ["zsh", "-fc", 'eval "$1"; printf %s "$OPENAI_API_KEY"', "-"]),
        ("fish", ["fish", "-c", "echo $argv[1] | source; printf %s $OPENAI_API_KEY"]),
    ],
    ids=["bash", "zsh", "fish"],
)
def test_a_real_shell_takes_it_up_unchanged(home: Home, shell: str, program: list[str]) -> None:
    """Quotes, backslashes, dollars and backticks of a key arrive as they are, and run nothing."""
    if shutil.which(program[0]) is None:
        pytest.skip(f"no {program[0]} here")
    write(home)
    printed = home.here("providers", "env", "odd", "--shell", shell)
    assert printed.code == 0, printed.err
    done = subprocess.run([*program, printed.out], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == ODD


def test_powershell_ends_a_text_at_any_single_quote() -> None:
    """Curly ones too; a server names its models as it likes, and the lines are run."""
    name, written = "it's \u2018a\u2019; calc", "it''s \u2018\u2018a\u2019\u2019; calc"
    made = [env_exports.Export("M", name)]
    assert env_exports.lines(made, "powershell") == [f"$env:M = '{written}'"]


def test_a_screen_is_shown_no_key_unasked(home: Home) -> None:
    """On a terminal the way to use it is told instead; `--reveal` is the owner's word."""
    write(home)
    child = home.terminal("providers", "env", "gate", "--for", "aider")
    told = child.read()
    child.close()
    assert child.exitstatus == 2
    assert PLANTED_KEY not in told
    assert 'eval "$(llmpool providers env gate --for aider)"' in told
    child = home.terminal("providers", "env", "gate", "--reveal")
    assert PLANTED_KEY in child.read()
