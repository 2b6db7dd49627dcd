"""The examples of plans, periods and credit: what each model of the files is in parts of the library."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from tokenbill import (
    Account,
    Adjustment,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Grant,
    Period,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
)

EPOCH = date(1970, 1, 1)
FINE = Rounding(places=12)
"""For examples that do not round: more places than any of them has."""
KEYS = {"larger_balance": "larger", "promo_first": "promotional"}


def rounding_of(params, **stages):
    if params.get("decimals") is None:
        return FINE
    return Rounding(int(params["decimals"]), params.get("mode") or "half_up", **stages)


def days(count):
    return Period(EPOCH, EPOCH + timedelta(days=int(count)))


def turning(whole):
    """A cycle of which a period is one turn."""
    return Cycle.daily(whole.start, every=whole.days)


def charged(amounts, plan_terms, **asked):
    """A bill with one line for each amount, in their order."""
    meters = meters_of(amounts)
    prices = PriceSchedule(dict.fromkeys(meters, 1))
    plan = BillingPlan.on_demand(prices, **plan_terms)
    bill = Bill.of(Usage(dict(zip(meters, amounts, strict=True))), plan, **asked)
    bill.verify()
    return bill


def meters_of(amounts):
    return [f"line_{place:03}" for place, _ in enumerate(amounts)]


def told(bill, kind):
    return sum((line.exact for line in bill.lines if line.kind == kind), Fraction())


def proration(_, params, __):
    """A fee for a part of a cycle's period."""
    dates = Period.inclusive if params.get("day_count") == "inclusive" else Period
    if "numerator" in params:
        part, whole = days(params["numerator"]), days(params["denominator"])
    else:
        part = dates(params["start"], params["end"])
        whole = dates(params["period_start"], params["period_end"])
    bill = charged(
        [],
        {"fees": Fee(params["amount"]), "cycle": turning(whole), "rounding": rounding_of(params)},
        period=part,
    )
    return {"amount": Fraction(bill.total) if "decimals" in params else bill.exact}


def proration_change(_, params, __):
    whole = days(params["total"])
    terms = {"cycle": turning(whole), "rounding": rounding_of(params)}
    old, new = (
        BillingPlan.on_demand(PriceSchedule(), fees=Fee(params[key]), **terms)
        for key in ("old_amount", "new_amount")
    )
    at = whole.end - timedelta(days=int(params["remaining"]))
    paid = Bill.of({}, old, period=whole, at=whole.start, final=False)
    contract = Contract(old).amended(at, new)
    change = Bill.of({}, contract, period=whole, opening=paid.closing, at=at, final=False)
    fees = [line.precise for line in change.lines if line.kind == "fee"]
    # the examples round what is given back and what is charged, each for itself
    credit, charge = (Fraction(old.rounding(fee, old.rounding.places)) for fee in fees)
    return {"credit": credit, "charge": charge, "amount": credit + charge}


def day_count(_, params, __):
    return {"amount": Fraction(Period(params["start"], params["end"]).days)}


def month_anchor(_, params, __):
    """The boundary of the month after *start*: their numbers count from January 1970."""
    start = date.fromisoformat(params["start"])
    cycle = Cycle.monthly(int(params.get("anchor_day") or start.day))
    found = cycle.boundary((start.year - EPOCH.year) * 12 + start.month).date()
    return {"date": found.isoformat(), "amount": Fraction(int(f"{found:%Y%m%d}"))}


def graduated_prorated(_, params, events):
    """A recipe in user code: full units tell the place on the curve, prorated ones the money."""
    bare, fees, place, top, amount = *_rates_and_fees(params), Fraction(), Fraction(), Fraction()
    for event in events:
        full = Fraction(event["full"])
        after = max(place + full, Fraction())
        moved = _at(bare, after) - _at(bare, place)
        amount += moved * Fraction(event["prorated"]) / full if full else 0
        place, top = place + full, max(top, after)
    amount = max(amount, Fraction()) + _at(fees, top) if place >= 0 else Fraction()
    if params.get("compare_decimals") is None:
        return {"amount": amount}
    return {
        "amount": Fraction(
            Rounding(int(params["compare_decimals"]), params.get("compare_mode") or "half_up")(amount)
        )
    }


def _rates_and_fees(params):
    rows = [(None if row["up_to"] == "inf" else row["up_to"], row) for row in params["tiers"]]
    rates = Graduated([Tier(end, row["unit_price"]) for end, row in rows])
    return rates, Graduated([Tier(end, fee=row.get("flat_fee", 0)) for end, row in rows])


def _at(price, place):
    return price.exact(Decimal(place.numerator) / Decimal(place.denominator))


def commitment_min(_, params, __):
    terms = {"minimum": params["minimum"], "rounding": rounding_of(params)}
    period = None
    if params.get("proration"):
        terms["cycle"] = turning(days(params["proration"]["denominator"]))
        period = days(params["proration"]["numerator"])
    bill = charged([params["used"]], terms, period=period)
    if params.get("decimals") is None:
        return {"amount": told(bill, "minimum"), "total": bill.exact}
    return {"amount": Fraction(bill.total) - Fraction(params["used"]), "total": Fraction(bill.total)}


def grant_of(given, meters_by_type):
    scope = given.get("scope")
    return Grant(
        given["id"],
        given["balance"],
        "USD",
        expires=given.get("expires"),
        priority=given.get("priority", 0),
        created=given.get("created") and EPOCH + timedelta(days=int(given["created"])),
        on=None if scope is None else tuple(meters_by_type.get(scope, ["none"])),
    )


