"""What stands between the pool and an answer (reconcile-resolve 15, example C6)."""

from __future__ import annotations

import itertools

import pytest

from llmpool.core.inventory import ProviderInventory
from llmpool.registry.readiness import (
    Standing,
    Wanted,
    in_order,
    issues,
    kind_of,
    standing,
)

AT = "2026-11-21T10:00:00Z"
BY_WORDS = {
    "API key not configured": "api_key_missing",
    "Failed to retrieve API key configuration: locked": "api_key_missing",
    "OpenAI catalog returned 401: bad": "auth",
    "status 403": "auth",
    "Unauthorized": "auth",
    "forbidden here": "auth",
    "Invalid API key": "auth",
    "Incorrect API key provided": "auth",
    "authentication failed": "auth",
    "connection refused": "unreachable",
    "context deadline exceeded": "unreachable",
    "i/o timeout": "unreachable",
    "dial tcp 10.0.0.1:80": "unreachable",
    "lookup den: no such host": "unreachable",
    "server misbehaving": "unreachable",
    "remote error: tls: bad certificate": "unreachable",
    "unexpected EOF": "unreachable",
    "connection reset by peer": "unreachable",
    "network is unreachable": "unreachable",
    "401 after a timeout": "auth",
    "api key not configured (401)": "api_key_missing",
    "den:14010 answered with a page": "other",
    "the subtlest leofric": "other",
    "no models found": "other",
}
BY_KIND = {
    "no_key": "api_key_missing",
    "auth": "auth",
    "unusable_key": "auth",
    "connect": "unreachable",
    "timeout": "unreachable",
    "broken": "unreachable",
    "server": "other",
    "quota": "other",
    "wrong_format": "other",
    "never heard of": "other",
}


@pytest.mark.parametrize(("text", "kind"), BY_WORDS.items(), ids=BY_WORDS)
def test_words_alone_name_the_kind_the_first_match_decides(text: str, kind: str) -> None:
    """The lists of 15, and C6: `OpenAI catalog returned 401: bad` is of the kind auth."""
    assert kind_of(text) == kind


@pytest.mark.parametrize(("given", "kind"), BY_KIND.items(), ids=BY_KIND)
def test_what_is_known_of_a_failure_goes_before_its_words(given: str, kind: str) -> None:
    """Ruling 11 over 15: type and status first, body text last."""
    assert kind_of("401 unauthorized, then a timeout", given) == kind


def test_no_error_is_of_no_kind() -> None:
    """Nothing went wrong, nothing is named."""
    assert kind_of("") == ""


def observed(error: str = "", kind: str = "", at: str = AT) -> ProviderInventory:
    """Build an observation."""
    return ProviderInventory(provider="den", attempted_at=at, error=error, error_kind=kind)


def test_a_provider_is_pending_ready_or_in_error() -> None:
    """Never asked is pending (a probe alone asks nothing of it), an answer is ready, all else is an error."""
    assert standing("den", "Den", None).state == "pending"
    assert standing("den", "Den", observed(at="")).state == "pending"
    assert standing("den", "Den", observed()) == Standing("den", "Den", "ready")
    failed = standing("den", "Den", observed("refused (401)", "auth"))
    assert failed == Standing("den", "Den", "error", "auth", "refused (401)")


def test_who_takes_no_part_is_neither_ready_nor_failed() -> None:
    """The owner's word goes before whatever it last said, which is told all the same."""
    shut = standing("den", "Den", observed("refused (401)", "auth"), out="inactive", keyless="K is not set")
    assert shut == Standing("den", "Den", "inactive", "auth", "refused (401)")
    assert standing("den", "Den", observed(), out="disabled") == Standing("den", "Den", "disabled")


def test_what_is_known_since_the_last_listing_counts() -> None:
    """A good listing does not help without the key it took, nor while nothing connects."""
    no_key = standing("den", "Den", observed(), keyless="K is not set", unreachable="refused")
    assert (no_key.state, no_key.kind, no_key.error) == ("error", "api_key_missing", "K is not set")
    away = standing("den", "Den", observed(), unreachable="unreachable since 10:00")
    assert (away.state, away.kind) == ("error", "unreachable")


def test_the_view_is_sorted_by_name_then_id() -> None:
    """Two of one name come in the order of their ids."""
    all_of_them = [Standing(i, n, "ready") for i, n in (("b", "Ollama"), ("a", "Ollama"), ("z", "Den"))]
    for order in itertools.permutations(all_of_them):
        assert [each.id for each in in_order(order)] == ["z", "a", "b"]


READY, PENDING = Standing("den", "Den", "ready"), Standing("den", "Den", "pending")
AWAY = Standing("den", "Den", "error", "unreachable", "refused")
SHUT, OFF = READY._replace(state="inactive"), READY._replace(id="off", state="disabled")
DEN = Wanted("den/a", ("den/a",))


