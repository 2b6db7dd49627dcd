"""Compiled plans: what only schedules of one's own, very wide prices and very long amounts ask of them."""

import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve, frozen

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Commitment,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Period,
    PerUnit,
    Price,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
)
from tokenbill.core.pricing.breakdown import PriceComponent
from tokenbill.core.pricing.schedule import Entry
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.rating_run import RatingRun
from tokenbill.core.rating.statement import rate
from tokenbill.errors import InvalidSchedule

MONTH, JUNE = Cycle.monthly("2026-06-01"), Period("2026-06-01", "2026-07-01")
ONE, UP = PriceSchedule(a=1), Rounding(mode="up")


@frozen
class Twice(Price):
    """A price that lists no pieces: nobody knows how it grows."""

    def amount(self, quantity):
        return 2 * quantity


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


# --- one plan, compiled for each period, and for the versions of one ---------------------------------------


def totals_of(plan, *periods, used=()):
    return [str(Bill.of(used, plan, period=period).total) for period in periods]


def months(*numbers):
    return [MONTH.containing(f"2026-{number:02}-10") for number in numbers]


def test_one_plan_bills_each_period_by_its_own_part():
    june, week, day = months(6)[0], Period("2026-06-01", "2026-06-07"), Period("2026-06-01", "2026-06-02")

    assert totals_of(BillingPlan(ONE, fees=Fee(30), cycle=MONTH), june, week, day, june) == [
        *["30.00", "6.00", "1.00", "30.00"]
    ]
    quarter = {"cycle": Cycle.quarterly("2026-01-01")}
    fee, commitment = Fee(30, **quarter), Commitment(100, **quarter)
    assert totals_of(BillingPlan(ONE, fees=fee, cycle=MONTH), *months(1, 2, 3, 4)) == [
        *["30.00", "0.00", "0.00", "30.00"]
    ]
    assert totals_of(BillingPlan(ONE, commitment=commitment, cycle=MONTH), *months(1, 2, 3, 4)) == [
        *["0.00", "0.00", "100.00", "0.00"]
    ]


def test_a_schedule_of_ones_own_is_asked_anew_for_each_bill():
    class Moving(Whatever):
        rate = 2

        def match(self, meter):
            return Entry(meter, PerUnit(self.rate))

    prices = Moving()
    plan, contract = BillingPlan(prices), Contract(BillingPlan(prices, cycle=MONTH))
    contract = contract.amended("2026-06-16", BillingPlan(prices, cycle=MONTH, name="later"))
    for prices.rate, total in ((2, 10), (3, 15), (5, 25)):
        assert Bill.of(Usage(a=5), plan).total == total
        assert Bill.of({"2026-06-20": {"a": 5}}, contract, period=JUNE).total == total


def test_bills_of_two_meters_in_turn_go_on_where_each_stands():
    tiers = Graduated([Tier(10, 1), Tier(None, "0.5")])
    plan, account, totals = BillingPlan(PriceSchedule(a=tiers, b=tiers)), Account(), []
    for used in ({"a": 8}, {"b": 8}, {"a": 8}, {"b": 8}, {"a": 1}):
        bill = Bill.of(Usage(used), plan, opening=account, final=False)
        totals.append(str(bill.total))
        account = bill.closing

    assert totals == ["8.00", "8.00", "5.00", "5.00", "0.50"]  # 2 × 1 and 6 × 0.5


def test_a_meter_that_another_account_brings_adds_nothing_to_this_one():
    plan = BillingPlan(
        PriceSchedule(a=1, b=1, c=1), taxes=[Tax("A", 10, on="a"), Tax("B", 5, on="b")], rounding=UP
    )
    opening = Bill.of(Usage(a=5), plan, final=False).closing
    Bill.of(Usage(b=5, c=5), plan, final=False)

    assert str(Bill.of(Usage(), plan, opening=opening).total) == "0.00"
    assert str(Bill.of(Usage(a=5), plan, opening=opening).total) == "5.50"


@pytest.mark.parametrize("first", ["0.00037", 1, PerUnit(1, per=7)])
@pytest.mark.parametrize("second", ["0.00037", 1, PerUnit(1, per=7)])
def test_versions_of_one_period_are_of_one_scale(first, second):
    prices = (PriceSchedule(a=first), PriceSchedule(a=second))
    before, after = (BillingPlan(each, cycle=MONTH) for each in prices)
    used = {"2026-06-02": {"a": 700}, "2026-06-20": {"a": 70_000}}
    bill = Bill.of(used, Contract(before).amended("2026-06-11", after), period=JUNE)

    rates = {"0.00037": Fraction(37, 100_000), 1: 1, PerUnit(1, per=7): Fraction(1, 7)}
    assert bill.exact == rates[first] * 700 + rates[second] * 70_000
    bill.verify()


# of 30 days at 300 for the month the first ten bring 100, ten at 600 bring 200, and the last ten 100
@pytest.mark.parametrize(
    ("tiers", "free"),
    [
        (("continue", "continue"), [400]),
        (("continue", "restart"), [300, 100]),
        (("restart", "continue"), [100, 300]),
        (("restart", "restart"), [100, 200, 100]),
    ],
)
def test_what_is_included_by_parts_begins_anew_where_tiers_do(tiers, free):
    few, many = (
        BillingPlan(ONE, included={"a": units}, prorate_included=True, cycle=MONTH) for units in (300, 600)
    )
    contract = Contract(few).amended("2026-06-11", many, tiers=tiers[0])
    contract = contract.amended("2026-06-21", few, tiers=tiers[1])
    used = {"2026-06-02": {"a": 200}, "2026-06-12": {"a": 300}, "2026-06-22": {"a": 120}}
    bill = Bill.of(used, contract, period=JUNE)

    assert [line.quantity for line in bill.lines if line.description == "a, included"] == free
    assert bill.total == 620 - sum(free)
    bill.verify()


