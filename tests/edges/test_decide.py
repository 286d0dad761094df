"""From a request to a decision over a real pool: names, pins, policy, windows that grow, loose matches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.core.policy import Policy
from llmpool.core.routing import Decision, RouteRequest
from llmpool.decide import decide
from llmpool.errors import Refused, UnknownName
from llmpool.pool import Pool
from llmpool.router.route import Choice
from llmpool.state import inventory, policy
from tests.support import model, provider

NOW = 1_790_000_000.0
AT = "2026-09-21T14:00:00Z"
NOWHERE = "http://127.0.0.1:9/v1"
SEES = Capabilities(images=True)
DEN, EDGE = provider("den", NOWHERE, format="lmstudio"), provider("edge", NOWHERE, format="lmstudio")
WORK = provider("work", NOWHERE, location="cloud")


def named(name: str, **fields: Any) -> ObservedModel:
    """Build what a listing has of a model that chats."""
    able = fields.pop("capabilities", Capabilities()).replace(chat=True)
    return ObservedModel(name=name, capabilities=able, **fields)


class Home:
    """A config and what its providers were seen with."""

    def __init__(self, directory: Path, *tables: str, **seen: list[ObservedModel]) -> None:
        self.config, self.state = directory / "config.toml", directory / "state"
        self.config.write_text("\n".join(tables))
        inventory.update(
            self.state,
            [
                ProviderInventory(provider=name, attempted_at=AT, fetched_at=AT, models=tuple(models))
                for name, models in seen.items()
            ],
        )

    def fails(self, name: str, at: str = AT) -> None:
        """Let the last attempt at a provider fail, its models being kept."""
        old = inventory.read(self.state).providers[name]
        failed = old.replace(attempted_at="2026-09-21T14:01:00Z", error="refused", stale_since=at)
        inventory.update(self.state, [failed])

    def sets(self, **policies: Policy) -> None:
        """Put policies in force."""
        policy.update(self.state, lambda _: {name.replace("__", "/"): p for name, p in policies.items()})

    def choose(self, ref: str = "", **request: Any) -> Choice:
        """Decide as a command would."""
        pool = Pool(find_paths({}, str(self.config), str(self.state)), {}, lambda: NOW)
        force, profile = request.pop("force", False), request.pop("profile", "")
        return decide(pool, RouteRequest(model=ref, **request), force=force, profile=profile)

    def decide(self, ref: str = "", **request: Any) -> Decision:
        """Return the decision alone."""
        return self.choose(ref, **request).decision


def why(decision: Decision) -> dict[str, tuple[str, ...]]:
    """Return each rejection's reasons."""
    return {r.deployment: r.reasons for r in decision.rejections}


@pytest.fixture
def two(tmp_path: Path) -> Home:
    """Give two local servers that share a model, and a gateway."""
    return Home(
        tmp_path,
        *(DEN, EDGE, WORK, model("den/qwen3:8b", aliases=["small"])),
        den=[named("qwen3:8b"), named("llama3")],
        edge=[named("qwen3:8b")],
        work=[named("gpt-4o-2024-08-06"), named("openai/gpt-5-mini")],
    )


def test_one_meant_is_pinned_and_several_share_a_request(two: Home) -> None:
    """Ruling 1 and 3.1: an id, an alias and a unique name pin; a name of several is routed among those."""
    assert two.choose("edge/qwen3:8b").plan == ("edge/qwen3:8b",)
    assert two.choose("small").plan == ("den/qwen3:8b",)
    assert two.choose("llama3").plan == ("den/llama3",)
    assert sorted(two.choose("qwen3:8b").plan) == ["den/qwen3:8b", "edge/qwen3:8b"]
    assert len(two.choose("qwen3:8b", fallback=False).plan) == 1
    lifted = two.choose("edge/qwen3:8b", fallback=True).plan
    assert (lifted[0], len(lifted)) == ("edge/qwen3:8b", 5)


@pytest.mark.parametrize("word", ["local", "LOCAL", " Local "])
def test_words_for_a_mode_are_no_names(two: Home, word: str) -> None:
    """4.5: auto, cloud and local in any case name no model; a mode that was given counts for more.

    But for local: of two words it holds, so that a variable set long ago takes no prompt out of the house.
    """
    assert two.decide(word).mode == "local"
    assert two.decide(word, mode="cloud").mode == "local"
    assert two.decide("cloud", mode="auto").mode == "auto"
    assert two.decide("cloud", mode="local").mode == "local"
    assert two.decide("auto").mode == "auto"


def test_golden_c14_names_and_requirements(two: Home) -> None:
    """C14: exactly the window is enough; of names only those carried count, and no name means any.

    A list of names in one request has no place here: fallbacks are the owner's (ruling 3). Unknown windows
    pass only where no known one does (ruling 15), and what only resembles a name is not it (ruling 1).
    """
    assert two.decide(context_size=4096).selected
    with pytest.raises(UnknownName):
        two.decide("nonexistent")
    with pytest.raises(UnknownName):
        two.decide("qwen3")
    assert two.decide("qwen3", loose=True).selected in ("den/qwen3:8b", "edge/qwen3:8b")


