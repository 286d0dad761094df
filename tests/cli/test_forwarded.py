"""A refused account at Ollama's cloud is no refused key: the models of the machine itself need none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home

CLOUD, HOME = "big:120b-cloud", "small:8b"
NOT_IN = {"error": "unauthorized", "signin_url": "https://ollama.com/connect?name=den"}
NOT_PAID = {"error": "this model requires a subscription, upgrade for access: https://ollama.com/upgrade"}


@pytest.mark.parametrize(("status", "body", "code"), [(401, NOT_IN, 5), (402, NOT_PAID, 7)])
def test_a_refused_account_elsewhere_leaves_the_own_models_alone(
    home: Home, status: int, body: dict[str, Any], code: int
) -> None:
    """Only what is forwarded rests; the next candidate at the same server answers the same prompt."""
    with FakeServer([CLOUD, HOME], speaks=("ollama",)) as server:
        refusal = faults.status(status, body=body)
        server.behave(lambda _, r: refusal if CLOUD.encode() in r.body else None)
        home.write_config(
            f'[routing]\nfallbacks = ["den/{HOME}"]',
            f'[providers.den]\npreset = "ollama"\nurl = "{server.url}"',
        )
        assert home.here("refresh").code == 0
        pinned = home.here("chat", "-m", f"den/{CLOUD}", "hi")
        shown = home.here("providers", "list")
        chosen = home.here("route", "--json", "hi").json["decision"]
        home.here("providers", "clear", "den")
        fell = home.here("chat", "--json", "--fallback", "-m", f"den/{CLOUD}", "hi")
    assert pinned.code == code
    assert "keys add" not in pinned.err
    assert f"{CLOUD} rests 60 min more after its server's account being refused" in shown.out
    assert (chosen["selected"], "once" in chosen) == (f"den/{HOME}", False)
    assert (fell.code, fell.json["served_by"]) == (0, f"den/{HOME}")


def test_a_probe_asks_what_the_server_runs_itself_all_the_same(home: Home) -> None:
    """Not being signed in shuts no door."""
    with FakeServer([CLOUD, HOME], speaks=("ollama",)) as server:
        refusal = faults.status(401, body=NOT_IN)
        server.behave(lambda _, r: refusal if CLOUD.encode() in r.body else None)
        home.write_config(f'[providers.den]\npreset = "ollama"\nurl = "{server.url}"')
        assert home.here("refresh").code == 0
        found = home.here("models", "probe", "--json", "den").json
    told = {each["model"]: each.get("available") for each in found["models"]}
    assert told == {CLOUD: None, HOME: True}


def test_a_server_of_ones_own_that_wants_a_key_is_refused_as_a_whole(home: Home) -> None:
    """What it runs itself it refuses for want of a key: all of it rests."""
    with FakeServer([HOME, "other:8b"], speaks=("ollama",)) as server:
        server.behave(faults.always(faults.status(401, body={"error": "unauthorized"})))
        home.write_config(f'[providers.den]\npreset = "ollama"\nurl = "{server.url}"')
        assert home.here("refresh").code == 0
        refused = home.here("chat", "hi")
        shown = home.here("providers", "list")
    assert (refused.code, len(server.chats)) == (5, 1)
    assert "key none was refused" in shown.out
