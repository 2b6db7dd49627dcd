from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve, frozen

from tests.support.breakdowns import check_breakdown
from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Flat,
    Grant,
    Period,
    PerUnit,
    Price,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
    Volume,
)
from tokenbill.core.rating.charge_run import RatingRequest
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.statement import rate

MONEY = PriceSchedule(a=1, b=1, c=1)
TOKEN = Currency("TOKEN", places=0)
LINES = Rounding(stage="line")
MARCH = Period("2026-03-01", "2026-04-01")
TEN_DAYS = Period("2026-03-11", "2026-03-21")
"""10 of the 31 days of March."""


@frozen
class Silent(Price):
    """Nothing, and no line that says so."""

    def amount(self, quantity):
        return 0

    def breakdown(self, quantity):
        return ()


def bill_of(quantities, *, prices=MONEY, grants=(), period=None, final=True, **terms):
    plan = BillingPlan(prices, **terms)
    opening = Account(balance=Balance(grants))
    return Bill.of(Usage(quantities), plan, opening=opening, period=period, final=final)


def total(quantities, **asked):
    return str(bill_of(quantities, **asked).total)


def told(bill, *kinds):
    return [(line.description, str(line.amount)) for line in bill.lines if not kinds or line.kind in kinds]


# Fees


def test_fees_stand_first_in_the_order_of_the_plan():
    bill = bill_of({"a": 5}, fees=[Fee(20, "platform"), Fee(3, "seats"), Fee(3, "seats")])

    assert told(bill) == [("platform", "20"), ("seats", "3"), ("seats", "3"), ("a", "5")]


def test_a_fee_in_arrears_is_due_with_the_last_bill():
    fees = [Fee(20, "platform"), Fee(3, "support", "arrears")]

    assert told(bill_of({}, fees=fees, final=False)) == [("platform", "20")]
    assert told(bill_of({}, fees=fees)) == [("platform", "20"), ("support", "3")]


def test_a_fee_of_a_part_of_a_period_is_prorated():
    late = Period("2026-03-16", "2026-03-31")

    assert total({}, fees=[Fee(93)], cycle=Cycle.monthly(), period=late) == "45.00"  # 93 × 15/31
    assert total({}, fees=[Fee(93, prorated=False)], cycle=Cycle.monthly(), period=late) == "93.00"


def test_neither_fee_nor_minimum_is_owed_in_a_trial():
    terms = {"fees": [Fee(31)], "cycle": Cycle.monthly("2026-03-01"), "minimum": 10}

    bill = bill_of({}, **terms, trial=31, period=MARCH)

    assert told(bill) == [("subscription", "0")]


# Usage


def test_an_entry_that_shows_no_line_is_no_item():
    bill = bill_of({"a": 5, "b": 3}, prices=PriceSchedule(a=1, b=Silent()), fees=[Fee(1)])

    assert told(bill) == [("subscription", "1"), ("a", "5")]


def test_included_units_come_before_the_price_is_read():
    prices = PriceSchedule(a=Volume([Tier(100, "0.10"), Tier(None, "0.05")]))

    bill = bill_of({"a": 150}, prices=prices, included={"a": 50}, fees=[Fee(1)])

    assert told(bill)[1:] == [("a, included", "0"), ("a, tier 1: 0 to 100", "10.00")]  # 100 × 0.10


def test_prices_alone_come_to_their_lines():
    card = CompiledPlan(BillingPlan(MONEY))

    statement = rate(RatingRequest(card, Usage(a="0.335", b=3)))

    assert [str(line.amount) for line in statement.lines] == ["0.335", "3"]
    assert [item.key for item in statement.charges] == ["usage:a", "usage:b"]
    assert (str(statement.total), statement.draws) == ("3.34", {})


# Discounts


def test_percentages_are_chained_and_never_added():
    discounts = [Discount.percent(10), Discount.percent(10), Discount.fixed(30)]

    assert total({"a": 200}, discounts=discounts[:2]) == "162.00"  # 200 × 0.9 × 0.9
    assert total({"a": 200}, discounts=discounts) == "132.00"  # 162 − 30
    assert total({"a": 200}, discounts=discounts[::-1]) == "137.70"  # 170 × 0.9 × 0.9


