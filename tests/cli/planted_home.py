"""A home with secrets of every kind in it, each where its owner keeps it, and servers that repeat them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import keyring
from keyring.backend import KeyringBackend

from tests import trials
from tests.fakes import answers, faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.oauth import FakeOAuth
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.planted import Search, planted
from tests.support import Home, closed_port, model, provider, toml

KEYS = {  # by where its owner keeps it
    "variable": planted("variable"),
    "preset's variable": planted("preset"),
    "command": planted("command"),
    "keyring": planted("keyring"),
    "file": planted("file"),
    "header": planted("header", ""),
    "licence": planted("licence"),
    "state key": planted("state key", ""),
    "passphrase": planted("passphrase", ""),
    "proxy": planted("proxy", ""),
    "client secret": planted("client secret", ""),
    "device code": planted("device code", ""),
    "access token": planted("access token", "gho_"),
    "refresh token": planted("refresh token", "ghr_"),
    "exchanged token": planted("exchanged token", "tid="),
    "piped": planted("piped"),
    "from a file": planted("from a file"),
    "typed": planted("typed"),
    "codex": planted("codex"),
    "codex login": planted("codex login", ""),
    "claude": planted("claude", "sk-ant-"),
    "aichat": planted("aichat"),
    "llm": planted("llm"),
    "cursor": planted("cursor"),
    "antigravity": planted("antigravity", ""),
    "dotenv": planted("dotenv"),
    "cc-switch": planted("cc-switch"),
    "zimaos": planted("zimaos"),
    "address": planted("address", ""),
    "broken": planted("broken"),
}
_STORED = ("keyring", "file", "licence", "client secret", "access token", "refresh token", "exchanged token",
           "piped", "from a file", "codex", "codex login", "claude", "aichat", "llm", "cursor", "antigravity",
           "dotenv", "cc-switch", "zimaos")  # fmt: skip
"""What llmpool itself is asked to keep; sealed it is in no file but the keyring's."""


_BAD = KEYS["broken"]
_SOUND = '[providers.sky]\nurl = "http://127.0.0.1:9/v1"\nformat = "openai"\n'
BROKEN = (
    f'{_SOUND}key = "{_BAD}"\n',
    f'{_SOUND}headers = {{ Authorization = "Bearer {_BAD}" }}\n',
    f'[providers.sky]\nurl = "https://someone:{_BAD}@h.example/v1"\n',
    f'{_SOUND}key = {{ env = "{_BAD}" }}\n',
    f"{_SOUND}key = {_BAD}\n",
    f'{_SOUND}api_key = "{_BAD}"\n{_BAD} = 1\n',
    f'[providers.{_BAD}]\nurl = "http://127.0.0.1:9/v1"\n[oauth.copilot]\nclient_secret = "{_BAD}"\n',
    f'default_model = "{_BAD}"\n[routing]\nmode = "{_BAD}"\nstrategy = "{_BAD}"\n',
    f'{_SOUND}key = {{ command = ["echo", "{_BAD}"] }}\nkeys = [{{ label = "{_BAD}", env = "A" }}]\n',
    f'{_SOUND}key = {{ env = "A" }}\nkey = "{_BAD}\n',
    f'{_SOUND}[oauth.codex]\nclient_id = "x"\nheaders = {{ X-Api-Key = "{_BAD[3:]}" }}\n',
)
"""Configs with a key where none belongs, one that a person might write."""


