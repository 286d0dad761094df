"""Text to deployment (DESIGN ruling 1): exact id, alias, name, several, `:latest`, or a useful error."""

from __future__ import annotations

import pytest

from llmpool.core.routing import RoutingTable
from llmpool.errors import AmbiguousName, UnknownName
from llmpool.registry import resolve
from tests.builders import row, table


def pool_of(*ids: str, **fields: object) -> RoutingTable:
    """Build a table with one row an id."""
    return table([row(each) for each in ids], **fields)  # type: ignore[arg-type]


def found(ref: str, pool: RoutingTable) -> list[str]:
    """Return the ids *ref* means."""
    return [each.id for each in resolve.find(ref, pool)]


def test_an_exact_id_comes_first() -> None:
    """An id wins over an alias and over models of the same name elsewhere."""
    pool = pool_of("den/a", "gate/den/a", "sky/b", aliases={"den/a": "sky/b"})
    assert found("den/a", pool) == ["den/a"]


def test_an_alias_comes_before_a_name() -> None:
    """The owner's alias hides a model that happens to be called so."""
    pool = pool_of("den/a", "sky/small", aliases={"small": "den/a"})
    assert found("small", pool) == ["den/a"]


def test_an_alias_of_nothing_is_no_hit() -> None:
    """An alias whose deployment is gone leaves the name to its carriers."""
    assert found("small", pool_of("sky/small", aliases={"small": "den/a"})) == ["sky/small"]


def test_a_name_finds_everybody_who_carries_it() -> None:
    """One carrier or several, in id order; names may hold slashes and colons."""
    pool = pool_of("den/a", "edge/a", "gate/meta/llama", "den/qwen3:8b")
    assert found("a", pool) == ["den/a", "edge/a"]
    assert found("meta/llama", pool) == ["gate/meta/llama"]
    assert found("qwen3:8b", pool) == ["den/qwen3:8b"]


@pytest.mark.parametrize("ref", ["a", "den/a"])
def test_latest_is_implied(ref: str) -> None:
    """A bare name or id means the `:latest` one when nothing is called so itself."""
    assert found(ref, pool_of("den/a:latest", "den/a:8b")) == ["den/a:latest"]


@pytest.mark.parametrize("ref", ["a:latest", "den/a:latest"])
def test_latest_may_be_said_where_it_is_implied(ref: str) -> None:
    """Ruling 18: the name a server shows finds the deployment the owner declared without its tag."""
    assert found(ref, pool_of("den/a", "den/a:8b")) == ["den/a"]


def test_an_exact_name_comes_before_latest() -> None:
    """`a` at one provider is meant before `a:latest` at another."""
    assert found("a", pool_of("den/a", "edge/a:latest")) == ["den/a"]


def test_an_id_at_a_configured_provider_stays_there() -> None:
    """`den/a` never means a model of that name at somebody else's `:latest`."""
    assert found("den/b", pool_of("den/a", "gate/den/b:latest")) == []


@pytest.mark.parametrize("ref", ["", "/", "nothing", "den/", ":latest", "DEN/A"])
def test_nobody_is_found_for_what_nobody_carries(ref: str) -> None:
    """Unknown names, halves of ids and another case find nothing, and nothing raises."""
    assert found(ref, pool_of("den/a")) == []


def test_one_returns_the_only_carrier() -> None:
    """Where one must be meant and one is, that is it."""
    assert resolve.one("a", pool_of("den/a", "den/b")).id == "den/a"


def test_golden_c1_a_name_on_two_providers_is_ambiguous() -> None:
    """C1 under ruling 1: ids are always provider/model, so the bare `m` is ambiguous with both as targets.

    The source made ids of `edge/m` and `ollama/m`; the second is `default/m` here, for a provider is its id.
    """
    with pytest.raises(AmbiguousName) as caught:
        resolve.one("m", pool_of("default/m", "edge/m"))
    assert caught.value.details == {"candidates": ["default/m", "edge/m"]}
    assert caught.value.lines == ("default/m", "edge/m")
    assert "2 deployments" in caught.value.message
    assert caught.value.exit_code == 3


def test_golden_c7_a_configured_name_no_longer_hides_its_twins() -> None:
    """C7 under ruling 1: a bare name is never an id, so a twin discovered elsewhere makes it ambiguous.

    In the source the configured `qwen3:4b` kept resolving to itself; here the owner says so with an alias.
    Two discovered twins are ambiguous and one alone is found, as there.
    """
    twins = ("default/qwen3:4b", "edge/qwen3:4b")
    with pytest.raises(AmbiguousName):
        resolve.one("qwen3:4b", pool_of(*twins))
    assert resolve.one("qwen3:4b", pool_of(*twins, aliases={"qwen3:4b": twins[0]})).id == twins[0]
    assert resolve.one("qwen3:4b", pool_of("mirror/qwen3:4b")).id == "mirror/qwen3:4b"