def test_a_discount_says_what_it_is_of():
    bill = bill_of({"a": 200}, discounts=[Discount.percent(10, "spring"), Discount.fixed(30)])

    assert [line.explain() for line in bill.lines[1:]] == [
        "spring: less 10 % of 200 = -20.00",
        "30 off: less 30 of 180 = -30.00",
    ]


def test_a_fixed_discount_takes_at_most_what_is_left():
    bill = bill_of({"a": 20}, discounts=[Discount.fixed(30), Discount.fixed(5)])

    assert told(bill, "discount") == [("30 off", "-20.00")]
    assert bill.total == 0


def test_a_discount_applies_to_its_scope_only():
    discounts = [Discount.percent(50, "half", on="a"), Discount.fixed(100, "gone", on="c")]

    bill = bill_of({"a": 20, "b": 10}, fees=[Fee(8)], discounts=[*discounts, Discount.percent(25, on="fee")])

    assert told(bill, "discount") == [("half", "-10.00"), ("25 % off", "-2.00")]
    assert bill.total == 26  # 10 + 10 + 6


def test_a_fixed_discount_is_spread_exactly_or_by_largest_remainder():
    tax = Tax("on a", 100, on="a")
    terms = {"discounts": [Discount.fixed(10)], "taxes": [tax]}

    exactly, by_cents = ({"rounding": rounding} for rounding in (Rounding(), LINES))

    # 10 over three lines of 10: a has 20/3 left, or 10 − 3.34
    assert told(bill_of({"a": 10, "b": 10, "c": 10}, **terms, **exactly), "tax") == [("on a", "6.67")]
    assert told(bill_of({"a": 10, "b": 10, "c": 10}, **terms, **by_cents), "tax") == [("on a", "6.66")]


def test_a_percentage_is_rounded_on_each_line_where_lines_are():
    discounts = [Discount.percent(15)]

    # 0.15 × 0.30 is 0.045 on each line: 0.05 thrice, or 0.135 once
    assert total({"a": "0.3", "b": "0.3", "c": "0.3"}, discounts=discounts, rounding=LINES) == "0.75"
    assert total({"a": "0.3", "b": "0.3", "c": "0.3"}, discounts=discounts) == "0.77"  # 0.765


# Maximum and minimum


@pytest.mark.parametrize(
    ("usage", "final", "expected"), [(600, True, "500"), (400, True, "450"), (200, False, "180")]
)
def test_discounts_come_before_the_maximum_and_that_before_the_minimum(usage, final, expected):
    # 600 → 540 → at most 500; 400 → 360 → lifted to 450; 200 → 180, and no true-up before the last bill
    terms = {"discounts": [Discount.percent(10)], "maximum": 500, "minimum": 450}

    assert Decimal(total({"a": usage}, final=final, **terms)) == Decimal(expected)


def test_maximum_and_true_up_are_lines_of_their_own():
    bill = bill_of({"a": 60, "b": 60}, maximum=100, minimum=100)
    lifted = bill_of({"a": 60}, minimum=100)

    assert [line.explain() for line in bill.lines[2:]] == ["maximum: 100 − 120 = -20.00"]
    assert [line.explain() for line in lifted.lines[1:]] == ["true-up to minimum: 100 − 60 = 40.00"]


def test_what_a_part_of_a_period_owes_is_told_with_the_part():
    bill = bill_of(
        {"a": 500}, discounts=[Discount.fixed(31)], maximum=310, cycle=Cycle.monthly(), period=TEN_DAYS
    )

    assert [line.explain() for line in bill.lines[1:]] == [
        "31 off: less 31 × 10/31 of 500 = -10.00",
        "maximum: 310 × 10/31 − 490 = -390.00",
    ]


def test_the_maximum_is_spread_like_a_discount():
    tax = [Tax("on a", 20, on="a")]

    assert total({"a": 10}, maximum=10, taxes=tax) == "12.00"
    assert total({"a": 10, "b": 10}, maximum=10, taxes=tax) == "11.00"  # 5 of the 10 are of a


def test_a_part_of_a_period_owes_a_part_of_fixed_amounts():
    terms = {"cycle": Cycle.monthly(), "period": TEN_DAYS}

    assert total({}, minimum=310, **terms) == "100.00"  # 310 × 10/31
    assert total({"a": 500}, maximum=310, **terms) == "100.00"
    assert total({"a": 500}, discounts=[Discount.fixed(310)], **terms) == "400.00"
    assert total({"a": 500}, discounts=[Discount.percent(10)], **terms) == "450.00"  # a percentage needs none


