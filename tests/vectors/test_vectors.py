"""The public example vectors, built from public parts of the library: each must come out exactly.

What a model of the files means stands in their headers, how tokenbill writes it in the README beside them.
Nothing is worked out here but those recipes.
"""

import json
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from attrs import evolve

from tests.vectors.payload_shapes import shape_of_api
from tests.vectors.plan_vectors import PLAN_RECIPES
from tests.vectors.shared_vectors import ROOT, shared_vectors, vector_id
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
    payloads,
)
from tokenbill.events import bracket, free_window

NOTHING = Bill.of(Usage(), BillingPlan.on_demand(PriceSchedule()))
"""A bill before which nothing was billed, not even a fee due at zero."""


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
        bill = billed(more, plan, opening=account, reversal=less, final=False)
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
    """Payments after their free window, by the policies of Lago, from where the examples are."""
    one_by_one = params["mode"] == "per_event"
    free = {key: number for key in ("free_events", "free_amount") if (number := positive(params.get(key)))}
    ends = "amount" if one_by_one else "first"
    charged = free_window(events, **free, ends=ends, exact_fit="charged")
    if one_by_one:
        return charged_apart(model, params, charged)
    prices = {"volume": PerUnit(params["rate_percent"], per=100), "payments": params["fixed_fee"]}
    used = Usage(("volume", part.amount) for part in charged)
    bill = billed(used + Usage(payments=sum(part.pays_fee for part in charged)), plan_of(prices, params))
    parts = charges(bill)
    fixed = parts.get("payments", 0)
    return {"amount": came_to(bill, params), "percentage_part": parts.get("volume", 0), "fixed_part": fixed}


def positive(number):
    """A number as a Decimal, or nothing for 0, by which the examples say that it is not set."""
    return Decimal(number or 0) or None


def charged_apart(model, params, charged):
    """Each payment that pays the fee by itself; those that are free are left out."""
    bills = apart(model, params, [part.amount for part in charged if part.pays_fee])
    each = iter(bills["per_event"])
    return {**bills, "per_event": [next(each) if part.pays_fee else 0 for part in charged]}


def token_cost(_, params, events):
    """A request labelled by its input, which has prices of its own above each threshold."""
    tiers = params.get("context_tiers", [])
    rates = with_fallback(params["rates"], params)
    for tier in tiers:
        dearer = with_fallback(tier["rates"], params)
        rates |= {f"{pool}{{context={tier['over']}}}": rate for pool, rate in dearer.items()}
    prices = PriceSchedule({pool: PerUnit(rate, per=params["per"]) for pool, rate in rates.items()})
    marked_up = prices * (1 + Decimal(params["markup_percent"]) / 100)
    request = Usage((event["pool"], event["tokens"]) for event in events)
    labelled = bracket(request, ["input", "cache_read", "cache_write"], [tier["over"] for tier in tiers])
    return {"amount": billed(labelled, BillingPlan.on_demand(marked_up)).exact}


def with_fallback(rates, params):
    """Rates by pool; a pool without one has that of the pool that it falls back to."""
    pools = params.get("fallback") or {}
    return {**{pool: rates[other] for pool, other in pools.items() if other in rates}, **rates}


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
    "token_cost": token_cost,
    "sum": several,
    "capacity": capacity,
    "matrix": matrix,
    "rounding": rounding,
    **PLAN_RECIPES,
}
"""What is not simply one quantity on a curve."""


EXAMPLES = [
    {
        "id": "pools that fall back, also above a threshold",
        "model": "token_cost",
        "params": {
            "per": "1000",
            "rates": {"input": "1", "output": "4"},
            "markup_percent": "0",
            "fallback": {"cache_read": "input", "reasoning": "output"},
            "context_tiers": [{"over": "5000", "rates": {"input": "2"}}],
        },
        "events": [
            {"pool": "cache_read", "tokens": "6000"},
            {"pool": "reasoning", "tokens": "500"},
        ],
        "expected": {"amount": "14"},  # 6,000 × 2 ÷ 1,000 + 500 × 4 ÷ 1,000
    },
    {
        "id": "a tax of what a discount takes off later",
        "model": "pipeline",
        "params": {
            "lines": ["80", "20"],
            "line_percent_discounts": [["0", "25"]],
            "discount_fixed": "10",
            "tax_percent": "10",
            "prepaid": "5",
            "order": ["line_discount", "tax_before_discount", "discount", "prepaid"],
            "decimals": "2",
        },
        "expected": {"amount": "73", "tax": "8", "taxable": "80"},  # 80 + 8 − 10 − 5
    },
]
"""Words of the vocabulary of models that no public example uses."""