def test_included_units_that_no_decimal_writes_are_exact():
    plan = BillingPlan(ONE, included={"a": 100}, prorate_included=True, cycle=MONTH)
    bill = Bill.of({"a": 40}, plan, period=Period("2026-06-01", "2026-06-08"))  # 7/30 of 100: 23.33…

    assert (bill.exact, str(bill.total)) == (Fraction(50, 3), "16.67")
    bill.verify()


def test_what_each_version_includes_beside_a_level_is_its_own():
    plan = BillingPlan(ONE, fees=Fee(1, level="seats"), included={"a": 100}, cycle=MONTH)
    contract = Contract(plan).amended("2026-06-16", evolve(plan, included={"a": 50}), tiers="restart")
    used = {"2026-06-02": {"a": 120}, "2026-06-20": {"a": 70}}
    bill = Bill.of(used, contract, period=JUNE, levels={"seats": 3})

    assert bill.total == 3 + 20 + 20
    bill.verify()


@pytest.mark.parametrize("places", [0, 2, 6])
def test_tokens_are_sold_to_their_last_decimal(places):
    least = Fraction(1, 10**places)
    token = Currency("TOKEN", places=places)
    prices = PriceSchedule(a=Decimal(1).scaleb(-places), currency=token)
    plan = BillingPlan(prices, currency="USD", token_price=PerUnit("0.10"), rounding=UP)
    bill = Bill.of(Usage(a=33), plan)

    assert bill.exact == 33 * least / 10
    assert bill.total == Rounding(places=2, mode="up")(33 * least / 10)
    bill.verify()


def test_a_token_price_of_ones_own_is_asked_for_its_amount():
    plan = BillingPlan(
        PriceSchedule(a=1, currency=Currency("TOKEN", places=2)), currency="USD", token_price=Twice()
    )

    assert Bill.of(Usage(a="1.37"), plan).total == Decimal("2.74")


def test_a_group_that_another_account_brings_adds_nothing_to_this_one():
    taxes = [Tax("X", 10, on="a{model=x}"), Tax("B", 5, on="b")]
    plan = BillingPlan(PriceSchedule(a=PerUnit(1).each("model"), b=1), taxes=taxes, rounding=UP)
    opening = Bill.of(Usage({"a{model=z}": 5}), plan, final=False).closing
    Bill.of(Usage({"a{model=x}": 5, "a{model=y}": 5}), plan, final=False)

    assert str(Bill.of(Usage(), plan, opening=opening).total) == "0.00"
    assert str(Bill.of(Usage({"a{model=x}": 5}), plan, opening=opening).total) == "5.50"


@frozen
class Average(Price):
    """One rate for all units, which falls with their number."""

    def amount(self, quantity):
        return 100 if quantity else 0

    def breakdown(self, quantity):
        return (PriceComponent(Decimal(100), quantity, Decimal(100) / quantity),) if quantity else ()


def test_a_line_has_the_rate_of_its_own_bill():
    plan = BillingPlan(PriceSchedule(a=Average()))

    for units, each in ((10, 10), (20, 5), (50, 2)):
        assert [line.rate for line in Bill.of(Usage(a=units), plan).lines] == [each]


SAME = Decimal(1)


@frozen
class Growing(Price):
    """A rate of 1 that stays, with a fee or a package that grows with the units."""

    part: str

    def amount(self, quantity):
        return sum(component.amount for component in self.breakdown(quantity))

    def breakdown(self, quantity):
        whole = PriceComponent(SAME, quantity, SAME, SAME)  # the same objects on each bill
        if self.part == "fee":
            return (whole._replace(amount=2 * quantity, fee=quantity),) if quantity else ()
        return (whole._replace(per=quantity),) if quantity else ()


@pytest.mark.parametrize(("part", "amounts"), [("fee", (2, 6)), ("per", (1, 1))])
def test_a_line_has_the_fee_and_the_package_of_its_own_bill(part, amounts):
    plan = BillingPlan(PriceSchedule(a=Growing(part)))

    for units, amount in zip((1, 3), amounts, strict=True):
        (line,) = Bill.of(Usage(a=units), plan).lines
        assert (getattr(line.charge, part), line.rate, line.amount) == (units, 1, amount)


def test_an_allowance_that_changes_beside_a_level_is_that_of_its_version():
    plan = BillingPlan(ONE, fees=Fee(1, level="seats"), included={"a": 100}, cycle=MONTH)
    contract = Contract(plan).amended("2026-06-16", evolve(plan, included={"a": 50}))
    bill = Bill.of(
        {"2026-06-02": {"a": 80}, "2026-06-20": {"a": 40}}, contract, period=JUNE, levels={"seats": 3}
    )

    assert bill.total == 43  # 80 of 100 are free, and none of the 40 beyond 50


def test_a_bill_of_versions_is_pickled_with_its_past():
    one, two = BillingPlan(ONE, cycle=MONTH), BillingPlan(PriceSchedule(a=2), cycle=MONTH)
    contract = Contract(one).amended("2026-06-11", two)
    opening = Bill.of(Usage(a=80), one, period=JUNE, final=False, at="2026-06-03").closing
    bills = [
        Bill.of({f"2026-06-{day}": {"a": 10}}, contract, period=JUNE, opening=opening) for day in ("05", "12")
    ]

    for bill, total in zip(bills, (10, 20), strict=True):
        again = pickle.loads(pickle.dumps(bill))
        again.verify()
        assert (again.total, again.lines, again.request) == (total, bill.lines, bill.request)
    one, other = (bill.request.versions for bill in bills)
    assert [one == one._replace(), one == other, one == "no versions"] == [True, False, False]
