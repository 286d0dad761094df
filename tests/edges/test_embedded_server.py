"""The embedded server: one host for all, private, and gone when nobody needs it. Everything here is real."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from llmpool.embedded import embedded_dir, is_available, make_private_dirs, model_file, server
from llmpool.errors import Busy, LlmpoolError, Misuse, NothingEligible, StateUnusable, UnknownName
from tests.support import PLANTED_KEY
from tests.tools.make_tiny_gguf import write_tiny_gguf

pytestmark = pytest.mark.skipif(not is_available(), reason="the extra 'embedded' is not installed")
on_linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give the bytes of a model."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    write_tiny_gguf(path)
    return path.read_bytes()


@pytest.fixture
def state(tmp_path: Path, tiny: bytes) -> Iterator[Path]:
    """Give a state directory with the model `tiny`; whatever host it gets is ended."""
    state = tmp_path / "state"
    make_private_dirs(state)
    model_file(state, "tiny").write_bytes(tiny)
    yield state
    for model in server.running(state):
        server.stop(state, model.name)


def _ask(endpoint: server.Endpoint, key: str = "", **options: object) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 8, **options}
    headers = {"Authorization": f"Bearer {key or endpoint.key}"}
    url = f"{endpoint.url}/chat/completions"
    return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=20)


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _pid(state: Path) -> int:
    return server.running(state)[0].pid


def _info(state: Path) -> Path:
    return embedded_dir(state) / "tiny.json"


def test_answers_with_its_key_only(state: Path) -> None:
    """A started host answers whoever has its key, under its model's name, and nobody else."""
    endpoint = server.ensure(state, "tiny")
    answer = _ask(endpoint)
    assert answer.json()["choices"][0]["message"]["content"]
    assert answer.json()["model"] == "tiny"
    assert _ask(endpoint, "wrong").status_code == 401
    assert httpx.get(f"{endpoint.url}/models", trust_env=False).status_code == 401
    assert endpoint.key not in repr(endpoint)
    assert endpoint.url.startswith("http://127.0.0.1:")


def test_second_call_shares_the_host(state: Path) -> None:
    """A live host is found again without being started, and is listed with its context."""
    first = server.ensure(state, "tiny", context=512)
    assert server.ensure(state, "tiny") == first
    (model,) = server.running(state)
    assert (model.name, model.context) == ("tiny", 512)
    assert model.started_at <= model.last_used


def test_context_is_the_models_own(state: Path) -> None:
    """Without a wish the context is what the model was trained for, and a wish cannot exceed it."""
    write_tiny_gguf(model_file(state, "short"), context=1024)
    server.ensure(state, "short")
    server.ensure(state, "tiny", context=1_000_000)
    assert [model.context for model in server.running(state)] == [1024, 8192]


def test_cold_clients_start_one_host(state: Path) -> None:
    """Six processes that want the model at once share one host."""
    code = "import sys; from pathlib import Path; from llmpool.embedded.server import ensure\n"
    code += "print(ensure(Path(sys.argv[1]), 'tiny').url)"
    words = [sys.executable, "-c", code, str(state)]
    env = os.environ | {"PYTHONPATH": str(Path(server.__file__).parents[2])}
    clients = [subprocess.Popen(words, stdout=subprocess.PIPE, env=env, text=True) for _ in range(6)]
    urls = {client.communicate(timeout=30)[0] for client in clients}
    assert len(urls) == 1
    assert urls.pop().strip() == server.ensure(state, "tiny").url


def test_threads_start_one_host(state: Path) -> None:
    """Two threads that want the model at once share one host too."""
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: server.ensure(state, "tiny"), range(2))
    assert first == second


def test_killed_host_is_replaced(state: Path) -> None:
    """After `kill -9` nobody is sent to the dead host, and the next call starts another."""
    first = server.ensure(state, "tiny")
    os.kill(_pid(state), signal.SIGKILL)
    _until(lambda: not server.running(state))
    second = server.ensure(state, "tiny")
    assert second.key != first.key
    assert _ask(second).status_code == 200


def test_replaced_model_is_served_afresh(state: Path) -> None:
    """A model file that was replaced is served by a new host, not by the old one."""
    first = server.ensure(state, "tiny")
    write_tiny_gguf(state / "other", seed=8)
    (state / "other").replace(model_file(state, "tiny"))
    assert server.ensure(state, "tiny").key != first.key
    assert len(server.running(state)) == 1


def test_idle_host_ends(state: Path) -> None:
    """A host that nobody uses ends after its idle time and takes its state file with it."""
    server.ensure(state, "tiny", idle_ttl=1)
    _until(lambda: not server.running(state))
    assert not _info(state).exists()


@pytest.mark.slow
def test_use_keeps_it_alive(state: Path) -> None:
    """Touching the model, or an answer under way, puts the idle time off."""
    endpoint = server.ensure(state, "tiny", idle_ttl=1)
    pid = _pid(state)
    for _ in range(8):
        time.sleep(0.25)
        server._touch(state, "tiny")
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(_ask, endpoint, ignore_eos=True, max_tokens=2000)
        while not answer.done():
            time.sleep(0.05)
            assert _pid(state) == pid
    assert answer.result().json()["usage"]["completion_tokens"] == 2000


