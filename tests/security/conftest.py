"""What the attacks are made with: servers that do as they are told, and an authority to vouch for some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Call
from llmpool.net.client import Client
from tests.edges.conftest import client, serve
from tests.security.certificates import Authority

__all__ = ["client", "serve"]
Fail = Callable[[Call], Failure]


@pytest.fixture
def fail(client: Client) -> Fail:
    """Give what sends a call and returns the failure it must end with."""

    def failure(call: Call) -> Failure:
        with pytest.raises(UpstreamError) as raised:
            client.send(call)
        return raised.value.failure

    return failure


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority that nobody trusts by himself."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the authority trusted, as its owner says by a variable."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority.file


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the proxies away that tests are run with, which lead nowhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