def test_fixed_amounts_of_a_part_are_rounded_before_use_where_lines_are():
    terms = {"cycle": Cycle.monthly(), "period": TEN_DAYS, "rounding": LINES}

    bill = bill_of({"a": 500}, discounts=[Discount.fixed(10)], **terms)

    assert told(bill, "discount") == [("10 off", "-3.23")]  # 100/31 is 3.2258…
    assert told(bill_of({}, minimum=10, **terms)) == [("true-up to minimum", "3.23")]


def test_a_bill_of_rounded_lines_is_at_most_the_maximum_and_at_least_the_minimum():
    three = {"a": "0.335", "b": "0.335", "c": "0.335"}
    low = {"a": "0.334", "b": "0.334", "c": "0.334"}

    assert total(three, rounding=LINES) == "1.02"
    assert total(three, rounding=LINES, maximum="1.01") == "1.01"
    assert total(low, rounding=LINES) == "0.99"
    assert total(low, rounding=LINES, minimum="1.00") == "1.00"


# Rounding


def test_lines_are_rounded_together_or_each_for_itself():
    three = {"a": "0.335", "b": "0.335", "c": "0.335"}

    together, apart = bill_of(three), bill_of(three, rounding=LINES)

    assert told(together, "rounding") == [("rounding", "0.005")]  # 1.005 → 1.01
    assert together.exact == Fraction(201, 200)
    assert told(apart) == [("a", "0.34"), ("b", "0.34"), ("c", "0.34")]
    assert apart.exact == Fraction(102, 100)


def test_the_places_of_a_rounding_win_over_those_of_the_currency():
    assert total({"a": "10.5"}, prices=PriceSchedule({"a": 1}, currency="JPY"), fees=[Fee(0)]) == "11"
    assert total({"a": "0.0004"}, rounding=Rounding(places=4), fees=[Fee(0)]) == "0.0004"


# Taxes


def test_a_tax_is_rounded_once_on_its_sum():
    three = {"a": "33.33", "b": "33.33", "c": "33.33"}
    vat = [Tax("VAT", 20)]

    # 20 % of 99.99 is 19.998; of 33.33 it is 6.666
    assert told(bill_of(three, taxes=vat), "tax") == [("VAT", "20.00")]
    assert told(bill_of(three, taxes=vat, rounding=LINES), "tax") == [("VAT", "20.00")]
    assert told(bill_of(three, taxes=vat, rounding=Rounding(stage="line", tax="line")), "tax") == [
        ("VAT", "20.01")
    ]


def test_taxes_do_not_compound():
    bill = bill_of({"a": 250}, taxes=[Tax("GST", 5), Tax("QST", "9.975")])

    assert told(bill, "tax") == [("GST", "12.50"), ("QST", "24.94")]
    assert bill.total == Decimal("287.44")
    assert bill.lines[1].explain() == "GST: 5 % of 250 = 12.50"


def test_an_inclusive_tax_changes_no_total():
    bill = bill_of({"a": 100}, taxes=[Tax("VAT", 19, inclusive=True)])

    assert told(bill, "tax") == [("VAT", "15.97"), ("VAT, included in prices", "-15.97")]  # 100 × 19/119
    assert bill.total == 100


def test_inclusive_taxes_are_taken_out_together():
    taxes = [Tax("GST", 5, inclusive=True), Tax("QST", "9.975", inclusive=True)]

    # 115 ÷ 1.14975 is 100.0217…; 0.04 ÷ 1.14975 is 0.0347…
    assert [amount for _, amount in told(bill_of({"a": 115}, taxes=taxes), "tax")] == [
        "5.00",
        "-5.00",
        "9.98",
        "-9.98",
    ]
    assert [amount for _, amount in told(bill_of({"a": "0.04"}, taxes=taxes), "tax")][::2] == ["0.00", "0.00"]


def test_a_tax_on_top_is_on_the_net_that_the_price_contains():
    bill = bill_of({"a": 119}, taxes=[Tax("VAT", 19, inclusive=True), Tax("levy", 5)])

    assert told(bill, "tax")[2] == ("levy", "5.00")  # of 100
    assert bill.total == 124