@pytest.mark.parametrize("ref", [" den/a ", "den/a\n", "\ta"])
def test_blanks_around_a_reference_do_not_matter(ref: str) -> None:
    """1.4: a reference is trimmed."""
    assert found(ref, pool_of("den/a")) == ["den/a"]


def test_a_configured_provider_is_not_left() -> None:
    """`openai/gpt-5` is never answered by a gateway's model of that name while openai is configured.

    Where nobody configured it, that is a name like any other.
    """
    assert found("openai/gpt-5", pool_of("gate/openai/gpt-5", "openai/other")) == []
    assert found("openai/gpt-5", pool_of("gate/openai/gpt-5")) == ["gate/openai/gpt-5"]


def test_a_vendors_prefix_is_part_of_the_name() -> None:
    """`gpt-5-mini` is not `openai/gpt-5-mini`; it is suggested, and matched only loosely."""
    pool = pool_of("gate/openai/gpt-5-mini", "gate/openai/gpt-5")
    assert found("gpt-5-mini", pool) == []
    assert resolve.nearest("gpt-5-mini", pool)[0] == "gate/openai/gpt-5-mini"


def test_google_may_be_asked_in_its_own_words() -> None:
    """C17: Google writes `models/` in front of each name, nobody else's names are bared of that."""
    providers = [{"id": "goo", "format": "google"}, {"id": "den", "format": "openai"}]
    pool = pool_of("goo/gemini", "den/gemini", providers=providers)
    assert found("models/gemini", pool) == ["goo/gemini"]
    assert found("goo/models/gemini", pool) == ["goo/gemini"]
    assert found("den/models/gemini", pool) == []


def test_a_pattern_means_providers_or_else_deployments() -> None:
    """`*:free`, `gate/*` and `g*`; nobody that fits is an error, and so is a name in place of a pattern."""
    pool = pool_of("gate/x:free", "den/y:free", "gate/z")
    assert resolve.matching("*:free", pool) == ["gate/x:free", "den/y:free"]
    assert resolve.matching("gate/*", pool) == ["gate/x:free", "gate/z"]
    assert resolve.matching("g*", pool) == ["gate"]
    for nobody in ("nosuch*", "plain"):
        with pytest.raises(UnknownName):
            resolve.matching(nobody, pool)


def test_the_two_halves_of_a_pattern_are_matched_apart_as_policies_have_it() -> None:
    """An id is split at the first slash: `*/llama` means no `meta/llama`; `meta/*` and `*/*llama` do."""
    pool = pool_of("gate/meta/llama", "den/llama:latest", "metal/x")
    assert resolve.matching("*/llama", pool) == ["den/llama:latest"]
    assert resolve.matching("*/*llama", pool) == ["gate/meta/llama", "den/llama:latest"]
    assert resolve.matching("meta/*", pool) == ["gate/meta/llama"]
    assert resolve.matching("met*", pool) == ["metal"]
    assert resolve.matching("met*/*", pool) == ["metal/x"]


def test_nobody_to_leave_out_may_have_been_meant_for_a_provider() -> None:
    """Where a provider would do as well the error says so, and the nearest of them is offered."""
    pool = pool_of("gate/x", "den/qwen3:8b")
    with pytest.raises(UnknownName) as caught:
        resolve.meant("gaet", pool)
    assert caught.value.message == 'no provider or model "gaet" is known'
    assert caught.value.hint == "did you mean gate?"


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    """The error names what was typed, the nearest that exist, and the best of them as the way out."""
    with pytest.raises(UnknownName) as caught:
        resolve.one("den/quen3:8b", pool_of("den/qwen3:8b", "sky/gpt-5"))
    assert '"den/quen3:8b"' in caught.value.message
    assert caught.value.details == {"candidates": ["den/qwen3:8b"]}
    assert caught.value.hint == "did you mean den/qwen3:8b?"


def test_an_unknown_name_like_nothing_points_to_the_list() -> None:
    """Without anything near, the way out is the list, that of the provider where one was named."""
    error = resolve.unknown("zzz", pool_of("den/qwen3:8b"))
    assert error.details == {"candidates": []}
    assert error.hint == "see them all: llmpool models list"
    assert resolve.unknown("den/zzz", pool_of("den/qwen3:8b")).hint == "see them all: llmpool models list den"


