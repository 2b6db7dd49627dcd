"""The package's side of a contract that a story tells of: its plans, and the contract itself."""

from attrs import evolve

import tokenbill as tb
from tests.oracle import simulator
from tests.oracle.contract_stories import KINDS


def dates_in(term):
    return {end: term[end] for end in ("starts", "ends") if term[end]}


def plan_of(plan):
    """A plan of the package, its terms by the names and dates that they are told with."""
    fees = [
        tb.Fee(fee["amount"], fee["name"], due=fee["due"], prorated=fee["prorated"], **dates_in(fee))
        for fee in plan["fees"]
    ]
    discounts = []
    for rule in plan["discounts"]:
        once = {} if rule["unit"] == "percent" else {"prorated": rule["prorated"]}
        make = tb.Discount.percent if rule["unit"] == "percent" else tb.Discount.fixed
        discounts.append(make(rule["value"], rule["name"], on=rule["on"], **once, **dates_in(rule)))
    taxes = [
        tb.Tax(tax["name"], tax["percent"], inclusive=tax["inclusive"], on=tax["on"], **dates_in(tax))
        for tax in plan["taxes"]
    ]
    bare = simulator.plan_of(plan | {kind: [] for kind in KINDS} | {"commitment": None})
    return evolve(bare, fees=fees, discounts=discounts, taxes=taxes)


def contract_of(contract):
    found = tb.Contract(plan_of(contract["plan"]))
    for change in contract["amendments"]:
        new = plan_of(change["plan"])
        found = found.amended(change["at"], new, fees=change["fees"], tiers=change["tiers"])
    return found.ended(contract["end"], contract["end_fees"]) if contract.get("end") else found
