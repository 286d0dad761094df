"""Costs with an exponent, as other machines may write them: one amount wherever they are shown."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.support import Home, model, provider

RECORD = {
    "at": "2026-11-20T10:00:00Z",
    "provider": "work",
    "model": "m",
    "deployment": "work/m",
    "success": True,
}


def test_an_amount_is_the_same_in_every_view(home: Home) -> None:
    """Plain digits in JSON, as all money is; what no call costs is no amount, in lists as in sums."""
    home.write_config(provider("work", "http://x.test"), model("work/m"))
    costs = {"a": "1E-7", "b": "1.5E+2", "c": "0.25"}
    lines = [RECORD | {"id": name, "cost": cost, "lost_cost": "1E-8"} for name, cost in costs.items()]
    wild = RECORD | {"id": "wild", "cost": "1E+99", "cost_original": "1E+99", "lost_cost": "1E+99"}
    (home.cwd / "some.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (*lines, wild)))
    assert home.here("usage", "import", "some.jsonl", "--json").json["broken"] == 1
    with next((home.state / "usage").glob("*.jsonl")).open("a") as day:
        day.write(json.dumps(wild) + "\n")
    listed = home.here("usage", "list", "--since", "all", "--json").json["records"]
    assert {each["id"]: each["cost"] for each in listed} == {
        "a": "0.0000001",
        "b": "150",
        "c": "0.25",
        "wild": None,
    }
    assert [each.get("lost_cost") for each in listed if each["id"] in "a wild"].count("0.00000001") == 1
    total = home.here("usage", "--since", "all", "--json").json["total"]
    assert (Decimal(total["cost"]), total["unpriced"]) == (Decimal("150.2500001"), 1)
    sheet = home.here("usage", "export", "--format", "csv").out.splitlines()
    place = sheet[0].split(",").index("cost")
    assert sorted(line.split(",")[place] for line in sheet[1:]) == ["", "0.0000001", "0.25", "150"]