@pytest.mark.parametrize("ref", ["den", "den/", " den "])
def test_a_provider_alone_is_told_from_a_model(ref: str) -> None:
    """`-m den` shows what den has, at most five; one that was never listed is to be asked."""
    error = resolve.unknown(ref, pool_of(*(f"den/m{n}" for n in range(7))))
    assert error.message == "den is a provider, not a model"
    assert error.lines == ("den/m0", "den/m1", "den/m2", "den/m3", "den/m4", "and 2 more")
    assert error.hint == "its models: llmpool models list den"
    silent = resolve.unknown(ref, pool_of(providers=[{"id": "den"}]))
    assert silent.hint == "nothing is known of it yet: llmpool refresh den"


def test_characters_that_look_like_others_are_pointed_out() -> None:
    """A dash or a blank copied from a web page looks right and is not; its number is shown."""
    error = resolve.unknown("gpt\u20115\u00a0mini", pool_of("sky/gpt-5-mini"))
    assert error.lines == ("it holds characters that are easily taken for others: U+00A0, U+2011",)
    assert error.hint == "did you mean sky/gpt-5-mini?"
    assert "U+0007" in resolve.unknown("bell\x07", pool_of("sky/m")).lines[0]


def test_a_name_of_any_length_gets_a_short_error() -> None:
    """Nobody reads a page of it back; blank ones are said to be none."""
    error = resolve.unknown("x" * 100_000, pool_of("sky/gpt-5-mini"))
    assert len(error.message) < 120
    assert resolve.unknown("  ", pool_of("sky/gpt-5-mini")).message == "no model is named"


def test_nearest_looks_at_ids_names_and_aliases() -> None:
    """A slip in any of the three is recognised, and each deployment is suggested once."""
    pool = pool_of("den/qwen3:8b", "sky/gpt-5-mini", aliases={"workhorse": "sky/gpt-5-mini"})
    assert resolve.nearest("qwen3", pool) == ["den/qwen3:8b"]
    assert resolve.nearest("gpt5-mini", pool)[0] == "sky/gpt-5-mini"
    assert resolve.nearest("workhose", pool) == ["sky/gpt-5-mini"]
    assert resolve.nearest("den/qwen3:8", pool) == ["den/qwen3:8b"]


def test_what_begins_as_it_was_typed_is_nearest() -> None:
    """Among thousands of names alike, the one that goes on where the typed one ends comes first."""
    pool = pool_of(*(f"big/model-{n:05d}-instruct" for n in range(2000)))
    for typed in ("model-00001", "big/model-00001"):
        assert resolve.nearest(typed, pool)[0] == "big/model-00001-instruct"
    pool = pool_of("sky/gpt-5-mini", "sky/gpt-5-nano-2", "gate/openai/gpt-5-m", "sky/gtp-5")
    assert resolve.nearest("gpt-5", pool)[:3] == ["sky/gpt-5-mini", "sky/gpt-5-nano-2", "gate/openai/gpt-5-m"]


def test_a_provider_in_common_makes_no_names_alike() -> None:
    """`den/bb` is a slip for `den/b`, not for whatever else den has."""
    assert resolve.nearest("den/bb", pool_of("den/b", "den/qwen3:8b")) == ["den/b"]
    assert resolve.nearest("den/bb", pool_of("den/qwen3:8b")) == []


def test_no_more_are_suggested_than_asked_for() -> None:
    """Five at most, unless told otherwise."""
    pool = pool_of(*(f"den/model-{n}" for n in range(9)))
    assert len(resolve.nearest("den/model", pool)) == 5
    assert len(resolve.nearest("den/model", pool, count=1)) == 1


def test_case_matters_and_is_the_first_thing_suggested() -> None:
    """`GPT-5` is nobody's name here; what differs by case alone comes before anything else."""
    pool = pool_of("sky/gpt-5", "sky/gpt-5x", "work/gpt-5")
    assert found("GPT-5", pool) == []
    assert resolve.nearest("GPT-5", pool) == ["sky/gpt-5", "work/gpt-5", "sky/gpt-5x"]


def test_the_nearest_of_ten_thousand_is_found() -> None:
    """A slip is recognised among all the models of many vendors."""
    crowd = [f"p{n % 97:02}/model-{n}-instruct" for n in range(10_000)]
    assert resolve.nearest("clade-sonet-4-5", pool_of(*crowd, "sky/claude-sonnet-4-5")) == [
        "sky/claude-sonnet-4-5"
    ]
