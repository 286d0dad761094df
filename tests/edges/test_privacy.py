"""What has to stay at home stays there, however all at home fail (DESIGN rulings 3 and 5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.chat.run import Manners
from llmpool.core.routing import RouteRequest
from llmpool.discovery.heal import around
from llmpool.errors import LlmpoolError
from tests.edges.failing import Bench, failing
from tests.fakes import faults
from tests.fakes.faults import Behaviour
from tests.fakes.server import Behave, FakeServer
from tests.support import closed_port, model, provider

TOO_LONG = {"error": {"message": "maximum context length is 10 tokens", "code": "context_length_exceeded"}}
GONE = {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}
WAYS: dict[str, Behaviour | None] = {
    "refused": None,
    "500": faults.status(500),
    "503": faults.status(503, {"Retry-After": "90"}),
    "429": faults.status(429),
    "stall": faults.hang(30),
    "reset": faults.reset(),
    "cut before the first token": faults.cut(0),
    "cut after it": faults.cut(2),
    "key refused": faults.status(401),
    "no money": faults.status(402),
    "context too long": faults.status(400, body=TOO_LONG),
    "model gone": faults.status(404, body=GONE),
    "bad request": faults.status(400),
    "a page": faults.html(),
    "empty": faults.empty(),
    "no JSON": faults.malformed(),
}
LIMITS = ('connect_timeout = "300ms"', 'first_token_timeout = "300ms"', 'read_timeout = "300ms"')
TOP = (
    'default_model = "cloud/m"',
    'recovery_model = "far"',
    '[routing]\nstrategy = "score"\nfallbacks = ["cloud/m", "far"]',
    *LIMITS,
    '[groups.home]\nproviders = ["den"]\n[groups.by_name]\nmodels = ["m"]',
)
# Whatever keeps a request at home, as the router takes it; the config's mode is the request's by then.
BOUNDS: dict[str, dict[str, Any]] = {
    "--local-only": {"local_only": True},
    "mode local": {"mode": "local"},
    "--local-only against mode cloud": {"local_only": True, "mode": "cloud"},
    "--group": {"group": "home"},
}


BY_NAME = "a group of models, which any provider may have"


def two(directory: Path, does: Behave | str) -> Bench:
    """Build a provider at home that does this, and a better one in the cloud that everything points to."""
    bench = Bench(directory, den=does, cloud=())
    bench.configure(*TOP, cloud={"location": "cloud", "priority": 99}, den={"priority": 1})
    with bench.config.open("a") as config:
        config.write("\n" + model("cloud/n", aliases=["far"], quality=10))
    return bench


@pytest.mark.parametrize(
    ("way", "bound"),
    [*((way, "--local-only") for way in WAYS), *(("503", bound) for bound in BOUNDS), ("refused", "--group")],
)
def test_nothing_reaches_the_cloud_however_home_fails(tmp_path: Path, way: str, bound: str) -> None:
    """Fallbacks, default and recovery model in the cloud are no way out; not a connection is made."""
    fault = WAYS[way]
    with two(tmp_path, f"http://127.0.0.1:{closed_port()}/v1" if fault is None else failing(fault)) as bench:
        for stream in (True, False):
            came = ask(bench, stream=stream, **BOUNDS[bound])
            assert came is not None
            assert bench.servers["cloud"].connections == 0
        assert {attempt for line in bench.decisions() for attempt in tried(line)} <= {"den/m"}


def ask(bench: Bench, **wanted: Any) -> LlmpoolError | None:
    """Ask without waiting; where text was shown, it is started over."""
    return bench.ask(manners=Manners(max_wait=0, on_break="restart"), **wanted).error


def tried(line: dict[str, Any]) -> list[str]:
    """Return who was asked, by a line of the decision log."""
    return [attempt["deployment"] for attempt in line["outcome"]["attempts"]]


def test_a_bound_that_nobody_meets_asks_nobody(tmp_path: Path) -> None:
    """With --fallback and a pin at home, with an alias and a name: the bound is never dropped."""
    with two(tmp_path, failing(faults.status(500))) as bench:
        for wanted in ({"fallback": True}, {"prefer": "cloud"}, {"exclude": ("cloud/m",)}):
            assert ask(bench, local_only=True, **wanted) is not None
        assert bench.ask("den/m", local_only=True, fallback=True, manners=Manners(max_wait=0)).error
        for name in ("far", "cloud/m", "n", "cloud"):
            assert bench.ask(name, local_only=True, fallback=True, manners=Manners(max_wait=0)).error
        assert bench.servers["cloud"].connections == 0
        assert bench.ask("cloud/m").by == "cloud/m"


def test_a_redirect_into_the_cloud_is_not_followed(tmp_path: Path) -> None:
    """A server at home that sends its callers elsewhere gets no prompt delivered there."""
    with FakeServer() as cloud, Bench(tmp_path, den=failing(faults.redirect(f"{cloud.url}/x"))) as bench:
        for stream in (True, False):
            assert ask(bench, local_only=True, stream=stream) is not None
        assert cloud.connections == 0


@pytest.mark.parametrize("bound", [*BOUNDS, BY_NAME])
def test_looking_around_asks_nobody_beyond_the_bound(tmp_path: Path, bound: str) -> None:
    """The self-heal refresh lists those only that may answer the request."""
    with FakeServer() as den, FakeServer() as cloud:
        tables = (provider("den", den.url), provider("cloud", cloud.url, location="cloud"))
        with Bench(tmp_path) as bench:
            bench.config.write_text("\n".join([*TOP[2:], *tables]))
            wanted = BOUNDS.get(bound, {"group": "by_name"})
            due = around(bench.pool(), RouteRequest(query="hi", **wanted)).due
        assert set(due) == ({"den", "cloud"} if bound == BY_NAME else {"den"})
