from decimal import Decimal
from fractions import Fraction

from attrs import frozen

from tokenbill import (
    BillingPlan,
    Fee,
    Flat,
    Graduated,
    Meter,
    Package,
    PerUnit,
    Price,
    PriceSchedule,
    Rounding,
    Tier,
    Usage,
    Volume,
)
from tokenbill.core.rating.charges import entry_lines, fee_line, rounded_lines, usage_lines
from tokenbill.core.rating.compiled import Compiled

TIERS = Graduated([Tier(10, 5, fee=2), Tier(None, 4, fee=3)])


@frozen
class Waved(Price):
    """Free on ``odd`` quantities.

    And one on even ones.
    """

    def amount(self, quantity):
        return 1 - quantity % 2


@frozen
class Alternating(Price):
    """A price whose components have a rate that depends on the quantity."""

    def amount(self, quantity):
        return quantity * quantity

    def breakdown(self, quantity):
        return tuple(component for component in PerUnit(quantity).breakdown(quantity))


class Bare(Price):
    def amount(self, quantity):
        return quantity


def card_of(rounding=None, **prices):
    return Compiled(BillingPlan(PriceSchedule(prices), rounding=rounding or Rounding()))


def told(lines):
    return [(line.description, str(line.amount)) for line in lines]


def test_entries_stand_in_order_of_their_keys_with_tiers_and_groups_in_order():
    card = card_of(b="0.10", a=TIERS.each("region"), c=Flat(20, at_zero=True))
    usage = Usage({"b": 3, "a{region=us}": 12, "a{region=eu}": 10, "a": 1})

    assert told(usage_lines(card, usage)) == [
        ("a, tier 1: 0 to 10", "7"),  # 2 + 1 × 5
        ("a{region=eu}, tier 1: 0 to 10", "52"),  # 2 + 10 × 5
        ("a{region=us}, tier 1: 0 to 10", "52"),
        ("a{region=us}, tier 2: above 10", "11"),  # 3 + 2 × 4
        ("b", "0.30"),
        ("c, flat fee", "20"),
    ]


def test_lines_are_the_same_on_each_bill_of_a_plan():
    card = card_of(a=TIERS, b="0.10", c=PerUnit("2.50", per=1_000_000), d=Package(10, 5))
    usage = Usage(a=12, b=3, c=1200, d=11)

    first = usage_lines(card, usage)

    assert usage_lines(card, usage) == first
    assert [str(line.amount) for line in first] == ["52", "11", "0.30", "0.003", "10"]


def test_nothing_used_owes_no_lines_but_of_what_stands():
    assert usage_lines(card_of(a=TIERS), Usage()) == []
    assert told(usage_lines(card_of(a=TIERS, b=PerUnit(1).at_least(5)), Usage())) == [("b, at least 5", "5")]


def test_meters_of_one_entry_share_its_lines():
    card = card_of(a=Volume([Tier(10, 2), Tier(None, 1)]), b=0)

    lines = usage_lines(card, Usage({"a{x=1}": 8, "a{x=2}": 4, "b": 1}))

    assert told(lines) == [("a, tier 2: above 10", "12"), ("b", "0")]


def test_lines_of_an_entry_come_with_the_entry():
    card = card_of(b="0.10", a="0.20")

    pairs = [(str(rate.key), told(lines)) for rate, lines in entry_lines(card, Usage(b=1, a=2))]

    assert pairs == [("a", [("a", "0.40")]), ("b", [("b", "0.10")])]


def test_a_line_of_an_amount_that_does_not_terminate_keeps_it_exactly():
    (line,) = usage_lines(card_of(a=PerUnit(1, per=3)), Usage(a=1))

    assert (str(line.amount), line.exact) == ("0.333333333333333333", Fraction(1, 3))


def test_a_charge_whose_rate_depends_on_the_quantity_is_that_of_the_quantity():
    card = card_of(a=Alternating())

    rates = [usage_lines(card, Usage(a=quantity))[0].rate for quantity in (2, 3, 2)]

    assert rates == [2, 3, 2]


def test_the_rule_of_a_line_is_what_its_price_does():
    (line,) = usage_lines(card_of(a=Package(1000, 5)), Usage(a=1))

    assert line.charge.rule == "each started package of 1000 at 5"


def test_a_line_that_its_own_words_explain_has_no_rule():
    (line,) = usage_lines(card_of(a=Bare()), Usage(a=1))

    assert line.charge.rule == ""


def test_rounded_lines_add_up_to_the_rounded_entry():
    card = card_of(Rounding(stage="line"), a=TIERS)
    lines = usage_lines(
        card_of(a=Graduated([Tier(1, "0.335"), Tier(2, "0.335"), Tier(None, "0.335")])), Usage(a=3)
    )

    cut = rounded_lines(card, lines)

    # running sums 0.335, 0.670, 1.005 are 0.34, 0.67, 1.01
    assert [str(line.amount) for line in cut] == ["0.34", "0.33", "0.34"]
    assert sum(line.exact for line in cut) == Fraction(101, 100)


def test_a_fee_is_owed_for_the_part_of_the_period():
    line = fee_line(Fee(93, "platform"), Fraction(15, 31))

    assert (line.kind, line.meter, line.description) == ("fee", None, "platform")
    assert (str(line.amount), line.rate) == ("45", 93)
    assert line.explain() == "platform: 0.483870967741935484 × 93 ≈ 45  (15/31 of the period)"


def test_a_fee_of_a_whole_period_needs_no_rule():
    assert fee_line(Fee(93), Fraction(1)).explain() == "subscription: 1 × 93 = 93"


def test_a_fee_that_is_not_prorated_is_owed_in_full_or_not_at_all():
    fee = Fee(93, prorated=False)

    assert fee_line(fee, Fraction(1, 31)).amount == 93
    assert fee_line(fee, Fraction(0)).amount == 0


def test_a_line_is_of_the_meter_that_was_priced():
    (line,) = usage_lines(card_of(a=PerUnit(1).each("region")), Usage({"a{region=eu,x=1}": 1}))

    assert line.meter == Meter("a{region=eu}")
    assert line.quantity == Decimal(1)
