"""What a token price takes though no token is left to pay is usage in columns, as on a single bill."""

import pytest

from tokenbill import Bill, BillingPlan, Currency, Fee, Flat, PriceSchedule, Rounding, Usage
from tokenbill.errors import BalanceExhausted
from tokenbill.frames import rate

TOKEN = Currency("TOKEN", places=0)


def frame(quantity):
    polars = pytest.importorskip("polars")
    return polars.DataFrame({"tenant": ["a", "b"], "calls": [quantity, 3]})


def test_what_is_due_for_no_tokens_is_a_line_of_usage():
    prices = PriceSchedule(calls="0.1", currency=TOKEN)
    plan = BillingPlan.on_demand(prices, currency="USD", token_price=Flat(5, at_zero=True))

    rows = rate(frame(1), plan, by=["tenant"]).to_dicts()

    single = Bill.of(Usage(calls=1), plan)
    assert [str(line.amount) for line in single.lines if line.description == "tokens"] == ["5.00"]
    found = {row["tenant"]: (row["kind"], row["description"], row["amount"]) for row in rows if row["amount"]}
    assert found == dict.fromkeys("ab", ("usage", "tokens", 5))


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_a_fee_of_less_than_a_cent_is_refused_though_usage_costs_nothing(stage):
    whole = Rounding(stage=stage)
    plan = BillingPlan.prepaid(PriceSchedule(calls=0), fees=[Fee("0.004")], overage="refuse", rounding=whole)

    with pytest.raises(BalanceExhausted):
        Bill.of(Usage(calls=3), plan)
    with pytest.raises(BalanceExhausted):
        rate(frame(3), plan, by=["tenant"])
