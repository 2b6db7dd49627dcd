from decimal import Decimal
from fractions import Fraction

import pytest

from tokenbill import BillingPlan, LineItem, Meter, PriceSchedule, Rounding, Usage
from tokenbill.core.credits.draws import Offer
from tokenbill.core.rating.compiled import Compiled
from tokenbill.core.rating.lines import Charge
from tokenbill.core.rating.work import (
    Asked,
    Item,
    Work,
    drawn_on,
    exact_of,
    minor_units,
    settled_lines,
    together,
    total_net,
    total_of,
)

PLAN = BillingPlan(PriceSchedule(a=1))
ZERO, THIRD = Decimal(0), Fraction(1, 3)


def line_of(exact, kind="usage"):
    exact = exact if isinstance(exact, Fraction) else Decimal(exact)
    amount = exact if isinstance(exact, Decimal) else Decimal("0.333333333333333333")
    return LineItem(Charge(kind, None, "calls"), None, amount, exact)


def item_of(amount, meter="a", kind="usage"):
    item = Item(kind, Meter(meter) if kind == "usage" else None, meter, [line_of(amount)])
    item.units = Decimal(amount) if not isinstance(amount, Fraction) else ZERO
    return item


def work_of(*items, stage="bill"):
    plan = BillingPlan(PriceSchedule(a=1), rounding=Rounding(stage=stage))
    work = Work(Asked(Compiled(plan), Usage()))
    for item in items:
        work.add(item)
    return work


def nets(work):
    return [item.net for item in work.items]


def test_an_item_is_what_its_lines_come_to():
    item = Item("usage", Meter("calls"), "calls", [line_of("1.30"), line_of(THIRD)])

    assert item.net == Fraction(13, 10) + THIRD
    assert item.key == "usage:calls"
    assert (item.units, item.gift, item.tax, item.tokens) == (0, 0, 0, 0)


def test_the_gross_of_an_item_is_what_is_left_to_pay_tax_included():
    item = item_of("10")
    item.gift, item.tax = Decimal(4), Decimal("1.20")

    assert item.gross == Decimal("7.20")


def test_a_term_applies_to_the_items_in_its_scope():
    fee, usage = item_of("1", "platform", "fee"), item_of("1", "a{x=1}")

    assert fee.within(None)
    assert fee.within(("fee",))
    assert not fee.within((Meter("a"),))
    assert usage.within((Meter("a"),))


def test_an_item_with_nothing_left_is_passed_over():
    work = work_of(item_of("0"), item_of("5", "b"), item_of("3", "platform", "fee"))

    assert [item.name for item in work.scoped(None)] == ["b", "platform"]
    assert [item.name for item in work.scoped(("usage",))] == ["b"]


def test_an_amount_is_spread_in_exact_proportion():
    work = work_of(item_of("1"), item_of("2", "b"), item_of("4", "c"))

    work.spread(Decimal(1), work.items)

    assert nets(work) == [Fraction(6, 7), Fraction(12, 7), Fraction(24, 7)]


def test_an_amount_is_spread_by_largest_remainder_where_lines_are_rounded():
    work = work_of(item_of("10"), item_of("10", "b"), item_of("10", "c"), stage="line")

    work.spread(Decimal(10), work.items)

    assert list(map(str, nets(work))) == ["6.66", "6.67", "6.67"]  # less 3.34, 3.33, 3.33


def test_items_share_an_amount_that_stands_in_their_place():
    work = work_of(item_of("1"), item_of("3", "b"))

    work.spread_over(Decimal(10), work.items)

    assert nets(work) == [Decimal("2.5"), Decimal("7.5")]


def test_an_item_is_rounded_when_it_comes_where_lines_are():
    work = work_of(item_of("0.335"), stage="line")

    assert nets(work) == [Decimal("0.34")]
    assert [line.amount for line in work.lines] == [Decimal("0.34")]
    assert work.whole(THIRD) == Decimal("0.33")
    assert work_of().whole(THIRD) == THIRD


def test_a_total_is_the_rounded_net_less_gifts_plus_taxes():
    work = work_of(item_of("10.005"), item_of("1", "b"))
    work.items[0].gift = Decimal("2.50")

    work.tax(Decimal("1.01"), [Decimal(1), Decimal(3)])

    assert work.total() == Decimal("9.52")  # 11.01 − 2.50 + 1.01
    assert [item.tax for item in work.items] == [Decimal("0.25"), Decimal("0.76")]


def test_what_changes_the_lines_above_is_a_line_with_its_rule():
    work = work_of(item_of("10"))

    work.note("discount", "spring", Decimal(-1), "less 10 % of 10")

    assert work.lines[-1].explain() == "spring: less 10 % of 10 = -1"


def test_without_offers_the_draws_of_earlier_bills_stand():
    drawn = {"g": {"usage:a": Decimal(2)}}
    work = Work(Asked(Compiled(PLAN), Usage(), draws={"promotional": drawn}))

    assert work.pay("promotional", [item_of("5")], "units", 2) == drawn
    assert work.pay("tokens", [item_of("5")], "tokens", 0) == {}
    assert work.draws == drawn


def test_credit_may_pay_what_it_had_paid_and_what_charges_grew_by():
    drawn = drawn_on(
        [Offer("gift", 900)],
        [item_of("9"), item_of("6", "b"), item_of("1", "c")],
        "units",
        before=[item_of("5"), item_of("7", "b")],
        earlier={"gift": {"usage:b": Decimal(2)}, "other": {"usage:a": Decimal(1)}},
        places=2,
    )

    # 1 that the other had paid and 4 more of a, the 2 it had paid of b, 1 of c
    assert drawn == {"gift": {"usage:a": 5, "usage:b": 2, "usage:c": 1}}


def test_only_whole_minor_units_are_drawn_unless_the_exact_amount_is_asked():
    items = [item_of(THIRD)]
    items[0].units = THIRD

    assert minor_units(Decimal("10.009"), 2) == 1000
    assert minor_units(THIRD, 2) == 33
    assert drawn_on([Offer("g", 900)], items, "units", before=(), earlier={}, places=2, exact=True) == {
        "g": {"usage:a": THIRD}
    }


def test_amounts_add_up_to_a_decimal():
    assert together([]) == 0
    assert together([THIRD, THIRD, THIRD]) == 1
    assert total_net([item_of("0.10"), item_of(THIRD)]) == Fraction(13, 30)


@pytest.mark.parametrize(
    ("amounts", "told"),
    [
        (["1.30", "0.20"], ["1.30", "0.20"]),
        (["0.335"] * 3, ["0.335", "0.335", "0.335", "0.005"]),
        ([THIRD] * 2, ["0.333333333333333333", "0.333333333333333334", "0.003333333333333333"]),
        ([THIRD] * 3, ["0.333333333333333333", "0.333333333333333334", "0.333333333333333333"]),
    ],
    ids=["whole", "rounded", "thirds", "one"],
)
def test_settled_lines_add_up_to_the_total(amounts, told):
    card = Compiled(BillingPlan(PriceSchedule(a=1)))
    lines = [line_of(amount) for amount in amounts]
    total = total_of(card, lines)

    settled = settled_lines(card, lines, total)

    assert [str(line.amount) for line in settled] == told
    assert sum(line.amount for line in settled) == total
    assert exact_of(settled) == sum(Fraction(amount) for amount in amounts)
