from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import frozen

from tokenbill import (
    Bill,
    BillingPlan,
    Flat,
    Graduated,
    Meter,
    Package,
    PerUnit,
    Price,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    UnpricedUsage,
    Usage,
    Volume,
)
from tokenbill.core.pricing.schedule import Entry
from tokenbill.core.rating import compiled
from tokenbill.core.rating.compiled import NO_BENT, Compiled, compiled_form
from tokenbill.errors import InvalidMeter, InvalidPrice, InvalidSchedule

TIERS = Graduated([Tier(10, 5), Tier(None, 4)])
VOLUME = Volume([Tier(10, 2), Tier(None, 1)])


@frozen
class Third(Price):
    """A third of the currency, whatever is used."""

    def amount(self, quantity):
        return Fraction(1, 3)


class Listed:
    """A schedule of a user's own that lists its entries."""

    currency = "USD"

    def __init__(self, *entries):
        self.entries = entries

    def __iter__(self):
        return iter(self.entries)

    def match(self, meter):
        return self.entries[0]


class Answering:
    """A schedule of a user's own that answers every question alike."""

    currency = "USD"

    def __init__(self, answer):
        self.answer = answer

    def match(self, meter):
        return self.answer


def card_of(*, rounding=None, included=(), **prices):
    plan = BillingPlan(PriceSchedule(prices), rounding=rounding or Rounding(), included=included)
    return Compiled(plan)


def amount(card, **quantities):
    return card.exact(card.numerator(Usage(quantities))[0])


def test_usage_is_priced_by_the_rates_of_its_meters():
    card = card_of(gpu_hours="0.10", api_calls="0.01")

    assert amount(card, gpu_hours=10, api_calls=130) == Fraction(23, 10)  # 1 + 1.30
    assert amount(card) == 0


def test_rates_that_do_not_terminate_stand_over_one_denominator():
    card = card_of(gpu_seconds=PerUnit("2.50", per=3600), sms=PerUnit(1, per=7))

    assert card.denominator == 63  # 3600 is 2^4 × 5^2 × 9
    assert amount(card, gpu_seconds=36, sms=1) == Fraction(1, 40) + Fraction(1, 7)


def test_denominators_that_would_grow_without_bound_are_left_to_the_price():
    card = card_of(a=PerUnit(1, per=10**16 + 61), b=PerUnit(1, per=10**16 + 69))

    assert card.denominator == 10**16 + 61
    assert amount(card, a=1, b=1) == Fraction(1, 10**16 + 61) + Fraction(1, 10**16 + 69)


def test_steps_need_no_denominator():
    assert card_of(calls=Package(7, 5)).denominator == 1


def test_meters_of_one_bent_entry_are_read_as_one_quantity():
    card = card_of(calls=TIERS)

    usage = Usage({"calls{a=1}": 8, "calls{a=2}": "4.5"})

    assert card.exact(card.numerator(usage)[0]) == 60  # 10 × 5 + 2.5 × 4


def test_further_usage_is_the_difference_of_two_points_on_each_curve():
    card = card_of(calls=VOLUME, pages=TIERS, images="0.50")
    first, second = Usage(calls=10, images=1), Usage(calls=2, pages=12, images=3)

    start, bent = card.numerator(first)
    after, quantities = card.numerator(second, start, bent)

    assert card.exact(start) == Fraction(41, 2)  # 10 × 2 + 0.50
    assert card.exact(after) == 72  # 12 × 1 + 10 × 5 + 2 × 4 + 4 × 0.50
    assert sorted(quantities.values()) == [12, 12]
    assert card.numerator(first)[1] == bent


def test_usage_of_straight_lines_leaves_what_was_used_of_bent_ones():
    card = card_of(calls=VOLUME, images="0.50")
    start, bent = card.numerator(Usage(calls=10))

    assert card.numerator(Usage(images=1), start, bent)[1] is bent
    assert card.numerator(Usage(images=1))[1] is NO_BENT


def test_what_is_due_for_nothing_stands():
    card = card_of(seats=Flat(20, at_zero=True), calls=PerUnit("0.01").at_least(5), pages=1)

    assert card.standing == 25
    assert amount(card) == 25
    assert amount(card, seats=3, calls=1000, pages=2) == 32  # 20 + 10 + 2


def test_sums_that_do_not_terminate_go_on_in_fractions():
    card = card_of(flat=Third(), calls="0.10", pages=TIERS)

    assert amount(card) == Fraction(1, 3)
    assert amount(card, flat=5, calls=1, pages=12) == Fraction(1, 3) + Fraction(1, 10) + 58  # 10 × 5 + 2 × 4
    assert card.settled(card.numerator(Usage(calls=1, pages=12))[0]) == Decimal("58.43")


def test_meters_of_one_bent_entry_are_one_quantity_in_fractions_too():
    card = card_of(flat=Third(), calls=TIERS)

    usage = Usage({"calls{a=1}": 8, "calls{a=2}": "4.5"})

    assert card.exact(card.numerator(usage)[0]) == Fraction(1, 3) + 60


def test_an_amount_is_settled_once_as_the_plan_rounds():
    quantities = {"a": 1, "b": 1, "c": 1}
    half_up = card_of(a="0.335", b="0.335", c="0.335")
    half_even = card_of(a="0.335", b="0.335", c="0.335", rounding=Rounding(mode="half_even"))
    seventh = card_of(a=PerUnit(1, per=7), b=0, c=0)

    assert str(half_up.settled(half_up.numerator(Usage(quantities))[0])) == "1.01"  # 1.005
    assert str(half_even.settled(half_even.numerator(Usage(quantities))[0])) == "1.00"
    assert str(seventh.settled(seventh.numerator(Usage(quantities))[0])) == "0.14"