def credits(_, params, charges):
    """Grants pay the lines of one bill; the largest charge leads it."""
    charges = sorted(charges, key=lambda charge: -Decimal(charge["amount"]))
    amounts, by_type = [charge["amount"] for charge in charges], {}
    for meter, charge in zip(meters_of(amounts), charges, strict=True):
        by_type.setdefault(charge["type"], []).append(meter)
    order = tuple(KEYS.get(key, key) for key in params["order"])
    balance = Balance([grant_of(given, by_type) for given in params["grants"]], order)
    bill = charged(
        amounts, {"rounding": FINE}, opening=Account(balance=balance), at=params.get("at") or EPOCH
    )
    return {"amount": Fraction(bill.due), "drawn": {key: Fraction(amount) for key, amount in bill.draws}}


def credit_cap(_, params, __):
    note = Adjustment((), Decimal(params["potential"]), Decimal(0), "USD")
    account = Account().credit(note, paid=params["paid"], credited=params["already_credited"])
    return {"amount": Fraction(account.credit_balance)}


def rollover(_, params, __):
    rolls = (params.get("min_rollover") or 0, params.get("max_rollover"))
    balance = Balance([Grant("kept", params["balance"], "USD", rollover=rolls)]).rolled()
    left = balance.draw(params.get("overage") or 0).balance.left("kept")
    return {"amount": Fraction(left)}


def prepaid_on_account(_, params, __):
    opening = Account(balance=[Grant("billed before", params["already_billed"], "USD")])
    fees = [Fee(amount, f"fee {place}") for place, amount in enumerate(params["fees"])]
    bill = charged([], {"fees": fees, "rounding": rounding_of(params)}, opening=opening)
    return {"amount": Fraction(bill.due), "credited": sum(Fraction(amount) for _, amount in bill.draws)}


def discount(_, params, __):
    """A tax of 100 percent on one line tells what discounts left of it."""
    lines = params["lines"]
    meters = meters_of(lines)
    nets = [Tax(meter, 100, on=meter) for meter in meters]
    terms = {"discounts": [discount_of(given, meters) for given in params["discounts"]], "taxes": nets}
    bill = charged(lines, {**terms, "rounding": rounding_of(params)})
    lines_net = [line.exact for line in bill.lines if line.kind == "tax"]
    return {"amount": -told(bill, "discount"), "net": sum(lines_net), "lines_net": lines_net}


def discount_of(given, meters):
    on = None if given.get("lines") is None else tuple(meters[int(place)] for place in given["lines"])
    make = {"fixed": Discount.fixed, "percent": Discount.percent}[given["type"]]
    return make(given["value"], on=on)


def tax(_, params, __):
    stages = {"stage": "line", "tax": "line"} if params.get("stage") == "per_line" else {}
    lines = params["lines"]
    terms = {
        "taxes": list(taxes_of(lines, params.get("inclusive") or False)),
        "rounding": rounding_of(params, **stages),
    }
    if params.get("discount_fixed"):
        terms["discounts"] = Discount.fixed(params["discount_fixed"])
    bill = charged([line["amount"] for line in lines], terms)
    owed = sum((line.exact for line in bill.lines if line.kind == "tax" and line.amount > 0), Fraction())
    net = Fraction(bill.total) - owed
    return {"amount": owed, "total": Fraction(bill.total), "net": net}


def taxes_of(lines, inclusive):
    """One tax for each rate; a rate that a line names twice is two taxes."""
    meters, scopes = meters_of(lines), {}
    for meter, line in zip(meters, lines, strict=True):
        for place, rate in enumerate(line["rates"]):
            scopes.setdefault((rate, line["rates"][:place].count(rate)), []).append(meter)
    for (rate, place), scope in scopes.items():
        yield Tax(f"{rate} %, {place}", rate, inclusive=inclusive, on=tuple(scope))


def pipeline(_, params, __):
    """One bill, whose stages stand in this order; a discount after the tax is credit that is drawn first."""
    order = params["order"]
    assert order in ORDERS, f"no bill has its steps in the order {', '.join(order)}"
    lines = params["lines"]
    meters = meters_of(lines)
    discounts = [
        Discount.percent(percent, on=meters[int(place)])
        for place, percent in params.get("line_percent_discounts") or ()
    ]
    grants = [Grant("prepaid", params.get("prepaid") or 0, "USD", priority=1)]
    if params.get("discount_fixed") and "tax_before_discount" in order:
        grants.append(Grant("discount", params["discount_fixed"], "USD"))
    elif params.get("discount_fixed"):
        discounts.append(Discount.fixed(params["discount_fixed"]))
    terms = {
        "discounts": discounts,
        "taxes": Tax("tax", params.get("tax_percent") or 0),
        "rounding": rounding_of(params),
    }
    bill = charged(lines, terms, opening=Account(balance=grants))
    return {
        "amount": Fraction(bill.due),
        "tax": told(bill, "tax"),
        "taxable": told(bill, "usage") + told(bill, "discount"),
    }


STEPS = ("line_discount", "discount", "tax", "prepaid")
TAXED_FIRST = ("line_discount", "tax_before_discount", "discount", "prepaid")
ORDERS = [
    list(order)
    for steps in (STEPS, TAXED_FIRST)
    for count in range(1, len(steps) + 1)
    for order in combinations(steps, count)
]
"""The orders of steps that a bill can have: those of its stages, some of them left out."""

PLAN_RECIPES = {
    recipe.__name__: recipe
    for recipe in (
        *(proration, proration_change, day_count, month_anchor, graduated_prorated, commitment_min),
        *(credits, credit_cap, rollover, prepaid_on_account, discount, tax, pipeline),
    )
}
