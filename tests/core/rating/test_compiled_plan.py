"""Compiled plans: what only schedules of one's own, very wide prices and very long amounts ask of them."""

from fractions import Fraction

import pytest

from tokenbill import Bill, BillingPlan, Currency, Discount, Fee, PerUnit, PriceSchedule, Rounding, Tax, Usage
from tokenbill.core.pricing.schedule import Entry
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.rating_run import RatingRun
from tokenbill.core.rating.statement import rate
from tokenbill.errors import InvalidSchedule


class Whatever:
    """A schedule of a user's own: each meter costs 2, and none of them is known before it is met."""

    currency = "USD"

    def match(self, meter):
        return Entry(meter, PerUnit(2))


class Nothing(Whatever):
    def match(self, meter):
        return None


def test_a_discount_on_a_meter_holds_though_the_meter_was_not_known():
    plan = BillingPlan(Whatever(), discounts=Discount.percent(10, on="b"))

    assert CompiledPlan(plan).total(Usage(a=5, b=10)) == 28  # 10 + 20 less 2
    assert Bill.of(Usage(a=5, b=10), plan).total == 28


def test_a_schedule_that_matches_nothing_is_refused():
    with pytest.raises(InvalidSchedule, match="no entry"):
        Bill.of(Usage(a=1), BillingPlan(Nothing()))


def test_prices_with_no_denominator_in_common_are_exact_all_the_same():
    # primes: one denominator for all would have more than 300 digits
    primes = [
        10**24 + 7,
        10**24 + 49,
        10**24 + 73,
        *(10**23 + k for k in (117, 133, 307, 421, 423, 489, 583)),
    ]
    primes += [10**22 + k for k in (9, 33, 57, 93, 129, 177)]
    prices = PriceSchedule({f"m{i}": PerUnit("0.01", per=prime) for i, prime in enumerate(primes)})
    plan = BillingPlan(prices)

    assert None in CompiledPlan(plan).card.curves.values()
    assert Bill.of({f"m{i}": 3 * prime for i, prime in enumerate(primes)}, plan).total == Fraction(48, 100)


def test_minor_units_are_money_however_many_there_are():
    units = 10**250 + 1

    assert Fraction(CompiledPlan(BillingPlan(PriceSchedule(a=1))).money(units)) == Fraction(units, 100)


def test_a_run_in_which_nothing_was_used_comes_to_its_fees():
    token = Currency("TOKEN", places=0)
    tokens = BillingPlan(
        PriceSchedule(a=1, currency=token), currency="USD", token_price=PerUnit("0.10"), fees=Fee(5)
    )
    by_line = BillingPlan(
        PriceSchedule(a=1), fees=Fee("10.05"), discounts=Discount.percent(10), rounding=Rounding(stage="line")
    )
    totals = []
    for plan in map(CompiledPlan, (tokens, by_line)):
        run = RatingRun([], (), round=plan.round, whole_lines=plan.whole_lines, final=True)
        totals.append(plan.money(plan.terms().rate(run).total))

    assert list(map(str, totals)) == ["5.00", "9.04"]  # 10.05 less 1.005, rounded up


@pytest.mark.parametrize("rounding", [Rounding(), Rounding(stage="line")], ids=["bill", "line"])
def test_a_true_up_is_a_charge_with_its_share_of_the_tax(rounding):
    plan = BillingPlan(PriceSchedule(a=1), minimum=10, taxes=Tax("VAT", 20), rounding=rounding)

    charges = rate(RatingRequest(CompiledPlan(plan), Usage(a=3))).charges

    assert [(it.name, it.net, str(it.tax), it.within("usage")) for it in charges] == [
        ("a", 3, "0.60", True),
        ("minimum", 7, "1.40", False),
    ]


class Silent(Whatever):
    """A schedule of prices that show no line."""

    class Price(PerUnit):
        def breakdown(self, quantity):
            return ()

    def match(self, meter):
        return Entry(meter, self.Price(0))


def test_an_entry_that_shows_no_line_is_no_charge():
    plan = BillingPlan(Silent(), fees=[Fee(3)])

    statement = rate(RatingRequest(CompiledPlan(plan), Usage(a=5)))

    assert [charge.key for charge in statement.charges] == ["fee:subscription"]


def test_a_fee_in_arrears_falls_due_with_the_last_of_several_taxed_bills():
    fee = Fee(20, "support", due="arrears")
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.50"), fees=[fee], taxes=[Tax("VAT", 10)])
    first = Bill.of(Usage(calls=10), plan, final=False)
    last = Bill.of(Usage(calls=10), plan, opening=first.closing)
    # 5 and 10 % of it; then 25 of the 30 that the period comes to, and 2.50
    assert (str(first.total), str(last.total)) == ("5.50", "27.50")
    assert Bill.of(Usage(calls=20), plan).total == first.total + last.total
