"""A third party's server of many formats, started once a process; left out where it is not installed."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.support import PLANTED_KEY, Home, wait_for

HERE = Path(__file__).parent
PROGRAM = HERE / "node_modules/@copilotkit/aimock/dist/aimock-cli.js"
OLDEST_NODE = (20, 15)

collect_ignore = ["node_modules"]


class Aimock(NamedTuple):
    """The running server: its address, and what it was asked."""

    root: str

    def asked(self, home: Home) -> list[dict[str, Any]]:
        """Return the journal of the calls made from *home*, in order; a wrong key leaves no trace in it."""
        connection = http.client.HTTPConnection(urlsplit(self.root).netloc, timeout=10)
        try:
            path = f"/__aimock/journal?testId={scope(home)}"
            connection.request("GET", path, headers={"Authorization": f"Bearer {PLANTED_KEY}"})
            found = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert isinstance(found, list), found
        return found


def scope(home: Home) -> str:
    """Name what keeps one test's calls apart from another's at the server."""
    return home.dir.name


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    """Start the server on a free port, with a key, and end it with the tests."""
    node = _node()
    log = tmp_path_factory.mktemp("aimock") / "log"
    command = [node, str(PROGRAM), "--config", "aimock.json"]
    env = {"PATH": os.environ["PATH"], "HOME": str(log.parent), "AIMOCK_API_KEYS": PLANTED_KEY}
    with log.open("w") as out:
        server = subprocess.Popen(
            command,
            cwd=HERE,
            env=env,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield Aimock(_address(server, log))
    finally:
        _end(server)


def _node() -> str:
    """Return the path of a node that runs the server, or skip."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here")
    if not PROGRAM.is_file():
        pytest.skip("aimock is not installed: npm ci --prefix tests/aimock")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_NODE:
        pytest.skip(f"aimock needs node {'.'.join(map(str, OLDEST_NODE))}, this is {version}")
    return node


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server says where it listens."""
    said = re.compile(r"listening on (http://\S+)\n")

    def ready() -> bool:
        assert server.poll() is None, log.read_text()
        return said.search(log.read_text()) is not None

    wait_for(ready, 30)
    found = said.search(log.read_text())
    assert found
    return found[1]


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, and end it."""
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(3)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(3)
