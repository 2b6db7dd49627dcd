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
        tb.Fee(simulator.price_of(fee["price"]), fee["name"], level="seats")
        if "price" in fee
        else tb.Fee(fee["amount"], fee["name"], due=fee["due"], prorated=fee["prorated"], **dates_in(fee))
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
    more = {
        what: tb.Limit(plan[what], on=plan[f"{what}_on"])
        for what in ("maximum", "minimum")
        if plan[what] is not None and plan.get(f"{what}_on")
    }
    fees += [fee_beside(told) for told in plan.get("beside", ())]
    if plan.get("pool"):
        more["included"] = {tuple(plan["pool"]): "6"}
    if plan.get("city"):
        taxes.append(tb.Tax("city", 2, after=tuple(dict.fromkeys(tax.name for tax in taxes))))
    if plan.get("trial_on"):
        more["trial"] = tb.Trial(tb.Period(*plan["trial"]), on=tuple(plan["trial_on"]))
    return evolve(bare, prices=prices_of(plan), fees=fees, discounts=discounts, taxes=taxes, **more)


def fee_beside(kind):
    """A fee of a kind that the oracle does not know: of its own rhythm, or a share of what usage costs."""
    if kind == "share of usage":
        return tb.Fee(tb.PerUnit(10, per=100).at_least(2).of(tb.Amount("usage")), "care")
    unit, day, due = kind
    return tb.Fee(7, "rhythm", due, cycle=tb.Cycle(unit, f"2024-02-{day:02}"))


def prices_of(plan):
    """A schedule with its mark-up, or a book of several."""
    unit, book = simulator.unit_of(plan, plan["units"]), []
    for start, entries in plan.get("book") or [("2024-01-01", plan["entries"])]:
        found = {key: simulator.entry_of(entry) for key, entry in entries.items()}
        schedule = tb.PriceSchedule(found, currency=unit)
        book.append((start, schedule.marked_up(f"{plan['markup']}%") if plan.get("markup") else schedule))
    return tb.PriceBook(book) if plan.get("book") else book[0][1]


def levels_of(told, upto="9999"):
    """The levels that a bill is told of: those that are known by a day."""
    changes = {day: number for day, number in told["levels"].items() if day <= upto}
    return {"seats": changes} if changes else {}


def contract_of(contract):
    found = tb.Contract(plan_of(contract["plan"]))
    for change in contract["amendments"]:
        new = plan_of(change["plan"])
        found = found.amended(change["at"], new, fees=change["fees"], tiers=change["tiers"])
    return found.ended(contract["end"], contract["end_fees"]) if contract.get("end") else found
