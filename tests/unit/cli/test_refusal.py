"""Why nobody may answer: the one obstacle in figures and names, and the way out (reconcile-resolve 13)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.cli import refusal
from llmpool.config.paths import find_paths
from llmpool.core.config import Group
from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.core.routing import HARD, RouteRequest, RoutingRow
from llmpool.decide import Asked, choose
from llmpool.errors import LlmpoolError, NothingEligible
from llmpool.pool import Pool
from llmpool.state import inventory
from tests.builders import row, table
from tests.support import provider

NOW = 1_790_000_000.0
LISTING = "nothing may answer this; nothing was sent"


def refused(tmp_path: Path, request: RouteRequest, *rows: RoutingRow, **fields: Any) -> LlmpoolError:
    """Return the error of a request that none of *rows* may answer; a model that it names means them all."""
    config = tmp_path / "config.toml"
    config.write_text(provider("den", "http://127.0.0.1:9", format="ollama"))
    pool = Pool(find_paths({}, str(config), str(tmp_path / "state")), {}, lambda: NOW)
    pool.__dict__["table"] = table(rows, default_model="", **fields)
    choice = choose(pool, Asked(request, list(pool.table.rows) if request.model else None))
    assert choice.decision.no_eligible
    return refusal.nothing_eligible(pool, choice.decision)


def test_golden_c14_a_shortfall_is_told_in_figures(tmp_path: Path) -> None:
    """C14: tokens needed, the best model, its window and the remedy, and not the plain listing.

    Windows of providers that differ: the largest one is the best, tools and other obstacles aside.
    """
    rows = row("den/tinyllama", window=2048), row("den/less", window=1024)
    error = refused(tmp_path, RouteRequest(context_size=4940), *rows)
    assert isinstance(error, NothingEligible)
    assert (error.exit_code, LISTING in error.message) == (6, False)
    assert all(part in error.message for part in ("4940", "den/tinyllama", "2048"))
    assert all(part in error.hint for part in ("larger-context", "fewer tools"))


def test_golden_c14_another_obstacle_is_no_shortfall(tmp_path: Path) -> None:
    """C14: where no window would help, each is listed with its reasons and nobody is told to ask for less."""
    error = refused(tmp_path, RouteRequest(context_size=4940, min_quality=9), row("den/a", window=2048))
    assert (error.message, "larger-context" in error.hint) == (LISTING, False)
    assert error.lines == ("den/a   quality 5 below 9; context window too small (4940 needed, 2048 there)",)


def test_an_explicit_window_is_told_from_its_largest(tmp_path: Path) -> None:
    """5.4: too small as it is loaded, or too small at its largest; for a named model both are figures."""
    seen = ObservedModel(name="m", loaded_context=4096, max_context=8192)
    entry = ProviderInventory(provider="den", attempted_at="2026-09-21T00:00:00Z", models=(seen,))
    inventory.update(tmp_path / "state", [entry])
    tight = row("den/m", window=4096, local=True)
    named = refused(tmp_path, RouteRequest(context_size=9000, model="m"), tight)
    assert named.lines == ("den/m   its window of 4096 tokens is too small, and so is its largest, 8192",)
    assert "has 8192" in named.message
    unnamed = refused(tmp_path, RouteRequest(context_size=6000), tight)
    assert "has 4096" in unnamed.message
    assert unnamed.hint.startswith("asked for by name, den/m is loaded with more: -m den/m")


def test_golden_c15_text_only_is_named_and_never_asked(tmp_path: Path) -> None:
    """C15: an image and a text-only model are an error that names it, of the kind of all such errors."""
    error = refused(tmp_path, RouteRequest(needs=("images",)), row("den/text-only"))
    assert isinstance(error, NothingEligible)
    assert error.message == "nothing that sees pictures may answer; den/text-only can only read"
    assert "llmpool models probe -m den/text-only --capabilities" in error.hint


def test_golden_c15_other_obstacles_are_listed_plainly(tmp_path: Path) -> None:
    """C15: who may not answer the text either is no text-only candidate."""
    error = refused(tmp_path, RouteRequest(needs=("images",), local_only=True), row("sky/a", local=False))
    assert error.message == "nothing local can answer; nothing was sent"


def test_those_that_see_are_shown_with_what_keeps_them(tmp_path: Path) -> None:
    """catalog-registry-router 5.7: at most five, larger windows first, then by id."""
    seeing = [row(f"sky/v{n}", images=True, window=8192 * (1 + n % 2), quality=1) for n in range(6)]
    request = RouteRequest(needs=("images",), min_quality=4)
    error = refused(tmp_path, request, row("den/blind", quality=8), *seeing)
    assert [line.split()[0] for line in error.lines[:5]] == ["sky/v1", "sky/v3", "sky/v5", "sky/v0", "sky/v2"]
    assert error.lines[0] == "sky/v1 sees: quality 1 below 4"


def test_a_missing_key_is_about_credentials_and_offline_a_refusal(tmp_path: Path) -> None:
    """A key that is all that is missing ends with 5, also for those that see; the variable is named."""
    rows = row("sky/v", images=True), row("den/t")
    config = tmp_path / "config.toml"
    config.write_text(provider("sky", "http://127.0.0.1:9", key={"env": "SKY_KEY"}))
    pool = Pool(find_paths({}, str(config), str(tmp_path / "state")), {}, lambda: NOW)
    pool.__dict__["table"] = table(rows, default_model="")
    choice = choose(pool, Asked(RouteRequest(needs=("images",)), None))
    error = refusal.nothing_eligible(pool, choice.decision)
    assert (error.exit_code, error.hint.split("=")[0]) == (5, "export SKY_KEY")


def test_one_way_out_is_named_where_all_wait_for_it(tmp_path: Path) -> None:
    """A disabled or inactive provider names its command; several obstacles name none."""
    disabled = row("sky/a", blocked="provider disabled", flags=HARD)
    inactive = row("den/b", blocked="provider inactive by policy: moving", flags=HARD)
    assert refused(tmp_path, RouteRequest(), disabled).hint == "llmpool providers enable sky"
    assert refused(tmp_path, RouteRequest(), inactive).hint == "llmpool policy clear den"
    assert refused(tmp_path, RouteRequest(), disabled, inactive).hint.startswith("loosen a requirement")
    assert refused(tmp_path, RouteRequest()).hint == "run: llmpool refresh"


def test_a_group_that_empties_a_request_says_so(tmp_path: Path) -> None:
    """The error's first words are about the group."""
    group = Group(name="family", providers=("den",))
    error = refused(tmp_path, RouteRequest(group="family"), row("sky/a"), groups=(group,))
    assert error.message.startswith("group family has no deployment")
