"""The package's side of a contract that a story tells of: its plans, and the contract itself."""

from attrs import evolve

import tokenbill as tb
from tests.oracle import simulator
from tests.oracle.contract_stories import KINDS


def dates_in(term):
    return {end: term[end] for end in ("starts", "ends") if term[end]}


def plan_of(plan):
    """A plan of the package, its terms by the names and dates that they are told with."""
    discounts = []
    for rule in plan["discounts"]:
        once = {} if rule["unit"] == "percent" else {"prorated": rule["prorated"]}
        make = tb.Discount.percent if rule["unit"] == "percent" else tb.Discount.fixed
        discounts.append(make(rule["value"], rule["name"], on=rule["on"], **once, **dates_in(rule)))
    bare = simulator.plan_of(plan | {kind: [] for kind in KINDS} | {"commitment": None, "included": {}})
    more = {
        what: tb.Limit(plan[what], on=plan[f"{what}_on"])
        for what in ("maximum", "minimum")
        if plan[what] is not None and plan.get(f"{what}_on")
    }
    if plan.get("trial_on"):
        trial = plan["trial"]
        length = trial if isinstance(trial, int) else tb.Period(*trial)
        more["trial"] = tb.Trial(length, on=tuple(plan["trial_on"]))
    if plan.get("commitment"):
        rule = plan["commitment"]
        more["commitment"] = tb.Commitment(**rule | {"cycle": tb.Cycle(**rule["cycle"])})
    return evolve(
        bare,
        prices=prices_of(plan),
        fees=[fee_of(plan, fee) for fee in plan["fees"]],
        included=included_of(plan),
        discounts=discounts,
        taxes=[tax_of(tax) for tax in plan["taxes"]],
        **more,
    )


def fee_of(plan, fee):
    if "price" in fee:
        return tb.Fee(simulator.price_of(fee["price"]), fee["name"], level="seats")
    if "reads" in fee:
        share = tb.PerUnit(fee["percent"], per=100).at_least(fee["least"])
        return tb.Fee(share.of(tb.Amount(fee["reads"])), fee["name"])
    told = {what: fee[what] for what in ("due", "prorated")} | dates_in(fee)
    if fee.get("in_tokens"):
        told["currency"] = simulator.unit_of(plan, plan["units"])
    if fee.get("cycle"):
        told["cycle"] = tb.Cycle(**fee["cycle"])
    return tb.Fee(fee["amount"], fee["name"], **told)


def included_of(plan):
    """Free units of entries, of several together, and those that read another quantity."""
    found = dict(plan["included"])
    if plan.get("pool"):
        found[tuple(plan["pool"]["entries"])] = plan["pool"]["units"]
    if plan.get("reads"):
        found[plan["reads"]["entry"]] = simulator.price_of(plan["reads"]["price"]).of(plan["reads"]["of"])
    return found


def tax_of(tax):
    if tax.get("unit"):
        return tb.Tax.per_unit(tax["name"], tax["unit"], meter=tax["on"])
    if tax.get("category"):
        return tb.Tax.none(tax["category"], tax["name"], on=tax["on"])
    after = tuple(tax.get("after") or ())
    return tb.Tax(
        tax["name"], tax["percent"], inclusive=tax["inclusive"], on=tax["on"], after=after, **dates_in(tax)
    )


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
