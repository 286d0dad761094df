"""Probing: the verdicts of pool-routing-formats 6.8 and example 41, and who is asked how often."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.core.deployment import Capabilities
from llmpool.core.outcome import Failure
from llmpool.discovery import probe as probing
from llmpool.discovery.probe import Report, probe, verdict
from llmpool.discovery.probe_plan import choose
from llmpool.discovery.short_call import Said
from llmpool.errors import NoCredential, NothingEligible, Refused, UnknownName, UpstreamFailed
from llmpool.pool import Pool
from llmpool.state import inventory, limits
from tests.fakes import faults
from tests.fakes.answers import error
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import closed_port, model, provider, wait_for

NOW = 1_790_000_000.0
AT = "2026-09-21T14:13:20Z"


def open_pool(directory: Path, *tables: str, offline: bool = False, **env: str) -> Pool:
    """Open the pool that *tables* configure."""
    config = directory / "config.toml"
    config.write_text("\n".join(tables))
    return Pool(find_paths(env, str(config), str(directory / "state")), env, lambda: NOW, offline=offline)


def run(pool: Pool, *names: str, **options: Any) -> Report:
    """Probe every model of the providers *names*."""
    return probe(pool, choose(pool, names), **options)


def by_model(answers: dict[str, Behaviour]) -> Callable[[int, Request], Behaviour | None]:
    """Script answers by the model asked for."""
    return lambda _number, request: answers.get(request.json["model"])


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, "model not configured: gpt-4", False),
        (404, "model not found", False),
        (400, "端点/x未配置模型y", False),
        (400, json.dumps({"error": {"message": "端点/x未配置模型y"}}), False),  # escaped on the wire
        (400, "The model `x` does not exist or you do not have access to it", False),
        (404, "Model is NOT AVAILABLE in your region", False),
        (400, "invalid model: x", False),
        (400, "unknown model x", False),
        (404, "Unsupported model", False),
        (400, "there is no such model", False),
        (404, '{"error": "model \'x\' not found, try pulling it first"}', False),  # typed: model_not_found
        (400, "bad request", None),
        (404, "<html><body>This page does not exist</body></html>", None),
        (404, "404 page not found", None),
        (429, "model not found", None),
        (500, "model not found", None),
        (401, "model not found", None),
        (403, "model not available", None),
        (400, "max_tokens or model output limit was reached. Please try again with higher max_tokens.", True),
    ],
)  # fmt: skip
def test_only_an_answer_or_a_no_is_a_verdict(
    tmp_path: Path, server: FakeServer, status: int, body: str, expected: bool | None
) -> None:
    """Example 41: only a 400 or 404 that says so means no; busy, refused and broken servers tell nothing."""
    server.behave(lambda _number, _request: faults.status(status, body=body))
    table = provider("a", server.url, format_mode="pinned")
    found = run(open_pool(tmp_path, table, model("a/m"))).found
    assert [(f.probe.available, f.probe.status) for f in found] == (
        [] if status == 401 else [(expected, status)]
    )


def test_a_verdict_is_read_off_what_was_said() -> None:
    """What came with status 200 is an answer, empty or withheld too; an error inside it is an error."""
    assert verdict(Said(text="hi", status=200)) is True
    assert verdict(Said(status=200, failure=Failure(kind="empty", message="empty"))) is True
    assert verdict(Said(status=200, failure=Failure(kind="content", message="withheld"))) is True
    assert verdict(Said(status=200, failure=Failure(kind="broken", message="broke off"))) is None
    gone = Failure(kind="model_not_found", message="No endpoints found for x", status=404)
    assert verdict(Said(status=200, failure=gone)) is False
    assert verdict(Said(failure=Failure(kind="timeout", message="no answer within 10 s"))) is None


def test_what_was_found_is_kept(tmp_path: Path, server: FakeServer) -> None:
    """12 models, 8 of them there: each verdict is kept with its time, its status and the server's words."""
    names = [f"m{number:02}" for number in range(12)]
    gone = faults.status(404, body=error("model not configured"))
    server.behave(by_model(dict.fromkeys(names[8:], gone)))
    server.headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "41"}
    pool = open_pool(tmp_path, provider("a", server.url), *(model(f"a/{name}") for name in names))
    seen: list[tuple[int, int]] = []
    report = run(pool, progress=lambda done, total, _name: seen.append((done, total)))
    assert [f.probe.available for f in report.found] == [True] * 8 + [False] * 4
    assert seen == [(number, 12) for number in range(1, 13)]
    kept = {p.model: p for p in inventory.read(pool.paths.state).providers["a"].probes}
    assert len(kept) == 12
    assert (kept["m00"].available, kept["m00"].status, kept["m00"].error, kept["m00"].at) == (
        True,
        200,
        "",
        AT,
    )
    assert (kept["m11"].available, kept["m11"].status, kept["m11"].error) == (
        False,
        404,
        "model not configured",
    )
    assert limits.read(pool.paths.state)["a"]["none"].entries[0].remaining == 41
    asked = server.chats[0].json
    assert asked["messages"] == [{"role": "user", "content": "hi"}]
    assert asked["max_tokens"] == 1
    assert not asked.get("stream")


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (3, 3), (0, 8), (-1, 8), (99, 8)])
def test_so_many_are_asked_side_by_side(tmp_path: Path, jobs: int, most: int) -> None:
    """No more than *jobs* calls are under way; none or too many means all of them."""

    def when_all_are_here(exchange: Exchange) -> None:
        wait_for(lambda: exchange.fake.peak >= most)
        faults.ok()(exchange)

    with FakeServer(behave=[when_all_are_here] * 8) as server:
        pool = open_pool(tmp_path, provider("a", server.url), *(model(f"a/m{n}") for n in range(8)))
        assert len(run(pool, jobs=jobs).found) == 8
        assert server.peak == most