def codes(*standings: Standing, default: Wanted = DEN, chat: tuple[str, ...] = ("den/a",)) -> list[str]:
    """Name the issues."""
    return [issue.code for issue in issues(standings, default, chat)]


def failed(kind: str) -> Standing:
    """Build a provider in error of a *kind*."""
    return READY._replace(state="error", kind=kind, error=kind)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (codes(READY), []),
        (codes(), ["no_providers"]),
        (codes(READY, default=Wanted()), ["missing_default_model"]),
        (codes(PENDING), ["never_refreshed", "default_provider_not_synced"]),
        (codes(AWAY), ["all_unreachable", "default_provider_unreachable"]),
        (codes(AWAY, READY._replace(id="sky")), ["default_provider_unreachable"]),
        (codes(PENDING, READY._replace(id="sky")), ["default_provider_not_synced"]),
        (codes(failed("api_key_missing")), ["default_provider_api_key_missing"]),
        (codes(failed("auth")), ["default_provider_auth_failed"]),
        (codes(failed("other")), []),
        (codes(PENDING, failed("api_key_missing")._replace(id="sky"))[:1], ["never_refreshed"]),
        (codes(AWAY, failed("api_key_missing")._replace(id="sky"))[:1], ["all_unreachable"]),
        (codes(SHUT), ["no_active_providers", "default_provider_inactive"]),
        (codes(SHUT, chat=()), ["no_active_providers", "default_provider_inactive"]),
        (codes(SHUT, READY._replace(id="sky")), ["default_provider_inactive"]),
        (
            codes(OFF, default=Wanted("off/a", ("off/a",))),
            ["no_active_providers", "default_provider_disabled"],
        ),
        (codes(PENDING, SHUT._replace(id="sky"))[:1], ["never_refreshed"]),
        (codes(AWAY, SHUT._replace(id="sky"))[:1], ["all_unreachable"]),
        (codes(READY, default=Wanted("sky/a")), ["default_provider_missing"]),
        (codes(READY, chat=()), ["no_chat_models"]),
        (codes(READY, default=Wanted("den/gone")), ["default_model_not_available"]),
        (codes(READY, default=Wanted("gone")), ["default_model_not_available"]),
        (codes(PENDING, chat=()), ["never_refreshed", "default_provider_not_synced", "no_chat_models"]),
    ],
)
def test_each_issue_has_its_sign(found: list[str], wanted: list[str]) -> None:
    """The blocking issues of 15 in their order; a default model names its provider too."""
    assert found == wanted


def test_a_default_carried_by_several_is_well_where_one_is() -> None:
    """A bare name means every deployment that carries it."""
    both = Wanted("a", ("den/a", "sky/a"))
    sky = READY._replace(id="sky")
    assert codes(AWAY, sky, default=both, chat=("den/a", "sky/a")) == []
    assert codes(AWAY, failed("auth")._replace(id="sky"), default=both) == ["default_provider_unreachable"]


def test_a_and_a_latest_are_one_default() -> None:
    """Ruling 18: the implied tag makes no difference."""
    assert codes(READY, default=Wanted("den/a", ("den/a",)), chat=("den/a:latest",)) == []
    assert codes(READY, default=Wanted("den/a:latest", ("den/a:latest",)), chat=("den/a",)) == []


def test_only_what_stops_everything_blocks() -> None:
    """Routing does without a default model, so its troubles block nothing; each issue has a way out."""
    every = [
        *issues((), DEN, ()),
        *issues((PENDING,), Wanted(), ()),
        *issues((AWAY,), DEN, ("den/a",)),
        *issues((READY,), Wanted("gone"), ("den/a",)),
    ]
    assert {i.code for i in every if i.blocks} == {
        "no_providers",
        "never_refreshed",
        "all_unreachable",
        "no_chat_models",
    }
    assert all(issue.message and "llmpool" in issue.hint for issue in every)


def test_a_pool_where_nobody_takes_part_says_who_and_how_it_would() -> None:
    """An inactive one comes first: to lift a policy is nearer than to enable what was never meant to run."""
    (issue,) = issues([OFF, SHUT], Wanted("sky/a", ("sky/a",)), ())[:1]
    assert issue.blocks
    assert issue.message == "no provider takes part: off is disabled, den is inactive"
    assert issue.hint == "llmpool policy clear den"
    many = [OFF._replace(id=f"p{n}") for n in range(5)]
    assert issues(many, Wanted(), ())[1].message.endswith("p2 is disabled and 2 more")
    assert issues(many, Wanted(), ())[1].hint == "llmpool providers enable p0"


def test_models_that_policy_bars_one_by_one_are_in_the_way_too() -> None:
    """Each deployment inactive or not routable leaves nothing to choose, though its provider is well."""
    (issue,) = issues([READY], DEN, ["den/a"], barred=True)
    assert (issue.code, issue.blocks) == ("no_routable_models", True)