@pytest.mark.parametrize("vector", [*EXAMPLES, *shared_vectors("billing.json")], ids=vector_id)
def test_an_example_is_billed_exactly(vector):
    recipe = RECIPES.get(vector["model"], at_once if vector["model"] in CURVES else None)
    assert recipe, f"no recipe in parts of the library for the model {vector['model']}"
    params = vector["params"]
    given = [vector[key] for key in ("quantity", "events", "charges") if key in vector]
    outcome = recipe(vector["model"], params, *given or [None])

    expected = {key: exactly(value) for key, value in vector["expected"].items()}
    assert not expected.keys() - outcome.keys(), f"answers that the recipe of {vector['model']} does not give"
    assert {key: outcome[key] for key in expected} == expected


def test_every_model_of_the_vocabulary_has_a_recipe():
    models = shared_vectors("billing.json", "schema")["models"] if shared_vectors("billing.json") else CURVES

    assert not models.keys() - {*RECIPES, *CURVES}


def on_a_curve(vector):
    return vector["model"] in CURVES and "quantity" in vector and Decimal(vector["quantity"]) >= 0


@pytest.mark.parametrize("vector", list(filter(on_a_curve, shared_vectors("billing.json"))), ids=vector_id)
def test_a_price_alone_costs_what_the_example_says(vector):
    params, amount = vector["params"], Fraction(vector["expected"]["amount"])
    exact = curve(vector["model"], params).exact(vector["quantity"])

    assert amount == (plan_of({}, params).rounding(exact) if settles(params) else exact)


# Requests to language models --------------------------------------------------------------------------


def token_price(vector, meter):
    """One price for all units, or tiers that the meter's own quantity picks."""
    per = vector.get("unit_per", {}).get(meter, 1)
    table = vector.get("tiers")
    if table is None or table["mode"] == "cliff" or meter not in table["by"]:
        return PerUnit(vector["prices"][meter], per=per)
    kind = {"volume": Volume, "graduated": Graduated}[table["mode"]]
    rates = [vector["prices"][meter], *(step["prices"][meter] for step in table["steps"])]
    ends = [end(step["above"], table) for step in table["steps"]]
    return kind([Tier(up_to, rate) for up_to, rate in zip([*ends, None], rates, strict=True)], per=per)


def bracketed(vector):
    """A request labelled with the context that it passes, and the prices of each context."""
    table, request = vector.get("tiers"), Usage(vector["usage"])
    if table is None or table["mode"] != "cliff":
        return request, {}
    over = [step["above"] for step in table["steps"]]
    per = vector.get("unit_per", {})
    dearer = {
        f"{meter}{{context={step['above']}}}": PerUnit(rate, per=per.get(meter, 1))
        for step in table["steps"]
        for meter, rate in step["prices"].items()
    }
    return bracket(request, table["by"], over, inclusive=bool(table.get("inclusive"))), dearer


def charges_by_name(bill):
    """The exact amounts of a bill by the names of the meters; a request has one context."""
    return {None if meter is None else Meter(meter).name: exact for meter, exact in charges(bill).items()}


def end(threshold, table):
    """The last unit below a step: the threshold itself, unless the next rate for all units begins with it."""
    above_it = table["mode"] == "graduated" or not table.get("inclusive")
    return threshold if above_it else Decimal(threshold).next_minus()


def agrees(exact, text, vector):
    """Equal, or equal to the 28 digits that are given where the amount does not terminate."""
    given = Fraction(text)
    return exact == given or ("expected_fraction" in vector and abs(exact - given) * 10**27 <= abs(exact))


THIRDS = {
    "id": "prices of a third of a cent, below and above a threshold",
    "prices": {"input": "0.01", "output": "0.02"},
    "unit_per": {"input": "3", "output": "3"},
    "usage": {"input": "200", "output": "100"},
    "tiers": {
        "mode": "cliff",
        "by": ["input"],
        "steps": [{"above": "100", "prices": {"input": "0.05"}}],
    },
    "expected": "4",  # 200 × 0.05 ÷ 3 + 100 × 0.02 ÷ 3
}