class KeptKeyring(KeyringBackend):
    """A keyring in memory."""

    priority = 1.0

    def __init__(self, passwords: dict[tuple[str, str], str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._passwords = passwords

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password, None when there is none."""
        return self._passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""
        self._passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""
        self._passwords.pop((service, username), None)


class Echo(FakeServer):
    """A server that repeats what it is sent, in every way that there is, once it is `hostile`."""

    hostile = False

    def _choose(self, exchange: Exchange) -> Behaviour:
        ordinary = super()._choose(exchange)
        if not self.hostile:
            return ordinary
        return _repeated(exchange.record, len(self.requests))


def _repeated(request: Request, number: int) -> Behaviour:
    """Repeat headers and body of *request*, in another way each time."""
    quoted = " ".join(request.headers.values())
    sent = request.body.decode(errors="replace")
    word = request.headers.get("authorization", quoted).rpartition(" ")[2]
    ways: tuple[Callable[[], Behaviour], ...] = (
        lambda: faults.status(401, body=answers.error(f"bad {quoted} in {sent}", code=word)),
        lambda: faults.status(400, body=f"plain words: {quoted} {sent}"),
        lambda: faults.redirect(f"http://{word}.example/?{word}"),
        lambda: faults.said(200, {"error": word, "error_description": f"{sent} {word}", "message": word}),
        lambda: faults.said(200, answers.listing(["m", word, f"x-{word}"])),
        lambda: faults.status(429, headers={"Retry-After": "0", "X-Key": word}, body={"detail": [quoted]}),
        lambda: faults.status(403, body=f"<html>{quoted}</html>"),
        lambda: faults.status(500, body=f"{'x' * 100}{sent}{quoted}"),
        lambda: faults.ok(f"you sent {quoted}", pieces=("you sent ", word)),
    )
    return ways[number % len(ways)]()


class Planted(NamedTuple):
    """The home, the servers in it, and the search for what was planted."""

    home: Home
    cloud: Echo
    den: Echo
    search: Search


@contextmanager
def planted_home(home: Home, *, sealed: bool) -> Iterator[Planted]:
    """Prepare *home*: keys in `secrets.json`, encrypted when *sealed*, and in all the other places."""
    library = OllamaLibrary({"b": 100}, seconds=0)
    with ExitStack() as stack:
        cloud = stack.enter_context(Echo(["m", "n"], text="hello"))
        den = stack.enter_context(Echo(["a:1"], speaks=("ollama",), routes=library.routes()))
        oauth = FakeOAuth(cloud, secret=KEYS["client secret"], exchanged=KEYS["exchanged token"], lasts=0)
        stack.enter_context(mock.patch.object(oauth, "_name", _named))
        before = keyring.get_keyring()
        stack.callback(keyring.set_keyring, before)
        keyring.set_keyring(KeptKeyring({("llmpool", "vault/a"): KEYS["keyring"]}))
        _write(home, cloud, den, oauth)
        home.config.chmod(0o600)
        _variables(home, sealed=sealed)
        _store(home, sealed=sealed)
        yield Planted(home, cloud, den, Search(home.dir, KEYS, _places(sealed=sealed)))


def _named(what: str) -> str:
    return {"device": KEYS["device code"], "access": KEYS["access token"], "refresh": KEYS["refresh token"]}[
        what
    ]


def _places(*, sealed: bool) -> dict[str, set[str]]:
    """Say which secret may be in which file."""
    places: dict[str, set[str]] = {name: {"secrets.json"} for name in _STORED if not sealed}
    owners = {
        "command": "bin/pass.sh",
        "licence": "cwd/trial.txt",
        "passphrase": "cwd/pass.txt",
        "from a file": "cwd/key.txt",
        "codex": ".codex/auth.json",
        "codex login": ".codex/auth.json",
        "claude": ".claude/settings.json",
        "aichat": ".config/aichat/config.yaml",
        "llm": ".config/io.datasette.llm/keys.json",
        "cursor": ".config/Cursor/User/settings.json",
        "antigravity": ".config/Antigravity/User/globalStorage/state.vscdb",
        "dotenv": "cwd/.env",
        "zimaos": "cwd/zima/providers.json",
    }
    for name, file in owners.items():
        places[name] = places.get(name, set()) | {file}
    places["address"] = {".codex/config.toml", ".config/Cursor/User/settings.json"}
    places["exchanged token"] = places.get("exchanged token", set()) | {"state/tokens.json"}
    return places


def _write(home: Home, cloud: FakeServer, den: FakeServer, oauth: FakeOAuth) -> None:
    """Write the config."""
    command = ["sh", str(home.dir / "bin/pass.sh")]
    cloudy = {"location": "cloud"}
    home.write_config(
        'default_model = "sky/m"',
        '[routing]\nmax_retries = 0\nconnect_timeout = "2s"\nfallbacks = ["tool/m"]',
        provider("sky", cloud.url, key={"env": "SKY_KEY"}, **cloudy),
        provider("tool", cloud.url, key={"command": command}, **cloudy),
        provider("vault", cloud.url, **cloudy)
        + f"keys = {toml([{'label': 'a', 'keyring': True}, {'label': 'b', 'file': True}])}\n",
        provider("gate", cloud.url, headers={"X-Gate": {"env": "GATE"}, "X-Team": "t"}, **cloudy),
        provider("far", f"https://far.example:{closed_port()}/v1", key={"env": "SKY_KEY"}, **cloudy),
        provider("den", den.root, preset="ollama", format=None),
        '[providers.github-copilot]\nurl = "' + cloud.root + '"\n',
        oauth.table("copilot", client_secret='{ env = "OAUTH_SECRET" }'),
        trials.TABLE,
        model("sky/m", quality=5, aliases=["best"]),
        model("den/b", pull=True),
        '[groups.g]\nproviders = ["sky"]\n[budgets.daily]\nlimit = "5.00"\nper = "day"\n'
        '[policy]\nunpriced = "allow"\n[templates]\nt = "{input}"\n[profiles.p]\nlocal_only = true',
    )


def _variables(home: Home, *, sealed: bool) -> None:
    (home.dir / "tmp").mkdir(mode=0o700)
    gone = f"http://someone:{KEYS['proxy']}@127.0.0.1:{closed_port()}"
    home.env |= {
        "SKY_KEY": KEYS["variable"],
        "OPENAI_API_KEY": KEYS["preset's variable"],
        "GATE": KEYS["header"],
        "OAUTH_SECRET": KEYS["client secret"],
        "OPENAI_BASE_URL": f"https://someone:{KEYS['address']}@gateway.example/v1",
        "TMPDIR": str(home.dir / "tmp"),
    }
    home.env |= dict.fromkeys(("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"), gone)
    if sealed:
        home.env["LLMPOOL_STATE_KEY"] = KEYS["state key"]


def _store(home: Home, *, sealed: bool) -> None:
    """Write what other programs, and the owner, keep in files."""
    files = {
        "bin/pass.sh": f"echo {KEYS['command']}; echo {KEYS['command']} >&2",
        "cwd/trial.txt": trials.licence(key=KEYS["licence"], url="https://trial.example:9/", fmt="openai"),
        "cwd/pass.txt": KEYS["passphrase"],
        "cwd/key.txt": KEYS["from a file"],
        ".codex/auth.json": json.dumps(
            {"OPENAI_API_KEY": KEYS["codex"], "tokens": {"access_token": KEYS["codex login"]}}
        ),
        ".codex/config.toml": '[model_providers.gw]\nname = "gw"\n'
        f'base_url = "https://someone:{KEYS["address"]}@gw.example/v1?key={KEYS["address"]}"\n',
        ".claude/settings.json": json.dumps({"env": {"ANTHROPIC_AUTH_TOKEN": KEYS["claude"]}}),
        ".config/aichat/config.yaml": f"clients:\n- type: openai\n  api_key: {KEYS['aichat']}\n",
        ".config/io.datasette.llm/keys.json": json.dumps({"mistral": KEYS["llm"]}),
        ".config/Cursor/User/settings.json": json.dumps(
            {
                "claudeCode.environmentVariables": [
                    {"name": "DEEPSEEK_API_KEY", "value": KEYS["cursor"]},
                    {"name": "ANTHROPIC_BASE_URL", "value": f"https://u:{KEYS['address']}@gw.example"},
                ]
            }
        ),
        "cwd/.env": f"GROQ_API_KEY={KEYS['dotenv']}\n",
        "cwd/zima/providers.json": json.dumps(
            {
                "providers": {
                    "z1": {
                        "provider": {
                            "id": "z1",
                            "type": "custom",
                            "name": "Z",
                            "base_url": "http://127.0.0.1:9/v1",
                            "enabled": True,
                        },
                        "api_keys": [KEYS["zimaos"]],
                    }
                }
            }
        ),
    }
    for name, content in files.items():
        path = home.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    _database(home.dir / ".config/Antigravity/User/globalStorage/state.vscdb")
    assert _key_file(home, sealed=sealed) == sealed


def _database(path: Path) -> None:
    """Write the state database of an editor."""
    status = json.dumps({"apiKey": KEYS["antigravity"], "email": "me@example.com"})
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE ItemTable (key TEXT, value BLOB)")
        database.execute("INSERT INTO ItemTable VALUES ('antigravityAuthStatus', ?)", (status,))
        database.commit()


def _key_file(home: Home, *, sealed: bool) -> bool:
    """Write `secrets.json` as llmpool does, and say whether it came out encrypted."""
    from llmpool.auth import keyfile
    from llmpool.auth.box import Box
    from llmpool.state import jsonfile

    box = Box(KEYS["state key"].encode()) if sealed else None
    path = home.config.with_name("secrets.json")
    keyfile.put(path, "vault", "b", KEYS["file"], box=box, update=jsonfile.update, plaintext=not sealed)
    return KEYS["file"] not in path.read_text()
