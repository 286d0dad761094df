"""A trial in use: counted, used up, tampered with; what is the licence's alone stays so."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.trial import Quota
from llmpool.state import trial as state
from tests import trials
from tests.edges.raw_server import own_certificate
from tests.fakes.server import FakeServer
from tests.support import Home, provider
from tests.trials import NEXT, REF, configured, install, stand, status, unseen


@pytest.fixture
def mine(home: Home) -> Home:
    """Give a home with a config of its own and the test key."""
    return configured(home)


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        (
            {"tokens_used": 10500, "exhausted": True, "reason": "token_limit"},
            "trial_quota_exhausted_tokens",
            "its 10000 tokens are used up (10500 were used)",
        ),
        ({"hwm": int(time.time()) + 48 * 3600}, "trial_clock_tampered", "the clock of this machine"),
        ({"exhausted": True, "reason": "state_tampered"}, "trial_quota_exhausted", "was changed or deleted"),
    ],
)
def test_a_trial_that_is_over_is_refused(mine: Home, fields: dict[str, Any], code: str, words: str) -> None:
    """Routing rejects it with the reason; where nobody else may answer it ends with 8 and the way out."""
    install(mine)
    stand(mine, **fields)
    refused = mine.here("route", "-m", REF, "hi", "--json")
    assert refused.json["decision"]["no_eligible"] is True
    (rejection,) = refused.json["decision"]["rejections"]
    assert words in rejection["reasons"][0]
    asked = mine.here("chat", "-m", REF, "hi")
    assert (asked.code, words in asked.err, NEXT in asked.err) == (8, True, True), asked
    row = next(r for r in mine.here("providers", "--json").json["providers"] if r["id"] == "trial")
    assert (row["state"], words in row["reason"]) == ("inactive", True)
    shown = status(mine)
    assert (shown["is_exhausted"], shown["code"], words in shown["message"]) == (True, code, True)
    again = install(mine)
    assert (again.code, words in again.err, NEXT in again.err) == (8, True, True), again


@pytest.mark.parametrize(
    "line",
    [
        'url = "https://elsewhere.test/"',
        "verify_tls = false",
        'format = "openai"',
        'alternate_urls = ["https://elsewhere.test/"]',
        'headers = { X-Team = "a" }',
        'location = "local"',
    ],
)
def test_the_config_cannot_send_it_elsewhere(mine: Home, line: str) -> None:
    """What is the licence's alone is refused in the config, by file and key."""
    install(mine)
    mine.config.write_text(mine.config.read_text() + line + "\n")
    checked = mine.here("config", "check")
    assert (checked.code, "comes from the licence of the trial alone" in checked.err) == (4, True)


def test_another_provider_of_that_name_is_left_alone(home: Home) -> None:
    """Whoever has called a provider of their own `trial` keeps it."""
    home.write_config(provider("trial", "http://127.0.0.1:9/v1"), trials.TABLE)
    assert home.here("providers", "list", "--json").json["providers"][0]["url"] == "http://127.0.0.1:9/v1"
    done = install(home)
    assert (done.code, "is another provider" in done.err) == (2, True)
    home.write_config(
        provider("other", "http://a.test", preset="trial", location=None, format=None), trials.TABLE
    )
    assert "that of [providers.trial] alone" in home.here("config", "check").err


def test_answers_are_counted_until_the_quota_is_used_up(mine: Home, tmp_path: Path) -> None:
    """Over TLS, with the licence's key: input and output count, the end is said, the next one is refused."""
    context = own_certificate(tmp_path)
    server = FakeServer(["claude-haiku-4-5"], speaks=("anthropic",), key=trials.KEY)
    with server:
        server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
        url = f"https://localhost:{server.port}/"
        trust = {"SSL_CERT_FILE": str(next(tmp_path.glob("*.pem")))}
        assert install(mine, trials.licence(url=url, lim=30)).code == 0
        first = mine.here("chat", "-m", REF, "hi", "--json", env=trust)
        assert first.code == 0, first
        usage = first.json["usage"]
        used = usage["input_tokens"] + usage["output_tokens"]
        assert status(mine)["tokens_used"] == used
        untrusted = mine.here("chat", "-m", REF, "hi")
        assert untrusted.code == 7
        codes = [mine.here("chat", "-m", REF, "hi", env=trust) for _ in range(9)]
        last = next(place for place, each in enumerate(codes) if each.code == 8)
        assert all(each.code == 0 for each in codes[:last])
        assert "its 30 tokens are used up" in codes[last - 1].err
        assert status(mine)["tokens_used"] == used * (last + 1) >= 30
    unseen(mine, first, untrusted, *codes)


def test_a_changed_state_is_found_before_anything_is_sent(mine: Home) -> None:
    """A quota that was set back by hand is not believed when it matters, and never again after that."""
    install(mine)
    path = mine.state / state.NAME
    document = json.loads(path.read_text())
    document["data"]["sealed"] = state.seal(Quota(issued=1700000000), b"forged")
    path.write_text(json.dumps(document))
    asked = mine.here("chat", "-m", REF, "hi")
    assert (asked.code, "changed or deleted" in asked.err) == (5, True), asked
    assert mine.here("chat", "-m", REF, "hi").code == 8
    assert status(mine)["exhausted_reason"] == "state_tampered"


def test_a_changed_address_in_what_is_compiled_gets_no_key(mine: Home) -> None:
    """The licence says where its key goes; what a file of ours says otherwise is not followed."""
    install(mine)
    with FakeServer(["claude-haiku-4-5"], speaks=("anthropic",)) as server:
        mine.here("route", "hi")
        path = mine.state / "trial.json"
        path.write_text(path.read_text().replace("https://trial.example.test/", server.root))
        mine.config.write_text(mine.config.read_text() + "# compiled anew\n")
        asked = mine.here("chat", "-m", REF, "hi")
        assert (asked.code, "not the one that was installed" in asked.err) == (5, True), asked
        assert server.requests == []


def test_who_has_no_trial_loads_nothing_of_it(mine: Home) -> None:
    """Routing and chatting without a trial loads neither its state nor what proves a licence."""
    code = (
        "import sys; from llmpool.cli.app import run; run(['chat', '--max-wait', '0', 'hi']); "
        "print([m for m in sys.modules if m.endswith('.trial') or 'license' in m or 'cryptography' in m])"
    )
    with FakeServer(["m"]) as server:
        mine.write_config(provider("den", server.url), trials.TABLE)
        mine.here("refresh")
        done = subprocess.run(
            [sys.executable, "-c", code], env=mine.env, capture_output=True, text=True, check=True
        )
    assert done.stdout.splitlines() == ["hello there", "['llmpool.core.trial']"]