@pytest.mark.parametrize("vector", [THIRDS, *shared_vectors("llm.json")], ids=vector_id)
def test_a_request_to_a_model_is_billed_exactly(vector):
    prices = {meter: token_price(vector, meter) for meter in vector["prices"]}
    if vector.get("fixed") is not None:
        prices["fixed"] = Flat(vector["fixed"], at_zero=True)
    request, dearer = bracketed(vector)
    bill = billed(request, BillingPlan.on_demand(PriceSchedule({**prices, **dearer})))
    lines = charges_by_name(bill)

    assert bill.exact == Fraction(vector.get("expected_fraction", vector["expected"]))
    assert all(agrees(lines.get(meter, 0), text, vector) for meter, text in vector.get("lines", {}).items())


# Payloads of providers --------------------------------------------------------------------------------

NOT_BILLED = {"raw_input_tokens", "raw_output_tokens", "cached_tokens_reported"}
"""What Cohere tells beside the units that it bills."""
MODALITIES = ("text", "audio", "image", "video")


def counts_of(usage):
    """Usage by the counts of the examples, which overlap: their input is told by cache and by modality."""
    everything, output = usage.total("input_tokens"), usage.total("output_tokens")
    cached, written = (usage.total(f"input_tokens{{cache={how}}}") for how in ("read", "write"))
    for_an_hour = usage.total("input_tokens{cache=write,ttl=1h}")
    return {
        "total_input": everything,
        "input_uncached": everything - cached - written,
        "cache_read": cached,
        "cache_write": written - for_an_hour,
        "cache_write_1h": for_an_hour,
        "output": output,
        "reasoning_included_in_output": usage.total("output_tokens{kind=reasoning}"),
        "web_searches": usage["web_searches"],
        "web_fetches": usage["web_fetches"],
        **by_modality(usage, "input_tokens", "{}_in"),
        **by_modality(usage, "input_tokens", "cache_read_{}", cache="read"),
        **by_modality(usage, "output_tokens", "{}_out"),
    }


def by_modality(usage, meter, key, **labels):
    """The counts of a meter by modality; what says none is text."""
    told = {of: usage.total(Meter(meter, {**labels, "modality": of})) for of in MODALITIES}
    told["text"] = usage.total(Meter(meter, labels)) - sum(told[of] for of in MODALITIES if of != "text")
    return {key.format(of): count for of, count in told.items()}


def billed_counts(expected):
    """What an example expects to be billed: where a request took several iterations, all of them."""
    prefix = "iterations_"
    iterated = {key.removeprefix(prefix): count for key, count in expected.items() if key.startswith(prefix)}
    kept = {key: count for key, count in expected.items() if key not in NOT_BILLED and prefix not in key}
    if iterated:
        kept["total_input"] = iterated["input_uncached"] + iterated["cache_write"]
    return kept | iterated


@pytest.mark.parametrize("vector", shared_vectors("payloads.json", "payloads"), ids=vector_id)
def test_a_payload_of_a_provider_is_read_exactly(vector):
    payload = json.loads(json.dumps(vector["payload"]), parse_float=Decimal)
    expected = billed_counts(vector["expected"])
    cost = expected.pop("provider_cost_usd", None)
    counts = counts_of(payloads.read_usage(payload, shape_of_api(vector["provider"], vector["api"])))

    assert not expected.keys() - counts.keys(), "counts that no meter of tokenbill tells"
    assert {key: counts[key] for key in expected} == expected
    assert payloads.read_cost(payload) == (None if cost is None else Decimal(cost))


# The recipes themselves -------------------------------------------------------------------------------

FILES = {
    "billing.json": "vectors",
    "calendar.json": "vectors",
    "llm.json": "vectors",
    "payloads.json": "payloads",
    "bad_inputs.json": "cases",
}
ADAPTERS = ("test_vectors", "test_bad_inputs", "plan_vectors", "payload_shapes", "shared_vectors")


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_no_recipe_knows_an_example_by_its_id(adapter):
    text = (ROOT / "tests" / "vectors" / f"{adapter}.py").read_text(encoding="utf-8")
    ids = [vector["id"] for name, key in FILES.items() for vector in shared_vectors(name, key)]

    # a short id may be a word of the trade, such as "expired"
    assert [id for id in ids if set("-_ /.") & set(id) and id in text] == []