def test_golden_c14_an_empty_state_has_no_models(tmp_path: Path) -> None:
    """C14: providers that list nothing leave nobody; the decision says so, and rejects nobody."""
    decision = Home(tmp_path, DEN).decide()
    assert (decision.no_eligible, decision.rejections) == (True, ())


def test_golden_c15_pictures_go_to_who_sees(tmp_path: Path) -> None:
    """C15: of a text-only model and one that sees, the latter; a name nobody carries stays unknown."""
    home = Home(tmp_path, DEN, den=[named("text-only"), named("vlm", capabilities=SEES)])
    assert home.decide(needs=("images",)).selected == "den/vlm"
    assert why(home.decide("text-only", needs=("images",))) == {"den/text-only": ("missing image support",)}
    with pytest.raises(UnknownName):
        home.decide("nosuch", needs=("images",))


def test_golden_c16_an_embedding_model_does_not_chat(tmp_path: Path) -> None:
    """C16: a capability that is missing is no match. DESIGN 3.1 has no embed and no prompt, so chat it is."""
    home = Home(tmp_path, DEN, den=[ObservedModel(name="nomic-embed-text")])
    assert why(home.decide("nomic-embed-text")) == {"den/nomic-embed-text": ("not a chat model",)}


def test_golden_c17_one_model_at_two_servers_is_two(two: Home) -> None:
    """C17 under ruling 1: ids are provider/model, so both are candidates of a named request.

    The source knew them by one id, and of its two providers a named request had one.
    """
    assert {c.deployment for c in two.decide("qwen3:8b").candidates} == {"den/qwen3:8b", "edge/qwen3:8b"}


def test_golden_c17_a_provider_in_error_adds_nothing_and_keeps_what_it_had(two: Home) -> None:
    """C17 under ruling 7: the source drops all its models; here the last good ones stay, for `stale_after`.

    A model without flags is not capable of nothing but of what is unknown (ruling 15).
    """
    two.fails("edge")
    assert len(two.decide("qwen3:8b").candidates) == 2
    assert two.decide("edge/new").notes == (
        "edge/new is not known at edge (its listing failed); called as it stands",
    )
    two.fails("edge", "2026-09-01T00:00:00Z")
    assert "edge/qwen3:8b" in why(two.decide())


def test_golden_c18_the_strategies_take_the_place_of_random(two: Home) -> None:
    """C18 under ruling 4: neither random nor highest context exists."""
    for name in ("cost", "latency", "priority", "round_robin"):
        assert two.decide("qwen3:8b", strategy=name).strategy == name


def test_an_inactive_provider_is_refused_by_name(two: Home) -> None:
    """Ruling 19: exit 8 with the owner's reason and the way to lift it; others may answer where allowed."""
    two.sets(den=Policy(state="inactive", reason="moving house"))
    with pytest.raises(Refused) as caught:
        two.decide("den/llama3")
    assert "provider den is inactive by policy: moving house" in caught.value.message
    assert "llmpool policy clear den" in caught.value.hint
    with pytest.raises(Refused):
        two.decide("den/nobody-listed", force=True)
    assert two.decide("qwen3:8b").selected == "edge/qwen3:8b"
    assert two.decide("den/llama3", fallback=True).selected == "edge/qwen3:8b"
    assert two.decide().selected == "edge/qwen3:8b"
    two.sets(den=Policy(state="inactive", reason="moving house"), edge=Policy(state="inactive"))
    with pytest.raises(Refused) as both:
        two.decide("qwen3:8b")
    assert both.value.message.endswith(": refused, providers den, edge are inactive by policy")
    assert "llmpool policy clear den edge " in both.value.hint


def test_an_inactive_deployment_answers_by_name_and_says_so(two: Home) -> None:
    """Ruling 19: it is never chosen without its name, and the decision tells that it is inactive."""
    two.sets(den__llama3=Policy(state="inactive", reason="slow"))
    assert two.decide("llama3").selected == "den/llama3"
    assert two.decide("llama3").notes == ("den/llama3 is inactive by policy: slow; it was asked for by name",)
    assert why(two.decide())["den/llama3"] == ("inactive by policy: slow",)


def test_an_inactive_deployment_is_not_chosen_among_those_of_its_name(two: Home) -> None:
    """Ruling 19: a name that others carry does not name it; where all who carry it are inactive, it does."""
    rests = Policy(state="inactive", reason="slow")
    two.sets(**{"den/qwen3:8b": rests})
    assert [each.deployment for each in two.decide("qwen3:8b").candidates] == ["edge/qwen3:8b"]
    assert why(two.decide("qwen3:8b"))["den/qwen3:8b"] == ("inactive by policy: slow",)
    assert two.decide("den/qwen3:8b").selected == "den/qwen3:8b"
    two.sets(**{"den/qwen3:8b": rests, "edge/qwen3:8b": rests})
    assert len(two.decide("qwen3:8b").candidates) == 2