def test_a_tax_applies_to_its_scope_only():
    taxes = [Tax("on a", 10, on="a"), Tax("on fees", 20, on="fee"), Tax("on c", 50, inclusive=True, on="c")]

    bill = bill_of({"a": 100, "b": 100, "c": 30}, fees=[Fee(10)], taxes=taxes)

    assert told(bill, "tax")[:3] == [("on a", "10.00"), ("on fees", "2.00"), ("on c", "10.00")]
    assert bill.total == 252  # 10 + 100 + 100 + 30 + 10 + 2


def test_a_true_up_is_taxed_as_what_it_is():
    bill = bill_of({"a": 10}, minimum=30, taxes=[Tax("VAT", 10), Tax("on usage", 50, on="usage")])

    assert told(bill, "tax") == [("VAT", "3.00"), ("on usage", "5.00")]


# Promotional credit


def test_promotional_credit_lowers_what_is_taxed_and_paid_credit_does_not():
    gift, paid = Grant("gift", 10, "USD", kind="promotional"), Grant("paid", 50, "USD")
    sixty = Grant("sixty", 60, "USD")
    vat = [Tax("VAT", 20)]

    both, all_paid = (
        bill_of({"a": 100}, grants=[gift, paid], taxes=vat),
        bill_of({"a": 100}, grants=[sixty], taxes=vat),
    )

    assert (both.total, both.due) == (108, 58)  # 90 + 18
    assert (all_paid.total, all_paid.due) == (120, 60)
    assert told(both, "credit") == [("credit gift", "-10.00")]


def test_promotional_credit_pays_whole_cents_of_the_rounded_net():
    gift = Grant("gift", "10.01", "USD", kind="promotional")

    bill = bill_of({"a": "10.005"}, grants=[gift])

    assert (bill.total, bill.draws) == (0, (("gift", Decimal("10.01")),))  # and not −0.01


def test_a_gift_for_other_charges_draws_nothing():
    gift = Grant("gift", 10, "USD", kind="promotional", on="b")

    bill = bill_of({"a": 5}, grants=[gift])

    assert (told(bill), bill.draws) == ([("a", "5")], ())


def test_a_tax_is_never_negative_where_cents_were_rounded_up():
    gift = Grant("gift", 10, "USD", kind="promotional")

    bill = bill_of({"a": "0.005"}, grants=[gift], taxes=[Tax("VAT", 10_000)])

    # the cent that is drawn is more than the half cent that is taxed
    assert (bill.total, told(bill, "tax")) == (0, [("VAT", "0.00")])


def test_the_order_of_draws_does_not_depend_on_when_charges_came():
    grants = [Grant("g", 10, "USD", kind="promotional"), Grant("h", 10, "USD", kind="promotional", on="a")]
    plan, opening = BillingPlan(MONEY), Account(balance=Balance(grants))

    once = Bill.of(Usage(a=10, b=12), plan, opening=opening)
    first = Bill.of(Usage(a=10, b=9), plan, opening=opening, final=False)
    second = Bill.of(Usage(b=3), plan, opening=first.closing)

    assert once.total == 12  # g pays all of a, and then h has nothing to pay
    assert first.total + second.total == 12


# Tokens


def token_bill(calls, *, grants=(), price=None, tokens=1, **terms):
    prices = PriceSchedule(calls if isinstance(calls, dict) else {"calls": tokens}, currency=TOKEN)
    quantities = dict.fromkeys(calls, 1) if isinstance(calls, dict) else {"calls": calls}
    token_price = price or PerUnit(20, per=10_000)
    return bill_of(quantities, prices=prices, grants=grants, currency="USD", token_price=token_price, **terms)


def test_tokens_that_the_balance_does_not_cover_are_bought():
    bill = token_bill(20_000, grants=[Grant("pack", 7_500, TOKEN)])

    assert (bill.total, bill.draws) == (25, (("pack", 7_500),))  # 12,500 × 20 ÷ 10,000
    assert "20000 TOKEN, of which 12500 are not covered by the balance" in bill.lines[0].explain()


def test_only_whole_tokens_are_drawn_as_the_sum_reaches_them():
    third = PerUnit(1, per=3)

    bill = token_bill({"a": third, "b": third, "c": third}, grants=[Grant("pack", 9, TOKEN)])

    assert [line.quantity for line in bill.lines] == [0, 1, 0]  # of 1/3, 2/3 and 1
    assert (bill.total, bill.draws) == (0, (("pack", 1),))


