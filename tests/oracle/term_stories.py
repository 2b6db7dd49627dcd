"""Plans with terms that read levels, other usage and scopes, at random; and the package's side of them."""

from random import Random

import tokenbill as tb

FIRST = "2026-06-01"
SCOPES = (None, "usage", "fee", "a", "fee:base")


def story(seed):
    """A plan as data, the first day of the period, usage by day, and the changes of a level by day."""
    rng = Random(seed)

    def tiers():
        ends = [(rng.randrange(3, 20), rng.choice([1, 2, 3])), (None, rng.choice([1, 2]))]
        return ends if rng.random() < 0.5 else ends[1:]

    def of(*names):
        return tiers(), rng.choice(names)

    def limits(low, high, scopes):
        chosen = rng.sample(scopes, rng.randrange(3))
        return [
            (rng.choice([rng.randrange(low, high), of("seats", "c")]), on, rng.random() < 0.5)
            for on in chosen
        ]

    support = ((rng.randrange(10), rng.randrange(5)), rng.choice(["usage", "b"]))
    fees = {
        "base": rng.randrange(20),
        "seats": (["stairs", (3, 20), (6, 30), (99, 60)] if rng.random() < 0.5 else tiers(), "seats"),
        "care": rng.choice([support, of("a", "c")]),
    }
    included = rng.choice(
        [
            {},
            {("a", "b"): rng.randrange(25)},
            {("a",): of("seats", "c")},
            {("a", "c"): of("b", "seats"), ("b",): 5},
            {("b",): of("a"), ("c",): 4},
        ]
    )
    taxes = [{"name": "VAT", "percent": rng.randrange(25), "on": rng.choice(SCOPES), "after": ()}]
    if rng.random() < 0.5:
        unit = {"name": "levy", "unit": rng.randrange(1, 4), "on": rng.choice("ab")}
        taxes.insert(0, unit)
    names = [tax["name"] for tax in taxes]
    after = tuple(rng.sample(names, rng.randrange(len(names) + 1)))
    taxes.append({"name": "city", "percent": rng.randrange(9), "on": rng.choice(SCOPES), "after": after})
    is_inclusive = rng.random() < 0.3
    plan = {
        "prices": {entry: tiers() for entry in "abc"},
        "fees": {name: fees[name] for name in sorted(fees) if rng.random() < 0.6 or name == "base"},
        "included": included,
        "prorate_included": rng.random() < 0.5,
        "discounts": [(rng.choice([10, 25, 50]), rng.choice(SCOPES)) for _ in range(rng.randrange(3))],
        "maxima": limits(60, 90, [None, "usage", "fee", "b"]),
        "minima": limits(5, 55, [None, "usage", "a", "fee"]),
        "taxes": taxes,
        "inclusive": [{"name": "GST", "percent": 7, "on": rng.choice(SCOPES)}] if is_inclusive else [],
    }
    first = rng.choice([1, 1, 16])
    usage = {
        day: {rng.choice("abc"): rng.randrange(15) for _ in range(2)}
        for day in sorted(rng.sample(range(first, 31), rng.randrange(1, 5)))
    }
    days = [first, *sorted(rng.sample(range(first + 1, 31), rng.randrange(3)))]
    seats = [(day, rng.randrange(9)) for day in days]
    return plan, first, usage, {"seats": seats}


def price_of(tiers):
    if tiers[0] == "stairs":
        *steps, (_, last) = tiers[1:]
        return tb.Volume([*(tb.Tier(end, fee=fee) for end, fee in steps), tb.Tier(None, fee=last)])
    return tb.Graduated([tb.Tier(end, rate) for end, rate in tiers])


def amount_of(amount):
    if not isinstance(amount, tuple):
        return amount
    tiers, name = amount
    if isinstance(tiers, list):
        return price_of(tiers).of(name)
    least, tenths = tiers
    return tb.PerUnit(tenths, per=10).at_least(least).of(tb.Amount(name))


def plan_of(plan, **terms):
    """The plan of the package."""

    def limits(found):
        return [tb.Limit(amount_of(amount), on=on, prorated=prorated) for amount, on, prorated in found]

    taxes = [
        tb.Tax.per_unit(tax["name"], tax["unit"], meter=tax["on"])
        if "unit" in tax
        else tb.Tax(tax["name"], tax["percent"], on=tax["on"], after=tax["after"])
        for tax in plan["taxes"]
    ]
    taxes += [tb.Tax(tax["name"], tax["percent"], inclusive=True, on=tax["on"]) for tax in plan["inclusive"]]
    fees = [tb.Fee(amount_of(amount), name) for name, amount in plan["fees"].items()]
    return tb.BillingPlan(
        tb.PriceSchedule({entry: price_of(tiers) for entry, tiers in plan["prices"].items()}),
        fees=fees,
        included={entries: amount_of(units) for entries, units in plan["included"].items()},
        prorate_included=plan["prorate_included"],
        discounts=[tb.Discount.percent(percent, on=on) for percent, on in plan["discounts"]],
        maximum=limits(plan["maxima"]),
        minimum=limits(plan["minima"]),
        taxes=taxes,
        cycle=tb.Cycle.monthly(),
        **terms,
    )


def day(number):
    return f"2026-06-{number:02}"
