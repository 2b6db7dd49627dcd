"""Plans with events for frames of any engine, and what a bill by the scalar path makes of them."""

import re
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from math import floor

from attrs import evolve
from hypothesis import strategies as st

from tests.support.engines import Decimals
from tests.support.strategies import labels, prices, quantities, rates, schedules
from tests.vectors.shared_vectors import folder
from tokenbill import Bill, BillingPlan, Discount, Fee, Meter, Rounding, Tax, Usage
from tokenbill.core.money.decimals import shifted
from tokenbill.frames.column_plan import column_plan
from tokenbill.frames.scales import SCALE
from tokenbill.testing import quantities_near

ABSURD = 10**15
"""From here on a rate or fee leaves too few digits for decimals."""
TRAFFIC = folder().parent / "data" / "genai_requests.csv"


def quantity_column(numbers, places):
    """Whole numbers in 1/10^places as a column: of integers where they are such and fit."""
    if places == 0 and all(n < 2**63 for n in numbers):
        return numbers
    return Decimals([shifted(n, places) for n in numbers], places)


scopes = st.sampled_from([None, None, None, "usage", ("fee", "a")])
percents = st.sampled_from(["0", "10", "33.3", "8.875", "100"]).map(Decimal)
discounts = st.one_of(
    st.builds(Discount.percent, percents, on=scopes), st.builds(Discount.fixed, rates, on=scopes)
)
taxes = st.builds(Tax, st.sampled_from(["VAT", "city"]), percents, st.booleans(), scopes)
roundings = st.builds(
    Rounding,
    st.sampled_from([None, None, 0, 5]),
    st.sampled_from(["half_up", "half_even", "up", "down"]),
    st.sampled_from(["bill", "bill", "line"]),
    step=st.sampled_from([None, None, None, "5"]),
)


@st.composite
def plans(draw, of=prices):
    """A plan with terms of every kind."""
    prices_of = draw(schedules(of).filter(lambda found: found.currency.code != "TOKEN"))
    keys = [entry.key for entry in prices_of.entries]

    def scoped(term):
        """The term, its scope one that names something of the plan."""
        return term if not isinstance(term.on, tuple) else evolve(term, on=("fee", keys[0].name))

    bounds = sorted(draw(st.lists(rates, min_size=2, max_size=2)))
    return BillingPlan(
        prices_of,
        fees=draw(st.lists(st.builds(Fee, rates, st.sampled_from(["platform", "support"])), max_size=2)),
        included=draw(st.dictionaries(st.sampled_from(keys), quantities, max_size=2)),
        discounts=draw(st.lists(discounts.map(scoped), max_size=2)),
        minimum=draw(st.none() | st.just(bounds[0])),
        maximum=draw(st.none() | st.none() | st.just(bounds[1])),
        taxes=draw(st.lists(taxes.map(scoped), max_size=2)),
        rounding=draw(roundings),
    )


@st.composite
def plans_and_events(draw, of=prices):
    """A plan, and events of tenants: tenant, meter, and a whole number of 1/10^places."""
    plan, places = draw(plans(of)), draw(st.sampled_from([0, 0, 2]))
    events = []
    for entry in draw(st.lists(st.sampled_from(plan.prices.entries), min_size=1, max_size=5)):
        meter = Meter(entry.key.name, {**draw(labels), **entry.key.labels})
        price = getattr(entry.price, "price", entry.price)
        quantity = draw(quantities_near(price).filter(lambda found: found < 10**12))
        events.append((draw(st.sampled_from(["red", "blue"])), str(meter), int(quantity * 10**places)))
    return plan, places, events


def billed(bill):
    """The exact amounts of a bill by line, those of one entry together, and its total.

    Two terms may have one name; they are two lines, each shown on its own.
    """
    lines = defaultdict(list)
    for line in bill.lines:
        meter = None if line.meter is None else str(line.meter)
        key = line.kind, meter, meter or line.description
        if line.kind == "usage" and lines[key]:
            lines[key][0] += line.exact
        elif line.description != "rounding":
            lines[key].append(line.exact)
    return lines, Fraction(bill.total)


def shown_in(exact, places):
    """An amount as a column of so many decimals shows it: all digits where they fit, else 18 of them."""
    if (exact * 10**places).denominator == 1:
        return exact
    return Fraction(floor(exact * 10**18 + Fraction(1, 2)), 10**18)


def is_beyond(plan, by_tenant, places):
    """Whether amounts may be refused: a column has fewer digits, or a price of a user's own more decimals."""
    if any(Decimal(number) >= ABSURD for number in re.findall(r"Decimal\('([^']+)'\)", repr(plan))):
        return True
    held = 10**SCALE
    bills = [billed(Bill.of(usage, plan))[0].values() for usage in by_tenant]
    amounts = [[amount * held for line in bill for amount in line] for bill in bills]
    return any(sum(map(abs, lines)) >= 10**38 for lines in amounts) or any(
        ends_late(amount) for lines in amounts for amount in lines
    )


def ends_late(amount):
    """Whether an amount in the last decimal of a column has more of them, and not without end."""
    rest = amount.denominator
    while rest % 2 == 0 or rest % 5 == 0:
        rest //= 2 if rest % 2 == 0 else 5
    return amount.denominator > 1 and rest == 1


def check_bills(plan, by_tenant, rows):
    """Rows of bills against scalar ones."""
    found = defaultdict(lambda: defaultdict(Fraction))
    counted = defaultdict(Decimal)
    for row in rows:
        key = row["kind"], row["meter"], row["description"]
        found[row.get("tenant")][key] += Fraction(row["amount"])
        if row["kind"] == "usage":  # a row for each of its labels
            counted[row.get("tenant"), row["meter"]] += row["quantity"]
    card = column_plan(plan).form.card
    for (tenant, entry), quantity in counted.items():
        used = Usage(by_tenant[tenant])
        assert quantity == sum((used[meter] for meter in used if str(card[meter].key) == entry), Decimal(0))
    places = max((-row["amount"].as_tuple().exponent for row in rows), default=0)
    for tenant, usage in by_tenant.items():
        lines, total = billed(Bill.of(usage, plan))
        shown = {key: sum(shown_in(exact, places) for exact in line) for key, line in lines.items()}
        shown["rounding", None, "rounding"] = total - sum(shown.values())
        kept = {key: amount for key, amount in found[tenant].items() if amount}
        assert kept == {key: amount for key, amount in shown.items() if amount}
        assert sum(found[tenant].values()) == total