def test_sigterm_withdraws_the_host(state: Path) -> None:
    """SIGTERM removes the state file and ends the host, even while a client keeps its connection open."""
    endpoint = server.ensure(state, "tiny")
    with httpx.Client(trust_env=False) as client:
        client.get(endpoint.url.removesuffix("/v1") + "/health")
        os.kill(_pid(state), signal.SIGTERM)
        _until(lambda: not _info(state).exists(), 3)
        _until(lambda: not server.stop(state, "tiny"), 3)


def test_stop_lets_an_answer_end(state: Path) -> None:
    """Stopping a host waits for the answer under way, and says whether there was a host."""
    endpoint = server.ensure(state, "tiny")
    body = {"messages": [], "prompt": "hi", "stream": True, "ignore_eos": True, "max_tokens": 60}
    headers = {"Authorization": f"Bearer {endpoint.key}"}
    request = httpx.Client(trust_env=False).stream(
        "POST", f"{endpoint.url}/completions", json=body, headers=headers
    )
    with request as answer, ThreadPoolExecutor(1) as thread:
        lines = answer.iter_lines()
        first = next(lines)
        stopped = thread.submit(server.stop, state, "tiny")
        rest = list(lines)
    assert first
    assert "data: [DONE]" in rest
    assert stopped.result() is True
    assert server.stop(state, "tiny") is False


@pytest.mark.parametrize("keep", [0, 3, 20, 5000, 600_000])
def test_truncated_model_is_named(state: Path, tiny: bytes, keep: int) -> None:
    """A cut-off model file is a clear error with the way out, at once, and leaves no host behind."""
    model_file(state, "tiny").write_bytes(tiny[:keep])
    with pytest.raises(StateUnusable) as caught:
        server.ensure(state, "tiny", wait=10)
    assert str(model_file(state, "tiny")) in caught.value.message
    assert "models remove embedded/tiny" in caught.value.hint
    assert "Failed to init" not in caught.value.message
    assert not server.stop(state, "tiny")


def test_dead_start_is_told(state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host that dies while it starts is an error with the end of its log, not a hang."""
    (tmp_path / "xllamacpp.py").write_text("import os; os.write(2, b'the end\\n'); os.kill(os.getpid(), 9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LlmpoolError, match="died while it started") as caught:
        server.ensure(state, "tiny", wait=10)
    assert caught.value.lines == ("the end",)


def test_slow_start_is_given_up(state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A start that takes too long is an error, and the half-started host is ended."""
    (tmp_path / "xllamacpp.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LlmpoolError, match="did not become ready"):
        server.ensure(state, "tiny", wait=0.5)
    _until(lambda: not server.stop(state, "tiny"))


def test_waiting_for_another_starter_ends(state: Path) -> None:
    """A start lock that is never given back is exit 75, not a hang."""
    held = os.open(embedded_dir(state) / "tiny.start", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(Busy):
            server.ensure(state, "tiny", wait=0.1)
    finally:
        os.close(held)


def test_missing_things_are_named(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing model, a bad name and a missing extra each say what to do."""
    with pytest.raises(UnknownName) as caught:
        server.ensure(state, "other")
    assert "models pull embedded/other" in caught.value.hint
    with pytest.raises(Misuse):
        server.ensure(state, "../tiny")
    monkeypatch.setattr(server, "is_available", lambda: False)
    with pytest.raises(NothingEligible) as missing:
        server.ensure(state, "tiny")
    assert "llmpool[embedded]" in missing.value.hint


def test_everything_is_private(state: Path) -> None:
    """Directories are 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        server.ensure(state, "tiny")
    finally:
        os.umask(before)
    paths = [path for path in embedded_dir(state).iterdir() if path.name != "models"]
    assert {path.suffix for path in paths} == {".json", ".log", ".run", ".start", ".used"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE(embedded_dir(state).stat().st_mode) == 0o700


@on_linux
def test_no_secret_leaks(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is in no command line and no log; the host's environment holds none of our secrets."""
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "MY_SECRET", "DB_PASSWORD", "LC_API_KEY", "ANYTHING"):
        monkeypatch.setenv(name, PLANTED_KEY)
    endpoint = server.ensure(state, "tiny")
    assert _ask(endpoint, messages=[{"role": "user", "content": "zebra"}]).status_code == 200
    process = Path(f"/proc/{_pid(state)}")
    assert endpoint.key.encode() not in (process / "cmdline").read_bytes()
    assert PLANTED_KEY.encode() not in (process / "environ").read_bytes()
    log = (embedded_dir(state) / "tiny.log").read_text()
    assert endpoint.key not in log
    assert "zebra" not in log


@on_linux
def test_host_is_detached(state: Path) -> None:
    """The host has a session of its own, works in the root directory, and holds none of our files open."""
    with (state / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        server.ensure(state, "tiny")
        pid = _pid(state)
        assert os.getsid(pid) != os.getsid(0)
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        targets = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
        assert "/dev/null" in targets
        assert str(state / "ours") not in targets
