"""`-m`, `--loose`, and a pool that looks around by itself: what a person and a script see."""

from __future__ import annotations

from tests.fakes.server import FakeServer
from tests.packaging.test_imports import loaded
from tests.support import Home, model, provider


def test_a_first_chat_needs_no_refresh(home: Home) -> None:
    """With a config and nothing else `chat` asks what there is, says so, and answers; `route` asks nobody."""
    with FakeServer(["qwen3:8b"]) as server:
        home.write_config(provider("den", server.url))
        told = home.here("route", "-m", "qwen3:8b", "hi")
        assert (told.code, server.requests) == (3, [])
        assert "what den may have is not known: llmpool refresh" in told.err
        assert home.here("chat", "-m", "qwen3:8b", "hi", "--offline").code == 3
        first = home.here("chat", "hi")
        assert (first.code, first.out, first.err) == (
            0,
            "hello there\n",
            "note: asking what they have: den\n",
        )
        assert home.here("chat", "-m", "qwen3:8b", "hi").err == ""


def test_an_answered_chat_loads_nothing_to_look_around(home: Home, server: FakeServer) -> None:
    """What heals is loaded where something is to be healed, and loose matching where it is asked for."""
    home.write_config(provider("a", server.url), model("a/m"))
    assert home.here("route", "hi").code == 0  # compiles the registry
    names = loaded(home, "chat", "-m", "m", "hi")
    assert "llmpool.chat.run" in names
    extra = ("discovery.heal", "discovery.refresh", "registry.loose", "registry.nearest", "cli.refusal")
    assert not {f"llmpool.{name}" for name in extra} & names
    assert not {f"llmpool.{name}" for name in extra} & loaded(home, "route", "-m", "m", "hi")


def test_who_answers_for_a_name_that_is_not_theirs_is_said(home: Home) -> None:
    """--loose lets what resembles the name answer; quiet does not silence that, and --json has it in full."""
    with FakeServer(["gpt-4o-2024-08-06"]) as server:
        home.write_config(provider("work", server.url))
        assert home.here("refresh").code == 0
        assert home.here("chat", "-m", "gpt-4o", "hi").code == 3
        answer = home.here("chat", "-q", "--json", "--loose", "-m", "gpt-4o", "hi")
        said = 'nobody carries "gpt-4o"; work/gpt-4o-2024-08-06 resembles it'
        assert answer.err == f"warning: {said}\n"
        shown = {key: answer.json[key] for key in ("requested", "served_by", "reason")}
        assert shown == {"requested": "gpt-4o", "served_by": "work/gpt-4o-2024-08-06", "reason": said}
        routed = home.here("route", "-m", "gpt-4o", "hi", env={"LLMPOOL_LOOSE": "1"})
        assert (routed.out, routed.err) == ("work/gpt-4o-2024-08-06\n", f"note: {said}\n")


def test_errors_about_names_carry_their_candidates(home: Home) -> None:
    """Exit 3 in both forms, with what may have been meant; a provider barred by policy ends with 8."""
    home.write_config(
        provider("a", "http://127.0.0.1:9/v1"),
        provider("b", "http://127.0.0.1:9/v1"),
        model("a/m"),
        model("b/m"),
    )
    unknown = home.here("chat", "--json", "-m", "a/n", "hi", "--offline", env={"LLMPOOL_EXCLUDE": "b*"})
    assert unknown.code == 8  # never listed, so it may be there: called as it stands, if anybody were
    typo = home.here("route", "--json", "-m", "c/m", "hi")
    assert (typo.code, typo.error["kind"], typo.error["candidates"]) == (3, "unknown_name", ["a/m", "b/m"])
    several = home.here("models", "show", "m", "--json")
    assert (several.code, several.error["candidates"]) == (3, ["a/m", "b/m"])
    alone = home.here("route", "-m", "a", "hi")
    assert (alone.code, "a is a provider, not a model" in alone.err) == (3, True)


def test_a_conversation_outlives_its_model(home: Home) -> None:
    """A session goes on with whoever may answer when the deployment it was held with is gone."""
    with FakeServer(["old"]) as server:
        home.write_config(provider("den", server.url))
        assert home.here("chat", "--session", "s", "hi").code == 0
        server.models[:] = ["new"]
        home.here("refresh")
        went_on = home.here("chat", "--session", "s", "--json", "and?")
        assert (went_on.code, went_on.json["served_by"]) == (0, "den/new")
        assert len(server.chats[-1].json["messages"]) == 3
