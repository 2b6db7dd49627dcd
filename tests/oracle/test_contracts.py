"""Contracts at random beside an oracle that shares no code with the package, and the oracle beside counts."""

import os
from fractions import Fraction

import pytest

from tests.oracle import contract_simulator, contracts
from tests.oracle.contract_simulator import Difference, main, simulation
from tests.oracle.contract_stories import KINDS, OTHER_TERMS, ContractStory

BILLS = int(os.environ.get("TOKENBILL_SIMULATED", "300"))
SEED = 20_261_129


def test_contracts_at_random_come_to_what_the_rules_say():
    made, difference = simulation(SEED, BILLS)

    assert difference is None, difference
    assert made >= BILLS


def test_a_fee_that_goes_on_after_the_end_is_one_item_and_rounded_as_one(monkeypatch):
    monkeypatch.setattr(ContractStory, "more_terms", lambda *_: {})  # of a time before these
    without_other_terms(monkeypatch)
    # a percentage of it, rounded by line, fell a cent apart once the oracle took its last version for another
    assert contract_simulator.simulated(20_270_207) == 6


def without_other_terms(monkeypatch):
    for terms in OTHER_TERMS:
        monkeypatch.setattr(ContractStory, terms, lambda *_: None)


def test_a_fee_of_two_levels_that_cost_the_same_is_one_item(monkeypatch):
    without_other_terms(monkeypatch)
    assert contract_simulator.simulated(20_267_071) == 8
    assert contract_simulator.simulated(20_262_807) == 19


def test_a_difference_is_found_and_says_its_seed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(contracts, "lift", lambda *_: None)

    made, difference = simulation(SEED, 2000)
    seed = int(difference.removeprefix("seed ").partition(",")[0].partition(":")[0])

    assert made < 2000
    assert main(["--seeds", f"{seed}:{seed + 1}", "--record", str(tmp_path / "record")]) == 1
    assert capsys.readouterr().out.startswith(f"seed {seed}")


def test_a_run_goes_on_where_it_stopped(tmp_path, capsys, monkeypatch):
    record, seen = tmp_path / "record", []
    monkeypatch.setattr(contract_simulator, "simulated", lambda seed: seen.append(seed) or 1)
    record.write_text("2:4\n7:8\n")

    assert main(["--seeds", "0:10", "--record", str(record)]) == 0
    assert seen == [0, 1, 4, 5, 6, 8, 9]
    assert capsys.readouterr().out == "7 bills, 0 differences\n"
    assert record.read_text().split() == ["2:4", "7:8", "0:2", "4:7", "8:10"]
    assert main(["--seeds", "0:10", "--record", str(record)]) == 0
    assert len(seen) == 7


def test_a_stretch_of_seeds_that_failed_is_not_finished(tmp_path, monkeypatch):
    def failing(seed):
        if seed == 1200:
            raise Difference("seed 1200")
        return 1

    record = tmp_path / "record"
    monkeypatch.setattr(contract_simulator, "simulated", failing)

    assert main(["--seeds", "0:2000", "--record", str(record)]) == 1
    assert record.read_text().split() == ["0:500", "500:1000"]


# --- the oracle by itself --------------------------------------------------------------------------------


MARCH, JUNE = ["2026-03-01", "2026-04-01"], ["2026-06-01", "2026-07-01"]
GRADUATED = [
    "graduated",
    [
        {"up_to": "10000", "rate": "0.01", "fee": "0", "per": None, "round": "none"},
        {"up_to": None, "rate": "0.005", "fee": "0", "per": None, "round": "none"},
    ],
    "1",
    False,
]


def fee(amount, name="fee", *, prorated=True):
    return {"amount": str(amount), "name": name, "due": "advance", "prorated": prorated}


def percent(value, **more):
    return {"unit": "percent", "value": str(value), "name": "off", "on": None, **more}


def tax(rate):
    return {"name": "VAT", "percent": str(rate), "inclusive": False, "on": None}