def test_an_amount_just_above_a_tie_is_no_tie():
    card = card_of(a=PerUnit(1, per=3), b="0.005", rounding=Rounding(places=2, mode="half_even"))

    assert str(card.settled(Decimal("0.015"))) == "0.00"  # over 3: 0.005, a tie
    assert str(card.settled(Decimal("0.015" + "0" * 140 + "1"))) == "0.01"


def test_each_group_has_a_curve_of_its_own():
    plan = BillingPlan(PriceSchedule(calls=TIERS.each("region", "tier")))
    card = Compiled(plan)

    usage = Usage({"calls{region=eu,x=1}": 8, "calls{region=eu,x=2}": 4, "calls{region=us}": 12, "calls": 1})

    assert card.exact(card.numerator(usage)[0]) == 121  # 58 + 58 + 5
    assert [str(card[meter].key) for meter in usage] == [
        "calls",
        "calls{region=eu}",
        "calls{region=eu}",
        "calls{region=us}",
    ]


def test_units_that_the_plan_includes_are_free_for_an_entry_or_each_of_its_groups():
    whole = card_of(calls="0.01", included={"calls": 100})
    groups = card_of(calls=PerUnit("0.01").each("region"), included={"calls": 100})

    usage = Usage({"calls{region=eu}": 130, "calls{region=us}": 150})

    assert whole.exact(whole.numerator(usage)[0]) == Fraction(9, 5)  # 180 × 0.01
    assert groups.exact(groups.numerator(usage)[0]) == Fraction(4, 5)  # (30 + 50) × 0.01


def test_a_part_of_a_period_includes_a_part_of_the_units_where_the_plan_says_so():
    plan = BillingPlan(PriceSchedule(calls="0.30"), included={"calls": 10}, prorate_included=True)
    whole = BillingPlan(PriceSchedule(calls="0.30"), included={"calls": 10})

    assert amount(Compiled(plan, Fraction(1, 3)), calls=10) == 2  # (10 − 10/3) × 0.30
    assert amount(Compiled(whole, Fraction(1, 3)), calls=10) == 0
    assert amount(Compiled(plan, Fraction(0)), calls=10) == 3


def test_a_form_is_made_once_for_a_plan():
    plan = BillingPlan(PriceSchedule(calls="0.01"))

    assert compiled_form(plan) is compiled_form(plan)


def test_a_form_that_depends_on_more_than_the_plan_is_made_anew():
    prorated = BillingPlan(PriceSchedule(calls="0.01"), included={"calls": 5}, prorate_included=True)
    own = BillingPlan(Answering(Entry("calls", "0.01")))

    assert compiled_form(prorated) is not compiled_form(prorated)
    assert compiled_form(own) is not compiled_form(own)


def test_only_a_plan_of_prices_alone_is_simple():
    prices = PriceSchedule(calls="0.01")

    assert Compiled(BillingPlan(prices)).simple
    for terms in ({"taxes": Tax("VAT", 19)}, {"maximum": 0}, {"overage": "refuse"}):
        assert not Compiled(BillingPlan(prices, **terms)).simple
    assert not Compiled(BillingPlan(prices, rounding=Rounding(stage="line"))).simple


def test_a_meter_without_a_price_is_refused_each_time():
    card = card_of(calls="0.01")

    for _ in range(2):
        with pytest.raises(UnpricedUsage):
            card.numerator(Usage(pages=1))


def test_hostile_labels_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(compiled, "METERS", 3)
    plan = BillingPlan(PriceSchedule(calls=TIERS))
    usage = Usage({f"calls{{id={i}}}": 1 for i in range(12)})

    total = Bill.of(usage, plan).total

    assert total == 58  # one quantity of 12, though the form was made anew meanwhile
    assert "compiled" not in plan.made
    assert len(compiled_form(plan)) == 0


def test_a_schedule_of_ones_own_is_asked_for_what_is_used():
    card = Compiled(BillingPlan(Answering(Entry("calls", TIERS))))

    assert amount(card, calls=12) == 58
    assert card[Meter("pages")] is card["calls"]


def test_what_stands_is_known_of_a_schedule_that_lists_its_entries():
    card = Compiled(BillingPlan(Listed(Entry("seats", Flat(20, at_zero=True)))))

    assert card.standing == 20


@pytest.mark.parametrize("answer", [None, 5, "calls", ("calls",)], ids=repr)
def test_a_match_that_is_no_entry_is_refused(answer):
    card = Compiled(BillingPlan(Answering(answer)))

    with pytest.raises(InvalidSchedule, match=r"match\(\) gave no entry"):
        card.numerator(Usage(calls=1))


@pytest.mark.parametrize(("key", "price", "error"), [("a b", 1, InvalidMeter), ("calls", -1, InvalidPrice)])
def test_an_entry_that_is_wrong_inside_is_refused_for_that(key, price, error):
    with pytest.raises(error):
        Compiled(BillingPlan(Listed(Entry(key, price))))
    with pytest.raises(error):
        Compiled(BillingPlan(Answering(Entry(key, price)))).numerator(Usage(calls=1))


def test_a_schedule_that_lists_something_else_than_entries_is_refused():
    with pytest.raises(InvalidSchedule, match="entries that are no pairs"):
        Compiled(BillingPlan(Listed("calls", "pages")))
