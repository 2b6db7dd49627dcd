"""The public example vectors, built from public parts of the library: each must come out exactly.

What a model of the files means stands in their headers, how tokenbill writes it in the README beside them.
Nothing is worked out here but those recipes.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from attrs import evolve
from plan_vectors import PLAN_RECIPES
from shared_vectors import shared_vectors, vector_id

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Flat,
    Graduated,
    Meter,
    Package,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tier,
    Usage,
    Volume,
)

LATER = {"percentage with a free window", "token_cost", "llm cliff"}
"""Families of examples that wait for a later issue."""

NOTHING = Bill.of(Usage(), BillingPlan.on_demand(PriceSchedule()))
"""A bill before which nothing was billed, not even a fee due at zero."""


def family(vector):
    if "prices" in vector:
        return f"llm {vector['tiers']['mode']}" if "tiers" in vector else "llm"
    free = [vector["params"].get(key) or "0" for key in ("free_events", "free_amount")]
    return f"{vector['model']} with a free window" if any(map(Decimal, free)) else vector["model"]


def examples(name):
    return [vector for vector in shared_vectors(name) if family(vector) not in LATER]


def exactly(value):
    """What an example expects, as Fractions."""
    if isinstance(value, list):
        return [exactly(item) for item in value]
    if isinstance(value, dict):
        return {key: exactly(item) for key, item in value.items()}
    return value if value.count("-") == len("--") else Fraction(value)  # a date is no number


# Curves -----------------------------------------------------------------------------------------------


def tiers(params, rate="unit_price", fee="flat_fee"):
    rows = params["tiers"]
    return opened([Tier(bound(row["up_to"]), row.get(rate, 0), row.get(fee, 0)) for row in rows])


def bound(number):
    return None if number in (None, "inf") else number


def opened(found):
    """A closed last tier swallows no units: it goes on."""
    return [*found[:-1], evolve(found[-1], up_to=None)]


def standard(params):
    return PerUnit(params["unit_price"])


def dynamic(params):
    return PerUnit(params["multiplier"])


def graduated(params):
    return in_multiples(Graduated, tiers(params), params)


def graduated_percentage(params):
    return Graduated(tiers(params, "rate_percent"), per=100, fee_at_zero=params["flat_at_zero"])


def volume(params):
    found = tiers(params)
    if "tier_quantity" in params:
        found = opened([Volume(found).tier_at(params["tier_quantity"])])
    return in_multiples(Volume, found, params)


def in_multiples(kind, found, params):
    """Tiers of units, or of a quantity raised to whole multiples of ``billing_units``."""
    at_zero, multiple = params.get("flat_at_zero", False), params.get("billing_units")
    if multiple is None:
        return kind(found, fee_at_zero=at_zero)
    return Package(multiple, multiple).then(kind(found, per=multiple, fee_at_zero=at_zero))


def package(params):
    packages = Package(params["package_size"], params["package_price"], params.get("round", "up"))
    return packages.after(params.get("free_units") or 0)


def stairstep(params):
    kind = {"top": Volume, "cumulative": Graduated}[params["mode"]]
    return kind(tiers(params, fee="price"), fee_at_zero=params["at_zero"])


def tiered_block(params):
    kind = {"ALL_TIERS": Graduated, "TOP_TIER": Volume}[params["policy"]]
    rows = params["tiers"]
    blocks = Tier.widths([(width(row), row["block_price"]) for row in rows])
    sized = zip(blocks, rows, strict=True)
    return kind(opened([evolve(tier, per=row["block_size"], round="up") for tier, row in sized]))


def width(row):
    blocks = bound(row["max_blocks"])
    return None if blocks is None else Decimal(row["block_size"]) * Decimal(blocks)


def commitment_overage(params):
    price = Graduated([Tier(params["commitment"], 1), Tier(None, params["overage_factor"])])
    return price.at_least(params["commitment"]) if params["true_up"] else price


def bps(params):
    price = PerUnit(params["bps"], per=10_000)
    return price if params.get("per_event_cap") is None else price.capped(params["per_event_cap"])


def percentage(params):
    """The price of one event, for events that are clamped one by one."""
    price = PerUnit(params["rate_percent"], per=100) + Flat(params["fixed_fee"], at_zero=True)
    if params.get("per_event_min") is not None:
        price = price.at_least(params["per_event_min"])
    return price if params.get("per_event_max") is None else price.capped(params["per_event_max"])


CURVES = {
    "standard": standard,
    "dynamic": dynamic,
    "graduated": graduated,
    "graduated_percentage": graduated_percentage,
    "volume": volume,
    "package": package,
    "stairstep": stairstep,
    "tiered_block": tiered_block,
    "commitment_overage": commitment_overage,
    "bps": bps,
    "percentage": percentage,
    "unit_conversion": lambda conversion: converted(PerUnit(1), conversion),
    "usage_discount": lambda _: PerUnit(1),
}


def curve(model, params):
    """The price with its options: units → free units → price → whole cents → discount → maximum → minimum."""
    price = measured(CURVES[model](params), params)
    if params.get("percent_discount") is not None:
        if params.get("decimals") is not None:  # rounded before the discount, so whole cents are packages
            cent = Decimal((0, (1,), -int(params["decimals"])))
            price = price.then(Package(cent, cent, mode(params)))
        price = price.then(PerUnit(Decimal(100) - Decimal(params["percent_discount"]), per=100))
    if params.get("maximum") is not None:
        price = price.capped(params["maximum"])
    return price if params.get("minimum") is None else price.at_least(params["minimum"])


def measured(price, params):
    """The price of units as they are given: converted first, the free ones taken off next."""
    if params.get("free_quantity") is not None:
        price = price.after(params["free_quantity"])
    return converted(price, params["unit_conversion"]) if params.get("unit_conversion") else price


def converted(price, conversion):
    factor = {{"multiply": "times", "divide": "of"}[conversion["operation"]]: conversion["factor"]}
    return price.in_units(**factor, round=conversion.get("rounding", "none"))


# Bills ------------------------------------------------------------------------------------------------


def settles(params):
    """Whether the bill is what rounds."""
    return params.get("decimals") is not None and params.get("percent_discount") is None


def mode(params):
    """How the example rounds; some models call something else their mode."""
    known = params.get("mode") in ("half_up", "half_even", "up", "down")
    return params["mode"] if known else "half_up"


def plan_of(prices, params, stage="bill"):
    """The prices, settled where the example settles: once, or entry by entry at the stage ``line``."""
    rounding = Rounding()
    if settles(params):
        rounding = Rounding(int(params["decimals"]), mode(params), stage=stage)
    return BillingPlan.on_demand(PriceSchedule(prices), rounding=rounding)


def billed(usage, plan, **account):
    bill = Bill.of(Usage(usage), plan, **account)
    bill.verify()
    return bill


def came_to(bill, params):
    """What a bill or an adjustment comes to: settled where the example settles, else exact."""
    return Fraction(bill.total) if settles(params) else sum(charges(bill).values())


def charges(bill):
    """The exact amounts of a bill by meter."""
    found = {}
    for line in bill.lines:
        if line.kind != "rounding":
            found[line.meter] = found.get(line.meter, 0) + line.exact
    return found


def at_once(model, params, quantity):
    """One quantity, one bill; a negative one is the difference of two."""
    units = Decimal(quantity)
    mirrored = params.get("allow_negative", False) and units < 0
    plan = plan_of({"units": curve(model, params)}, params)
    bill = billed({"units": units.copy_abs() if mirrored else units}, plan)
    slices = [line.exact for line in bill.lines if not line.description.endswith((", included", "rounding"))]
    return {"amount": came_to(NOTHING - bill if mirrored else bill, params), "per_tier": slices}


def packages(model, params, quantity):
    """A package that costs 1 counts the packages."""
    counting = measured(package({**params, "package_price": "1"}), params)
    return {**at_once(model, params, quantity), "packages": counting.exact(quantity)}


def together(model, params, events):
    """Events that share one quantity."""
    total = Usage([("units", event) for event in events])["units"]
    return at_once(model, params, total)


def apart(model, params, events, stage="bill"):
    """Each event by itself, under ``.each``; one of nothing has no meter, and a bill of its own."""
    price = curve(model, params)
    used = {Meter("units", {"event": str(i)}): event for i, event in enumerate(events)}
    bill = billed(used, plan_of({"units": price.each("event")}, params, stage))
    idle = came_to(billed({}, plan_of({"units": price}, params)), params)
    each = charges(bill)
    amount = came_to(bill, params) + idle * (len(used) - len(bill.usage))
    return {"amount": amount, "per_event": [each.get(meter, idle) for meter in used]}


def windowed(_, params, events):
    return apart(params["base_model"], params, events, stage="line")


def in_steps(model, params, totals):
    """What a chain of bills comes to, one for each running total; where it falls, a bill corrects."""
    plan = plan_of({"units": curve(model, params)}, params)
    account, deltas = Account(), []
    for before, total in pairwise([Decimal(0), *map(Decimal, totals)]):
        more, less = Usage(units=max(total - before, 0)), Usage(units=max(before - total, 0))
        bill = billed(more, plan, opening=account, less=less, final=False)
        deltas.append(came_to(bill, params))
        account = bill.closing
    return deltas


def incremental(_, params, totals):
    deltas = in_steps(params["base_model"], params, totals)
    deltas[0] -= Fraction(params.get("already_billed") or 0)
    return {"amount": deltas[-1], "deltas": deltas}


def usage_discount(model, params, events):
    deltas = in_steps(model, params, accumulate(map(Decimal, events)))
    return {"amount": deltas[-1], "per_line": deltas}


def percentages(model, params, events):
    if params["mode"] == "per_event":
        return apart(model, params, events)
    prices = {"volume": PerUnit(params["rate_percent"], per=100), "payments": params["fixed_fee"]}
    used = [(meter, quantity) for event in events for meter, quantity in (("volume", event), ("payments", 1))]
    bill = billed(used, plan_of(prices, params))
    parts = charges(bill)
    fixed = parts.get("payments", 0)
    return {"amount": came_to(bill, params), "percentage_part": parts.get("volume", 0), "fixed_part": fixed}


def several(_, params, __):
    """Parts that are measured apart: meters of one schedule."""
    parts = {f"part_{i}": part for i, part in enumerate(params["parts"])}
    prices = {meter: curve(part["model"], part["params"]) for meter, part in parts.items()}
    terms = {key: value for part in parts.values() for key, value in part["params"].items()}
    usage = {meter: part["quantity"] for meter, part in parts.items()}
    return {"amount": came_to(billed(usage, plan_of(prices, terms, stage="line")), terms)}


def capacity(_, params, peaks):
    """A stairstep on the highest tier that any unit needs."""
    rows = params["tiers"]
    reached = max((first_holding(rows, unit, peak) for unit, peak in peaks.items()), default=0)
    steps = Volume(opened([Tier(place, fee=row["price"]) for place, row in enumerate(rows, 1)]))
    return {"amount": came_to(billed({"tier": reached}, plan_of({"tier": steps}, params)), params)}


def first_holding(rows, unit, peak):
    """The place of the first tier whose limit holds the peak."""
    places = {}
    for place, row in enumerate(rows, 1):
        places.setdefault(bound(row["limits"].get(unit)), place)
    return Volume(opened([Tier(limit, fee=place) for limit, place in places.items()])).tier_at(peak).fee


def matrix(_, params, events):
    """Cells are labels; the first of two cells for the same attributes holds."""
    attributes = [*(cell["match"] for cell in params["cells"]), *(event["attrs"] for event in events)]
    dimensions = sorted({name for named in attributes for name in named})
    prices = {labelled(cell["match"], dimensions): cell["unit_price"] for cell in reversed(params["cells"])}
    if params.get("default_unit_price") is not None:
        prices["units"] = params["default_unit_price"]
    used = [(labelled(event["attrs"], dimensions), event["quantity"]) for event in events]
    return {"amount": came_to(billed(used, plan_of(prices, params)), params)}


def labelled(attributes, dimensions):
    return Meter("units", {name: str(attributes.get(name) or "none") for name in dimensions})


def rounding(_, params, quantity):
    rounded = Rounding(places=int(params["decimals"]), mode=mode(params))
    return {"amount": Fraction(rounded(quantity))}


RECIPES = {
    "package": packages,
    "dynamic": together,
    "bps": apart,
    "commitment_overage": apart,
    "windowed": windowed,
    "incremental": incremental,
    "usage_discount": usage_discount,
    "percentage": percentages,
    "sum": several,
    "capacity": capacity,
    "matrix": matrix,
    "rounding": rounding,
    **PLAN_RECIPES,
}
"""What is not simply one quantity on a curve."""


@pytest.mark.parametrize("vector", examples("billing.json"), ids=vector_id)
def test_an_example_is_billed_exactly(vector):
    recipe = RECIPES.get(vector["model"], at_once)
    params = vector["params"]
    given = [vector[key] for key in ("quantity", "events", "charges") if key in vector]
    outcome = recipe(vector["model"], params, *given or [None])

    expected = {key: exactly(value) for key, value in vector["expected"].items()}
    assert {key: outcome[key] for key in expected} == expected


def on_a_curve(vector):
    return vector["model"] in CURVES and "quantity" in vector and Decimal(vector["quantity"]) >= 0


@pytest.mark.parametrize("vector", list(filter(on_a_curve, examples("billing.json"))), ids=vector_id)
def test_a_price_alone_costs_what_the_example_says(vector):
    params, amount = vector["params"], Fraction(vector["expected"]["amount"])
    exact = curve(vector["model"], params).exact(vector["quantity"])

    assert amount == (plan_of({}, params).rounding(exact) if settles(params) else exact)


# Requests to language models --------------------------------------------------------------------------


def token_price(vector, meter):
    """One price for all units, or tiers that the meter's own quantity picks."""
    per = vector.get("unit_per", {}).get(meter, 1)
    table = vector.get("tiers")
    if table is None or meter not in table["by"]:
        return PerUnit(vector["prices"][meter], per=per)
    kind = {"volume": Volume, "graduated": Graduated}[table["mode"]]
    rates = [vector["prices"][meter], *(step["prices"][meter] for step in table["steps"])]
    ends = [end(step["above"], table) for step in table["steps"]]
    return kind([Tier(up_to, rate) for up_to, rate in zip([*ends, None], rates, strict=True)], per=per)


def end(threshold, table):
    """The last unit below a step: the threshold itself, unless the next rate for all units begins with it."""
    above_it = table["mode"] == "graduated" or not table.get("inclusive")
    return threshold if above_it else Decimal(threshold).next_minus()


def agrees(exact, text, vector):
    """Equal, or equal to the 28 digits that are given where the amount does not terminate."""
    given = Fraction(text)
    return exact == given or ("expected_fraction" in vector and abs(exact - given) * 10**27 <= abs(exact))


@pytest.mark.parametrize("vector", examples("llm.json"), ids=vector_id)
def test_a_request_to_a_model_is_billed_exactly(vector):
    prices = {meter: token_price(vector, meter) for meter in vector["prices"]}
    if vector.get("fixed") is not None:
        prices["fixed"] = Flat(vector["fixed"], at_zero=True)
    bill = billed(vector["usage"], BillingPlan.on_demand(PriceSchedule(prices)))
    lines = charges(bill)

    assert bill.exact == Fraction(vector.get("expected_fraction", vector["expected"]))
    assert all(agrees(lines.get(meter, 0), text, vector) for meter, text in vector.get("lines", {}).items())