def test_a_disabled_provider_is_no_candidate_even_by_name(tmp_path: Path) -> None:
    """Ruling 19: `enabled = false` is a rejection, not a policy."""
    home = Home(tmp_path, provider("den", NOWHERE, enabled=False), den=[named("m")])
    assert why(home.decide("den/m")) == {"den/m": ("provider disabled",)}


def test_a_healthy_listing_is_believed(two: Home) -> None:
    """Ruling 1: what it does not list is unknown, with the nearest names; --force calls it."""
    with pytest.raises(UnknownName) as caught:
        two.decide("den/qwen3:4b")
    assert caught.value.details["candidates"][0] == "den/qwen3:8b"
    assert two.choose("den/qwen3:4b", force=True).plan == ("den/qwen3:4b",)
    with pytest.raises(UnknownName):
        two.decide("den/\x1b[31m", force=True)


def test_loose_matches_count_only_where_no_other_is_left(two: Home) -> None:
    """4.2: only where no exact candidate survives; asked for or not at all; said, and kept for a replay."""
    with pytest.raises(UnknownName) as caught:
        two.decide("gpt-4o")
    assert caught.value.hint.endswith("what resembles it may answer with: --loose")
    like = two.decide("gpt-4o", loose=True)
    assert (like.selected, like.loosely, like.requested) == ("work/gpt-4o-2024-08-06", True, "gpt-4o")
    assert like.notes == ('nobody carries "gpt-4o"; work/gpt-4o-2024-08-06 resembles it',)
    assert dict(like.options)["loose"] is True
    exact = two.decide("llama3", loose=True)
    assert (exact.selected, exact.loosely, exact.notes) == ("den/llama3", False, ())


def test_a_loose_match_is_no_naming(two: Home) -> None:
    """Requirements and policy bind it, inactive deployments and stale listings included; all are listed."""
    assert why(two.decide("gpt-4o", loose=True, local_only=True)) == {
        "work/gpt-4o-2024-08-06": ("not local",)
    }
    two.sets(**{"work__gpt-4o-2024-08-06": Policy(state="inactive")})
    assert two.decide("gpt-4o", loose=True).no_eligible
    assert two.decide("gpt-4o-2024-08-06").selected == "work/gpt-4o-2024-08-06"
    two.sets()
    two.fails("work", "2026-09-01T00:00:00Z")
    assert "not listed since" in why(two.decide("gpt-4o", loose=True))["work/gpt-4o-2024-08-06"][0]
    both = two.decide("llama3", loose=True, min_quality=10)
    assert why(both) == {"den/llama3": why(both)["den/llama3"]}


def test_a_named_model_may_be_given_a_larger_window(tmp_path: Path) -> None:
    """5.4 item 2: what the server could load is enough for an explicit request, and only for that."""
    small = named("m", loaded_context=4096, max_context=32768)
    home = Home(tmp_path, DEN, EDGE, den=[small], edge=[named("m", loaded_context=8192)])
    grown = home.decide("den/m", context_size=12288)
    assert (grown.selected, grown.grows) == ("den/m", 32768)
    assert grown.reasoning.endswith("it is loaded with a larger window first, 32768 tokens at most")
    assert home.decide("den/m", context_size=4096).grows == 0
    assert why(home.decide("den/m", context_size=32769)) == {"den/m": ("context window too small",)}
    assert home.decide(context_size=12288).no_eligible
    assert home.decide("m", context_size=8000).selected == "edge/m"  # no need to load anything
    assert home.decide("m", context_size=12288).selected == "den/m"


def test_an_owners_window_is_not_grown_beyond(tmp_path: Path) -> None:
    """The trap of 5.4: the override is looked at first, so nothing is loaded only to be refused."""
    small = named("m", loaded_context=4096, max_context=32768)
    home = Home(tmp_path, DEN, model("den/m", context_window=6000), den=[small])
    assert home.decide("den/m", context_size=8000).no_eligible


def test_preflight_gives_every_reason(tmp_path: Path) -> None:
    """5.4 item 2: all that is wrong with an explicit request is told at once, before anything is sent."""
    home = Home(tmp_path, DEN, model("den/m", supports_tools=False, context_window=4096), den=[named("m")])
    decision = home.decide("den/m", needs=("tools", "images"), context_size=9000)
    assert why(decision)["den/m"] == (
        "tool use disabled for this deployment",
        "missing image support",
        "context window too small",
    )


def test_exclusions_may_be_patterns_and_are_told_as_written(two: Home) -> None:
    """`--exclude` takes providers, deployments, aliases, names and patterns; a typo is an error."""
    decision = two.decide(exclude=("den*", "small", "*4o*"))
    assert (decision.selected, dict(decision.options)["exclude"]) == (
        "edge/qwen3:8b",
        ("den*", "small", "*4o*"),
    )
    with pytest.raises(UnknownName, match="no provider and no model matches"):
        two.decide(exclude=("zz*",))
    assert two.decide(prefer="e*").selected == "edge/qwen3:8b"