def terms(amount=None, prices=None, **more):
    """A monthly plan in USD from the 1st, as plain data."""
    prices = {"u": ["per_unit", "1", "1"]} if prices is None else prices
    plan = {
        "currency": "USD",
        "places": 2,
        "units": "USD",
        "unit_places": 2,
        "rounding": {"places": None, "mode": "half_up", "stage": "bill", "tax": "total"},
        "entries": {key: {"price": price, "each": None} for key, price in prices.items()},
        "included": {},
        "prorate_included": False,
        "token_price": None,
        "overage": "bill",
        "fees": [] if amount is None else [fee(amount)],
        "discounts": [],
        "minimum": None,
        "maximum": None,
        "taxes": [],
        "cycle": {"unit": "month", "every": 1, "anchor": 1},
        "proration": "day",
        "trial": None,
    }
    return plan | more


def rate(amount):
    return {"u": ["per_unit", amount, "1"]}


def agreed(plan, *changes, how="prorated", **more):
    found = [{"at": at, "plan": new, "fees": how, "tiers": "continue"} for at, new in changes]
    return {"plan": plan, "amendments": found, **more}


def price_cut(**more):
    return agreed(terms(prices=rate("1"), **more), ("2026-03-16", terms(prices=rate("0.99"), **more)))


BY_LINE = {"places": None, "mode": "half_up", "stage": "line", "tax": "total"}
TRIED = {
    "trial": JUNE,
    "trial_on": ["usage"],
    "rounding": BY_LINE | {"tax": "line"},
    "taxes": [{"name": "levy", "percent": "0", "unit": "0.335", "inclusive": False, "on": ["u"]}],
}
VOLUME = [
    "volume",
    [
        {"up_to": "20", "rate": "10", "fee": "0", "per": None, "round": "none"},
        {"up_to": None, "rate": "1", "fee": "0", "per": None, "round": "none"},
    ],
    "1",
    False,
]
BEFORE = {"2026-03-05": {"u": "100"}}
BOTH = {**BEFORE, "2026-03-20": {"u": "100"}}
HALVES = {"2026-06-05": {"u": "100"}, "2026-06-20": {"u": "100"}}
WORKED = {
    "an upgrade": (agreed(terms(31), ("2026-03-16", terms(62))), MARCH, {}, "47"),
    "a price cut with a minimum": (price_cut(minimum="93"), MARCH, BEFORE, "100"),
    "a price cut with a maximum": (price_cut(maximum="93"), MARCH, BEFORE, "93"),
    "a price cut with a fee": (price_cut(fees=[fee(9, prorated=False)]), MARCH, BEFORE, "109"),
    "an allowance of both": (price_cut(included={"u": "100"}), MARCH, BOTH, "99"),
    "tiers of another meter": (
        agreed(
            terms(prices={"calls": GRADUATED, **rate("1")}),
            ("2026-03-16", terms(prices={"calls": GRADUATED, **rate("2")})),
        ),
        MARCH,
        {"2026-03-05": {"calls": "9000"}, "2026-03-20": {"calls": "9000"}},
        "140",
    ),
    "an end": (agreed(terms(20), end="2026-03-16"), MARCH, {}, "9.68"),
    "fees from the start": (
        agreed(terms(10), ("2026-06-29", terms(15)), how="from_start"),
        JUNE,
        {},
        "15",
    ),
    "a trial of the whole month": (terms(60, minimum="100", trial=JUNE), JUNE, {}, "0"),
    "a trial of 14 days": (
        terms(60, minimum="100", trial=["2026-06-01", "2026-06-15"]),
        JUNE,
        {},
        "53.33",
    ),
    "a discount until a day": (
        terms(310, discounts=[percent(20, ends="2026-03-16")]),
        MARCH,
        {},
        "280",
    ),
    "fees put off": (
        agreed(terms(10), ("2026-06-11", terms(40)), ("2026-06-21", terms(40)), how="from_next"),
        JUNE,
        {},
        "10",
    ),
    "a price that falls": (
        agreed(terms(prices=rate("10"), taxes=[tax(20)]), ("2026-06-16", terms(prices={"u": VOLUME}))),
        JUNE,
        {"2026-06-05": {"u": "20"}, "2026-06-20": {"u": "10"}},
        "36",
    ),
    "a maximum from the middle on": (
        agreed(terms(), ("2026-06-16", terms(maximum="10"))),
        JUNE,
        HALVES,
        "105",
    ),
    "an unprorated fee that rises": (
        agreed(
            terms(fees=[fee(100, prorated=False)]),
            ("2026-06-16", terms(fees=[fee(110, prorated=False)], taxes=[tax(20)])),
        ),
        JUNE,
        {},
        "112",
    ),
    "a fee in two items": (
        agreed(
            terms("1.01", rounding=BY_LINE), ("2026-06-16", terms("1.01", rounding=BY_LINE, taxes=[tax(0)]))
        ),
        JUNE,
        {},
        "1.01",
    ),
    "a tax on each unit that a trial covers": (
        agreed(terms(**TRIED), ("2026-06-10", terms(prices=rate("2"), **TRIED))),
        JUNE,
        {"2026-06-05": {"u": "1"}, "2026-06-20": {"u": "1"}},
        "0.67",
    ),
    "a mark-up of nothing": (
        agreed(
            terms(prices=rate("0.005"), rounding=BY_LINE),
            ("2026-06-16", terms(prices=rate("0.005"), rounding=BY_LINE, markup="0")),
        ),
        JUNE,
        {"2026-06-05": {"u": "1"}, "2026-06-20": {"u": "1"}},
        "0.01",
    ),
    "the true-up of two taxes": (
        agreed(terms(minimum="100", taxes=[tax(19)]), ("2026-06-16", terms(minimum="100", taxes=[tax(20)]))),
        JUNE,
        {},
        "119.50",
    ),
}
"""The worked numbers and traps that need no credit: contract, period, usage by day, and what is owed."""


