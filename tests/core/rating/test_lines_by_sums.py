"""Lines by sums are those of single charges, to the last digit and in every word."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans_along import plans_along, quantities
from tokenbill import Account, Bill, Grant, Usage
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import compiled_plan
from tokenbill.core.rating.lines_by_sums import lines_by_sums
from tokenbill.core.rating.statement import rate, settled_lines


@st.composite
def plans_and_usage(draw):
    plan = draw(plans_along().filter(lambda plan: plan.token_price is None))
    used = {"calls": draw(quantities), "calls{x=1}": draw(quantities)}
    return plan, Usage(used | ({"gpu": draw(quantities)} if "gpu" in plan.prices else {}))


def told(lines):
    return [(line.figures, line.explain(), line.cells()) for line in lines]


@given(plans_and_usage(), st.booleans())
def test_the_lines_of_sums_are_the_lines_of_charges(drawn, final):
    plan, usage = drawn
    compiled = compiled_plan(plan)

    lines = lines_by_sums(compiled, usage, final=final)

    assert told(lines) == told(rate(RatingRequest(compiled, usage, final)).lines)


@given(plans_and_usage(), st.lists(st.sampled_from([0, 1, "2.50", 500]), max_size=3), st.booleans())
def test_the_lines_of_gifts_are_those_of_what_they_paid_of_each_charge(drawn, gifts, final):
    plan, usage = drawn
    grants = [Grant(f"g{i}", amount, "USD", kind="promotional") for i, amount in enumerate(gifts)]
    bill = Bill.of(usage, plan, opening=Account(balance=[*grants, Grant("paid", 9, "USD")]), final=final)

    by_charge = settled_lines(compiled_plan(plan), bill.delta.after.lines, bill.total)

    assert told(bill.lines) == told(by_charge)
