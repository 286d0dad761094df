"""Variables of the environment: options, keys, proxies, the terminal, and the line that a shell completes."""

from __future__ import annotations

import os
import zlib

from tests.fuzz import bytewise
from tests.fuzz.command_targets import ended, some
from tests.fuzz.golden import KEY, golden
from tests.fuzz.promise import Target

VARIABLES = {  # each with what it may well be; none of them names a program that is run
    "LLMPOOL_OFFLINE": ("1", "false"),
    "LLMPOOL_LOCAL_ONLY": ("1", "0"),
    "LLMPOOL_MODE": ("local", "cloud"),
    "LLMPOOL_NEEDS": ("tools images", "json"),
    "LLMPOOL_GROUP": ("family", "x"),
    "LLMPOOL_MIN_QUALITY": ("5", "-1"),
    "LLMPOOL_CONTEXT_SIZE": ("32k", "9"),
    "LLMPOOL_EXCLUDE": ("den/small sky", "*"),
    "LLMPOOL_STATE_KEY": ("A" * 43 + "=", "word"),
    "LLMPOOL_STATE_KEY_FILE": ("no-file", "."),
    "LLMPOOL_TRIAL_LICENSE": ("eyJraWQiOiJ0MSJ9." + "A" * 86, "x"),
    "LLMPOOL_OAUTH_CODEX_CLIENT_ID": ("mine", "a b"),
    "SKY_KEY": (KEY, f"  {KEY}\n"),
    "OPENAI_API_KEY": (KEY, "sk-"),
    "OPENAI_BASE_URL": ("https://x.test/v1", "http://["),
    "OLLAMA_HOST": ("127.0.0.1:9", "0.0.0.0"),
    "https_proxy": ("http://127.0.0.1:9", "socks5://u:p@x:1"),
    "all_proxy": ("127.0.0.1:9", "x://"),
    "no_proxy": ("*", "127.0.0.1,.x"),
    "SSL_CERT_FILE": ("no-file", "/dev/null"),
    "COLUMNS": ("80", "0"),
    "LINES": ("24", "-1"),
    "TERM": ("xterm-256color", "dumb"),
    "NO_COLOR": ("1", ""),
    "LANG": ("de_DE.UTF-8", "C"),
    "LC_ALL": ("C.UTF-8", "POSIX"),
    "TZ": ("Europe/Berlin", ":UTC"),
    "SHELL": ("/bin/zsh", "fish"),
    "PYTHON_KEYRING_BACKEND": ("keyring.backends.null.Keyring", "x.y"),
}
COMMANDS = (
    ("models", "list"),
    ("models", "list", "--json"),
    ("route", "hello", "--json"),
    ("route", "hello"),
    ("chat", "-m", "sky/big", "hello", "--max-wait", "1s"),
    ("chat", "hello", "--json", "--max-wait", "1s"),
    ("refresh", "sky"),
    ("usage", "summary", "--by", "day"),
    ("usage", "list"),
    ("doctor",),
    ("doctor", "--cron", "--json"),
    ("providers", "show", "sky"),
    ("providers", "env", "sky"),
    ("providers", "import"),
    ("providers", "keys", "list"),
    ("providers", "trial", "status", "--json"),
    ("providers", "login", "codex", "--no-browser"),
    ("policy", "budget", "list", "--json"),
    ("config", "show", "--json"),
    ("init", "--dry-run"),
)
LINES = (
    b"llmpool\x1fmodels\x1fshow\x1f",
    b"llmpool chat -m 'den/sm",
    b"llmpool\x1froute\x1f--model=\x1f",
    b"llmpool policy set ",
)


def surrounded(content: bytes) -> None:
    """Run a command where a variable says what the document does."""
    name, _, value = os.fsdecode(content.replace(b"\0", b"")).partition("=")
    if name not in VARIABLES:
        name = list(VARIABLES)[zlib.crc32(content) % len(VARIABLES)]
    home = golden()
    home.restore()
    ended(home, some(content, COMMANDS, 1)[0], env={name: value[:6000]})


def completed(content: bytes) -> None:
    """Complete a line, at a place that may be none; nothing is said on stderr, into the prompt."""
    line, _, place = os.fsdecode(content.replace(b"\0", b"")).rpartition("@")
    home = golden()
    home.restore()
    for shell in ("bash", "zsh", "fish"):
        variables = {"_LLMPOOL_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": place}
        done = home.run(env=variables)
        assert not done.err, done
        assert done.code == 0 or not place.isdecimal(), done


def _variables() -> list[bytes]:
    return [f"{name}={value}".encode() for name, values in VARIABLES.items() for value in values]


TARGETS = [
    Target("words-variables", _variables, bytewise.mutated, surrounded),
    Target("words-completed", lambda: [line + b"@3" for line in LINES], bytewise.mutated, completed),
]
