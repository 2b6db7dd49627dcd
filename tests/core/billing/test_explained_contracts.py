"""Explanations of bills whose terms change: the way along the price of each version."""

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Tax,
    Tier,
    Volume,
    serial,
)

MARCH = Period("2026-03-01", "2026-04-01")
CREDITS = Currency("CREDITS", places=0)
CAPPED, DEARER = (
    BillingPlan.on_demand(PriceSchedule(calls=PerUnit(rate).after(100).capped(5)))
    for rate in ("0.01", "0.02")
)
CHANGED = Contract(CAPPED).amended("2026-03-16", DEARER)


def told(bill):
    assert serial.loads(serial.dumps(bill)).explain() == bill.explain()
    return [line for line in bill.explain().splitlines() if line.startswith("  ")]


def test_each_version_is_explained_from_where_it_begins_to_where_it_ends():
    bill = Bill.of({"2026-03-05": {"calls": 200}, "2026-03-20": {"calls": 250}}, CHANGED, period=MARCH)

    assert told(bill) == [
        "  2026-03-01/2026-03-16, at 200: at most 5 of 1.00 = 1.00",
        "    100 beyond the first 100 of 200 = 1.00",
        "      100 × 0.01 = 1.00",
        "  2026-03-16/2026-04-01, at 450: at most 5 of 7.00 = 5",
        "    350 beyond the first 100 of 450 = 7.00",
        "      350 × 0.02 = 7.00",
        "  2026-03-16/2026-04-01, less at 200: at most 5 of 2.00 = 2.00",
        "    100 beyond the first 100 of 200 = 2.00",
        "      100 × 0.02 = 2.00",
    ]
    assert str(bill.total) == "4.00"  # 1.00 + 5 − 2.00


def test_what_was_billed_before_is_taken_off():
    first = Bill.of({"2026-03-05": {"calls": 200}}, CHANGED, period=MARCH, at="2026-03-10", final=False)
    late = Bill.of({"2026-03-12": {"calls": 50}}, CHANGED, period=MARCH, opening=first.closing)

    assert [line for line in told(late) if not line.startswith("   ")] == [
        "  2026-03-01/2026-03-16, at 250: at most 5 of 1.50 = 1.50",
        "  2026-03-01/2026-03-16, billed before, less at 200: at most 5 of 1.00 = 1.00",
    ]


def test_what_stands_as_it_was_billed_is_not_told_again():
    first = Bill.of({"calls": 200}, CAPPED, period=MARCH, at="2026-03-10", final=False)
    second = Bill.of({"2026-03-20": {"calls": 100}}, CHANGED, period=MARCH, opening=first.closing)

    assert [line for line in told(second) if not line.startswith("   ")] == [
        "  2026-03-16/2026-04-01, at 300: at most 5 of 4.00 = 4.00",
        "  2026-03-16/2026-04-01, less at 200: at most 5 of 2.00 = 2.00",
    ]


def test_the_standing_amount_of_a_price_is_taken_off_though_nothing_was_used_before():
    # at least 3 from the first unit on, and for nothing; the second version asks for what goes beyond
    floor = BillingPlan(PriceSchedule(calls=PerUnit(1).at_least(3)))
    taxed = BillingPlan(PriceSchedule(calls=PerUnit(2).at_least(3)))

    bill = Bill.of({"2026-03-20": {"calls": 5}}, Contract(floor).amended("2026-03-16", taxed), period=MARCH)

    assert [line for line in told(bill) if not line.startswith("   ")] == [
        "  2026-03-01/2026-03-16, at 0: at least 3, where it comes to 0, = 3",
        "  2026-03-16/2026-04-01, at 5: at least 3, where it comes to 10, = 10",
        "  2026-03-16/2026-04-01, less at 0: at least 3, where it comes to 0, = 3",
    ]


def test_a_price_that_falls_is_told_with_what_it_gives_back():
    falling = PriceSchedule(calls=Volume([Tier(25, 10), Tier(None, 1)]))
    terms = Contract(BillingPlan.on_demand(falling)).amended(
        "2026-03-16", BillingPlan(falling, taxes=Tax("VAT", 20))
    )
    bill = Bill.of({"2026-03-05": {"calls": 20}, "2026-03-20": {"calls": 10}}, terms, period=MARCH)

    assert told(bill) == [
        "  2026-03-01/2026-03-16, at 20: 20 × 10 = 200",
        "  2026-03-16/2026-04-01, at 30: 30 × 1 = 30",
        "  2026-03-16/2026-04-01, less at 20: 20 × 10 = 200",
    ]


def test_tokens_are_sold_at_the_price_of_each_version():
    plans = [
        BillingPlan.prepaid(
            PriceSchedule(calls=2, currency=CREDITS), token_price=PerUnit(rate), currency="USD"
        )
        for rate in ("0.10", "0.20")
    ]
    terms = Contract(plans[0]).amended("2026-03-16", plans[1])
    account = Account(balance=[Grant("g", 30, CREDITS)])

    bill = Bill.of(
        {"2026-03-05": {"calls": 20}, "2026-03-20": {"calls": 10}}, terms, period=MARCH, opening=account
    )

    assert told(bill)[-3:] == [
        "  tokens at 10 CREDITS: 10 × 0.10 = 1.00",
        "  tokens at 30 CREDITS: 30 × 0.20 = 6.00",
        "  less tokens at 10 CREDITS: 10 × 0.20 = 2.00",
    ]


def test_a_past_that_is_rated_anew_is_told_as_the_whole_period():
    first = Bill.of({"calls": 200}, CAPPED, period=MARCH, at="2026-03-10", final=False)
    again = Bill.of({}, DEARER, period=MARCH, opening=first.closing, at="2026-03-10", restate=True)

    assert [line for line in told(again) if not line.startswith("   ")] == [
        "  2026-03-01/2026-04-01, at 200: at most 5 of 2.00 = 2.00",
    ]