def test_a_refused_key_stops_the_provider(tmp_path: Path, server: FakeServer) -> None:
    """After a 401 nobody is asked there any more, and other providers are asked as ever."""
    server.key = "right"
    with FakeServer() as other:
        tables = [provider("a", server.url, key={"env": "K"}), provider("b", other.url)]
        tables += [model(f"{name}/m{n}") for name in "ab" for n in range(20)]
        pool = open_pool(tmp_path, *tables, K="wrong")
        report = run(pool, jobs=1)
    assert [f.provider for f in report.found] == ["b"] * 20
    assert [(u.provider, u.kind, u.models) for u in report.unasked] == [("a", "auth", 20)]
    assert "Incorrect API key" in report.unasked[0].message
    assert len(server.chats) == 1
    assert "a" not in inventory.read(pool.paths.state).providers


def test_the_next_key_is_tried(tmp_path: Path, server: FakeServer) -> None:
    """A key that is refused, or not there, gives way to the next one; disabled ones are never used."""
    server.key = "right"
    keys = [
        {"label": "off", "env": "RIGHT", "enabled": False},
        {"label": "unset", "env": "NOWHERE"},
        {"label": "old", "env": "WRONG"},
        {"label": "new", "env": "RIGHT"},
    ]
    pool = open_pool(
        tmp_path, provider("a", server.url, keys=keys), model("a/m"), model("a/n"), WRONG="w", RIGHT="right"
    )
    report = run(pool, jobs=1)
    assert [f.probe.available for f in report.found] == [True, True]
    assert len(server.chats) == 3
    assert report.unasked == ()


def test_a_server_that_is_away_is_asked_once(tmp_path: Path) -> None:
    """Nobody knocks at a closed door for every model."""
    url = f"http://127.0.0.1:{closed_port()}/v1"
    pool = open_pool(tmp_path, provider("a", url), *(model(f"a/m{n}") for n in range(50)))
    report = run(pool, jobs=1)
    assert [(u.kind, u.models) for u in report.unasked] == [("connect", 50)]
    assert "a" in Pool(pool.paths, {}, lambda: NOW).facts().unreachable
    with pytest.raises(UpstreamFailed, match="connection refused"):
        probing.check(choose(pool), report)


def test_a_server_that_hangs_is_no_verdict(tmp_path: Path, server: FakeServer) -> None:
    """A time-out leaves the model as it was, where the source takes it for gone."""
    server.behave(lambda _number, _request: faults.hang())
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    report = run(pool, timeout=0.3)
    assert [(f.probe.available, f.probe.status) for f in report.found] == [(None, 0)]
    assert "within 0.3 s" in report.found[0].probe.error
    with pytest.raises(UpstreamFailed, match=r"a/m: .* 0\.3 s"):
        probing.check(choose(pool), report)


def test_a_refused_parameter_is_left_out_once(tmp_path: Path, server: FakeServer) -> None:
    """A server that wants the other name for the limit gets it, and is remembered for that."""

    def picky(_number: int, request: Request) -> Behaviour | None:
        refusal = error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return faults.status(400, body=refusal) if "max_tokens" in request.json else None

    server.behave(picky)
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    assert run(pool).found[0].probe.available is True
    assert len(server.chats) == 2
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    assert run(pool).found[0].probe.available is True
    assert len(server.chats) == 3


