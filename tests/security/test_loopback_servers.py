"""Servers of ours on this machine: another of its users, or a web page in a browser, reaches their ports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from llmpool.auth import oauth_code, oauth_device
from llmpool.auth.loopback import HOST, Listener
from llmpool.auth.oauth import LoginFailed
from llmpool.auth.oauth_kinds import KINDS
from llmpool.core.wire import Answer
from llmpool.embedded import embedded_dir, is_available, make_private_dirs, model_file, server
from tests.tools.make_tiny_gguf import write_tiny_gguf

embeds = pytest.mark.skipif(not is_available(), reason="the extra 'embedded' is not installed")
ASKED = (
    ("GET", "/"), ("GET", "/v1/models"), ("GET", "/models"), ("GET", "/props"), ("POST", "/props"),
    ("GET", "/slots"), ("POST", "/slots/0?action=save"), ("GET", "/metrics"), ("GET", "/api/tags"),
    ("POST", "/completion"), ("POST", "/v1/completions"), ("POST", "/v1/chat/completions"),
    ("POST", "/infill"),
    ("POST", "/tokenize"), ("POST", "/detokenize"), ("POST", "/apply-template"), ("POST", "/embedding"),
    ("POST", "/v1/embeddings"), ("POST", "/rerank"), ("POST", "/v1/messages"), ("POST", "/api/chat"),
    ("GET", "/lora-adapters"), ("POST", "/lora-adapters"), ("POST", "/models/load"),
    ("GET", "/../../etc/passwd"),
)  # fmt: skip
CALLER = httpx.Client(
    trust_env=False, timeout=30, verify=False, limits=httpx.Limits(max_keepalive_connections=0)
)
OPEN = (401, 403, 404, 405, 415, 501)  # what tells nothing: no key, or nothing there


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[server.Endpoint, Path]]:
    """Give a real embedded server and its state directory."""
    state = tmp_path_factory.mktemp("embedded") / "state"
    make_private_dirs(state)
    write_tiny_gguf(model_file(state, "tiny"))
    yield server.ensure(state, "tiny"), state
    server.stop(state, "tiny")


def told(endpoint: server.Endpoint, method: str, path: str, **headers: str) -> httpx.Response:
    """Ask the server, without its key unless the headers have it."""
    root = endpoint.url.removesuffix("/v1")
    body = {"prompt": "hi", "messages": [{"role": "user", "content": "hi"}], "content": "hi", "max_tokens": 1}
    content = {} if method in ("GET", "OPTIONS") else {"json": body}
    return CALLER.request(method, root + path, headers=headers, **content)  # type: ignore[arg-type]


@pytest.mark.slow
@embeds
def test_the_embedded_server_tells_nobody_anything_without_its_key(
    endpoint: tuple[server.Endpoint, Path],
) -> None:
    """No path does, with no key, a wrong one, half of one, or the key where it does not belong."""
    place, _ = endpoint
    keys = ({}, {"authorization": "Bearer x"}, {"authorization": f"Bearer {place.key[:-1]}"},
            {"authorization": "Bearer"}, {"authorization": f"Basic {place.key}"},
            {"cookie": f"key={place.key}"})  # fmt: skip
    told_something = [
        (method, path, number, answer.status_code)
        for number, key in enumerate(keys)
        for method, path in (ASKED if number == 0 else ASKED[:12:5])
        if (answer := told(place, method, path, **key)).status_code not in OPEN
    ]
    assert told_something == []
    good = told(place, "POST", "/v1/chat/completions", authorization=f"Bearer {place.key}")
    assert good.status_code == 200


@pytest.mark.slow
@embeds
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_web_page_gets_no_further_by_a_name_of_its_own(
    endpoint: tuple[server.Endpoint, Path], host: str
) -> None:
    """DNS rebinding: the page's name leads to this machine, and still it has no key."""
    place, _ = endpoint
    page = {"host": host, "origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    answer = told(place, "POST", "/v1/chat/completions", **page)
    assert answer.status_code in (400, 401, 403)
    asked = told(
        place, "OPTIONS", "/v1/chat/completions", **page, **{"access-control-request-method": "POST"}
    )
    assert place.key not in asked.text + str(asked.headers)


@pytest.mark.slow
@embeds
def test_the_key_is_in_no_place_where_others_look(endpoint: tuple[server.Endpoint, Path]) -> None:
    """Neither in a command line nor in a variable nor in the log, and its file is shut."""
    place, state = endpoint
    (model,) = server.running(state)
    process = Path(f"/proc/{model.pid}")
    if process.exists():
        assert (
            place.key.encode() not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        )
    holders = [
        path.name
        for path in embedded_dir(state).iterdir()
        if path.is_file() and place.key in path.read_text(errors="replace")
    ]
    assert holders == ["tiny.json"]
    assert len(place.key) >= 43  # 256 bits
    if os.getuid() == 0:  # as another user of this machine, for real
        look = f"open({str(embedded_dir(state) / 'tiny.json')!r}).read()"
        as_nobody = f"import os; os.setgroups([]); os.setgid(65534); os.setuid(65534); {look}"
        words = [sys.executable, "-c", as_nobody]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert "PermissionError" in ran.stderr


@pytest.mark.slow
@embeds
def test_it_listens_on_this_machine_alone(endpoint: tuple[server.Endpoint, Path]) -> None:
    """Its socket is bound to 127.0.0.1, and to no other address of this machine."""
    place, _ = endpoint
    port = f"{int(place.url.split(':')[2].removesuffix('/v1')):04X}"
    if not Path("/proc/net/tcp").exists():
        pytest.skip("looks into /proc")
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    bound = {each[1].partition(":")[0] for each in lines if each[1].endswith(f":{port}") and each[3] == "0A"}
    assert bound == {"0100007F"}


APP = KINDS["codex"].replace(client_id="id")


def pending() -> oauth_code.Pending:
    """Begin a login."""
    return oauth_code.begin(APP, os.urandom(96), 1000.0)


@pytest.mark.parametrize(
    "came", [{"code": "x"}, *({"code": "x", "state": each} for each in ("", "\u00fc", "guess")),
             {"error": "x", "state": "guess"}, None],
)  # fmt: skip
def test_a_login_takes_no_code_that_it_did_not_ask_for(came: dict[str, str] | None) -> None:
    """Without the state of this very login, or after ten minutes, whatever comes back is nobody's."""
    began = pending()
    with pytest.raises(LoginFailed):
        oauth_code.code_of(began, came, 1001.0)
    with pytest.raises(LoginFailed):
        oauth_code.code_of(began, {"code": "c", "state": began.state}, 1000.0 + oauth_code.LASTS + 1)
    assert oauth_code.code_of(began, {"code": "c", "state": began.state}, 1001.0) == "c"


def test_the_state_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody finds it out piece by piece."""
    compared: list[tuple[bytes, bytes]] = []
    real = oauth_code.compare_digest

    def seen(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(oauth_code, "compare_digest", seen)
    began = pending()
    oauth_code.code_of(began, {"code": "c", "state": began.state}, 1001.0)
    assert compared == [(began.state.encode(), began.state.encode())]


def test_each_login_has_a_state_and_a_verifier_of_its_own() -> None:
    """A code that leaks is of no use: what it is changed with never left this process."""
    first, second = pending(), pending()
    assert {first.state, first.verifier}.isdisjoint({second.state, second.verifier})
    assert (len(first.state), len(first.verifier)) == (43, 86)
    assert first.verifier not in first.url + repr(first)
    assert "code_challenge_method=S256" in first.url


def test_the_callback_is_on_this_machine_once_and_for_a_while() -> None:
    """Bound to 127.0.0.1; the first to come back decides, and afterwards nobody listens."""
    with Listener(0, "/callback", lambda _params: "") as listener:
        assert listener._server.server_address[0] == HOST == "127.0.0.1"
        target = f"http://{HOST}:{listener.port}/callback?code=1&state=s"
        assert CALLER.get(target).status_code == 200
        late = CALLER.get(target.replace("code=1", "code=2"))
        assert (late.status_code, listener.wait(5), listener.wait(0)) == (
            410,
            {"code": "1", "state": "s"},
            None,
        )
    with pytest.raises(httpx.ConnectError):
        CALLER.get(target)


def test_the_page_of_a_failed_login_is_no_page_of_an_attacker() -> None:
    """What comes back is escaped, runs nothing, is kept nowhere and tells the next site nothing."""
    wrong = "<script>alert(1)</script>\"'&"
    with Listener(0, "/callback", lambda _params: wrong) as listener:
        page = CALLER.get(f"http://{HOST}:{listener.port}/callback?error=x")
    assert "<script>" not in page.text
    kept = {
        name: page.headers[name] for name in ("content-security-policy", "cache-control", "referrer-policy")
    }
    assert kept == {
        "content-security-policy": "default-src 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
    }
    assert page.headers["server"].strip() == "llmpool"


PAGES = ("javascript:alert(1)", "file:///etc/passwd", "http://evil.example/", "HTTPS://x", "-version",
         "https://h/\x1b]0;x\x07", "ms-settings:", "https://h/\u202e")  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
def test_a_server_opens_nothing_but_pages_over_tls(url: str) -> None:
    """The address that a login server names is handed to a browser: only one over TLS is."""
    body = '{"device_code": "d", "user_code": "u", "verification_uri": %s, "expires_in": 600}'
    import json

    flow = oauth_device.device_login(KINDS["copilot"].replace(client_id="id"), lambda: 0.0)
    next(flow)
    with pytest.raises(LoginFailed):
        flow.send(Answer(status=200, headers={}, body=(body % json.dumps(url)).encode()))