def test_each_entry_burns_whole_tokens_where_lines_are_rounded():
    bill = token_bill({"a": "0.5", "b": "0.5"}, price=PerUnit("0.10"), rounding=LINES)

    assert [line.quantity for line in bill.lines] == [1, 1]
    assert bill.total == Decimal("0.20")


def test_the_rest_is_one_quantity_of_the_token_price_spread_over_the_entries():
    price = Volume([Tier(10, 10), Tier(None, 6)])

    bill = token_bill({"a": 9, "b": 3}, price=price, taxes=[Tax("on a", 50, on="a")])

    assert told(bill) == [("a", "54.00"), ("b", "18.00"), ("on a", "27.00")]  # 72 in proportion to 9 and 3


def test_a_cliff_in_a_token_price_may_make_credit_dear():
    price = Volume([Tier(10, 10), Tier(None, 6)])

    assert token_bill(12, price=price).total == 72
    assert token_bill(12, price=price, grants=[Grant("pack", 2, TOKEN)]).total == 100


def test_what_the_token_price_takes_for_nothing_is_a_line_of_its_own():
    price = Flat(5, at_zero=True)

    covered = token_bill(12, price=price, grants=[Grant("pack", 12, TOKEN)])
    unused = token_bill(0, price=price)

    assert told(covered) == [("calls", "0.00"), ("tokens", "5.00")]
    assert told(unused) == [("tokens", "5.00")]
    assert token_bill(0).total == 0


def test_tokens_are_drawn_only_on_entries_in_the_scope_of_a_grant():
    bill = token_bill({"a": 10, "b": 10}, price=PerUnit(1), grants=[Grant("pack", 15, TOKEN, on="b")])

    assert (told(bill), bill.draws) == ([("a", "10.00"), ("b", "0.00")], (("pack", 10),))


def test_money_pays_what_tokens_did_not():
    grants = [Grant("pack", 5, TOKEN), Grant("gift", 2, "USD", kind="promotional"), Grant("paid", 1, "USD")]

    bill = token_bill(10, price=PerUnit(1), grants=grants)

    assert (bill.total, bill.due) == (3, 2)  # 5 tokens at 1, less the gift; less what was paid
    assert bill.draws == (("gift", 2), ("pack", 5), ("paid", 1))


# --- what only a part of the terms is on, in the order of lines -------------------------------------------


def test_a_minimum_that_goes_on_through_versions_is_of_those_that_have_it():
    month, june = Cycle.monthly(), Period("2026-06-01", "2026-07-01")
    none = BillingPlan(PriceSchedule(a=1, b=1), cycle=month)
    plans = [
        evolve(none, minimum=minimum, taxes=Tax("VAT", tax))
        for minimum, tax in ((None, 5), (30, 5), (30, 10))
    ]
    contract = Contract(plans[0]).amended("2026-06-11", plans[1]).amended("2026-06-21", plans[2])
    bill = Bill.of({"2026-06-02": {"a": 1}, "2026-06-22": {"b": 1}}, contract, period=june)

    # 20 are owed, of which 18 lack: half at 5 % and half at 10 %
    assert [(line.kind, str(line.amount)) for line in bill.lines] == [
        *[
            ("usage", "1"),
            ("usage", "0"),
            ("usage", "1"),
            ("minimum", "18.00"),
            ("tax", "0.50"),
            ("tax", "1.00"),
        ]
    ]
    check_breakdown(bill)
    bill.verify()


@pytest.mark.parametrize("tax", ["line", "total"])
def test_taxes_of_lines_are_explained_by_what_they_are_on(tax):
    rounding = Rounding(stage="line", tax=tax)
    taxes = [Tax("VAT", 10), Tax.per_unit("levy", "0.10", meter="a"), Tax("after", 50, after="levy")]
    plan = BillingPlan(PriceSchedule(a=1, b=2), taxes=taxes, rounding=rounding)
    bill = Bill.of({"a": "1.25", "b": "0.33"}, plan)

    # 0.125 and 0.066, each by itself or together; 0.125; half of 1.91 and 0.125
    vat = "0.20" if tax == "line" else "0.19"
    assert [str(line.amount) for line in bill.lines if line.kind == "tax"] == [vat, "0.13", "1.02"]
    assert "10 % of 1.91" in bill.explain()
    check_breakdown(bill)
    bill.verify()