def test_one_token_may_be_too_few(tmp_path: Path, server: FakeServer) -> None:
    """A server that wants more room gets 16 tokens' worth, once."""

    def roomy(_number: int, request: Request) -> Behaviour | None:
        refusal = error("Invalid 'max_tokens': integer below minimum value. Expected a value >= 16.")
        return faults.status(400, body=refusal) if request.json["max_tokens"] < 16 else None

    server.behave(roomy)
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    assert run(pool).found[0].probe.available is True
    assert [chat.json["max_tokens"] for chat in server.chats] == [1, 16]


def test_who_is_left_out_is_said(tmp_path: Path, server: FakeServer) -> None:
    """Only chat models of enabled providers that list are asked; a name picks more, unknown ones raise."""
    tables = [
        provider("a", server.url, allowed_models=["m*", "text-*"]),
        provider("catalogued", server.url, metadata="catalog"),
        provider("off", server.url, enabled=False),
        provider("bare", server.url),
        '[providers.here]\npreset = "embedded"',
        model("a/m", aliases=["small"]),
        model("a/m2"),
        model("a/x"),
        model("a/text-embedding-3-small"),
        model("catalogued/m"),
        model("off/m"),
        model("here/m"),
    ]
    pool = open_pool(tmp_path, *tables)
    plan = choose(pool)
    assert [tuple(task) for task in plan.tasks] == [("a", "m"), ("a", "m2")]
    assert dict(plan.skipped) == {
        "a/text-embedding-3-small": "not a chat model",
        "a/x": "not in allowed_models",
        "bare": "no models of it are known; run: llmpool refresh",
        "catalogued": "its models come from the catalog, not from a listing",
        "here": "its models run inside llmpool; nothing to find out",
        "off": "disabled",
    }
    assert (plan.calls(capabilities=False), plan.calls(capabilities=True)) == (2, 8)
    assert [task.provider for task in choose(pool, ["off"]).tasks] == ["off"]
    assert [task.model for task in choose(pool, models=["small"]).tasks] == ["m"]
    assert [task.model for task in choose(pool, ["a"], ["m*"]).tasks] == ["m", "m2"]
    assert [tuple(task) for task in choose(pool, models=["a/m2"]).tasks] == [("a", "m2")]
    for names, models in ((["nobody"], []), ([], ["nothing"]), (["bare"], ["m"])):
        with pytest.raises(UnknownName):
            choose(pool, names, models)
    with pytest.raises(NothingEligible) as caught:
        probing.check(choose(pool, ["catalogued"]))
    assert "catalogued   its models come from the catalog, not from a listing" in caught.value.lines


def test_nothing_goes_out_offline(tmp_path: Path, server: FakeServer) -> None:
    """--offline refuses, before anything is sent."""
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"), offline=True)
    with pytest.raises(Refused):
        run(pool)
    assert server.requests == []


def test_a_key_nobody_has_is_told(tmp_path: Path, server: FakeServer) -> None:
    """Where every provider lacks its key, that is what the whole run failed for."""
    pool = open_pool(tmp_path, provider("a", server.url, key={"env": "NOWHERE"}), model("a/m"))
    report = run(pool)
    with pytest.raises(NoCredential, match="NOWHERE is not set"):
        probing.check(choose(pool), report)
    assert server.requests == []


def test_an_interrupt_keeps_what_was_found(tmp_path: Path, server: FakeServer) -> None:
    """Ctrl-C ends every call at once; the verdicts until then are on disk, and no thread goes on asking."""
    server.behave(lambda number, _request: faults.hang() if number > 3 else None)
    pool = open_pool(tmp_path, provider("a", server.url), *(model(f"a/m{n}") for n in range(20)))

    def interrupted(done: int, _total: int, _name: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run(pool, jobs=1, progress=interrupted)
    assert len(inventory.read(pool.paths.state).providers["a"].probes) == 3
    assert len(server.chats) <= 4
    wait_for(lambda: threading.active_count() <= threads + 1)  # the server's own, on its way out


def test_what_was_tried_earlier_stays_known(tmp_path: Path, server: FakeServer) -> None:
    """A probe without --capabilities forgets none of those tried before."""
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    run(pool, capabilities=True)
    before = inventory.read(pool.paths.state).providers["a"].probes[0].capabilities
    assert before != Capabilities()
    run(pool)
    assert inventory.read(pool.paths.state).providers["a"].probes[0].capabilities == before