@pytest.mark.parametrize("name", WORKED)
def test_the_oracle_counts_as_by_hand(name):
    contract, period, used, expected = WORKED[name]
    contract = contract if "amendments" in contract else agreed(contract)

    assert contracts.owed(contract, period, used) == Fraction(expected)


def test_stories_tell_of_all_that_a_contract_can_be():
    told = [ContractStory(seed).told() for seed in range(SEED, SEED + 400)]
    changes = [change for story in told for change in story["contract"]["amendments"]]

    assert {change["fees"] for change in changes} == {"prorated", "from_start", "from_next"}
    assert {change["tiers"] for change in changes} == {"continue", "restart"}
    assert {len(story["contract"]["amendments"]) for story in told} >= {0, 1, 2, 3}
    assert {(story["contract"]["end"] is None, story["contract"]["end_fees"]) for story in told} == {
        (has_none, fees) for has_none in (True, False) for fees in ("prorated", "from_next")
    }
    assert {change["plan"]["rounding"]["stage"] for change in changes} == {"bill", "line"}
    assert any(term["starts"] for change in changes for kind in KINDS for term in change["plan"][kind])
    assert any(entry["each"] for change in changes for entry in change["plan"]["entries"].values())
    assert any(change["plan"]["token_price"] for change in changes)
    plans = [story["contract"]["plan"] for story in told] + [change["plan"] for change in changes]
    for what in ("book", "markup", "maximum_on", "minimum_on", "trial_on"):
        assert any(plan.get(what) for plan in plans), what
    assert all(any(plan.get(what) for plan in plans) for what in ("pool", "reads", "commitment"))
    assert {plan["reads"]["of"] for plan in plans if plan.get("reads")} >= {"a", "seats"}
    fees = [fee for plan in plans for fee in plan["fees"]]
    assert {fee["due"] for fee in fees if fee.get("cycle")} == {"advance", "arrears"}
    assert all(any(fee.get(what) for fee in fees) for what in ("in_tokens", "reads"))
    assert {str(plan["trial_on"]) for plan in plans if plan.get("trial_on")} >= {"['fee']", "['usage']"}
    assert any(isinstance(plan["trial"], int) for plan in plans)
    taxes = [tax for plan in plans for tax in plan["taxes"]]
    assert all(any(tax.get(what) for tax in taxes) for what in ("after", "unit", "category"))
    assert any(tax["inclusive"] for tax in taxes if tax.get("after"))
    assert any(len(story["levels"]) > 2 for story in told)
    assert {fee["price"][0] for plan in plans for fee in plan["fees"] if "price" in fee} == {
        "per_unit",
        "graduated",
        "volume",
    }
