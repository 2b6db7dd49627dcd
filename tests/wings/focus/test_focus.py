"""Rows of FOCUS: by hand for each kind of line, by law for all bills, and before the judge of the format."""

import csv
import io
import json
import sys
from contextlib import suppress
from datetime import datetime
from decimal import ROUND_UP, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import simulator
from tests.oracle.stories import Story
from tests.support.strategies import junk, plans_and_parts
from tests.wings.focus import focus_validator
from tests.wings.focus.focus_bills import paid_of, worth_drawn
from tests.wings.focus.focus_checker import faults, total
from tests.wings.focus.focus_validator import (
    ACCESS_FEE,
    LOSING_BRANCH,
    PLACEHOLDER,
    VIRTUAL_CURRENCY,
    WAY_OUT,
    validated,
)
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Discount,
    Fee,
    Flat,
    Graduated,
    Grant,
    Package,
    Period,
    PerUnit,
    PriceSchedule,
    Tax,
    Tier,
    TokenbillError,
    Usage,
    focus,
    serial,
)
from tokenbill.errors import (
    BillMismatch,
    CurrencyMismatch,
    InvalidGrant,
    InvalidName,
    InvalidPeriod,
    InvalidPlan,
    MissingExtra,
    UnreadableField,
    UnreadableInput,
)
from tokenbill.focus import Expired, Purchase, Sku

OCTOBER = Period("2026-10-01", "2026-11-01")
NOVEMBER = Period("2026-11-01", "2026-12-01")
CREDITS = Currency("CRD", places=0)

H100 = "gpu_hours{gpu=H100}"
PRICES = PriceSchedule(
    {
        H100: "2.00",
        "api_calls": PerUnit("0.40", per=1000),
        "input_tokens": Graduated([Tier(5_000_000, "3.00"), Tier(None, "2.40")], per=1_000_000),
    }
)
CALLS = PriceSchedule(api_calls=PerUnit("2.50", per=1000))
IN_CREDITS = PriceSchedule({H100: 250, "api_calls": PerUnit(40, per=1000)}, currency=CREDITS)


def rows_of(bills, **named):
    """Rows; where no customer is known, of an account that is called so."""
    every = bills if isinstance(bills, list | tuple) else [bills]
    is_known = all("customer" in dict(getattr(each, "about", ())) for each in every)
    account = {} if is_known else {"account_id": "customer"}
    return focus.rows(bills, **{"issuer": "Example AI Cloud", **account, **named})


def row_of(rows, description):
    (row,) = [row for row in rows if row["ChargeDescription"] == description]
    return row


def shown(row, *columns):
    """Cells as text, so that a wrong last digit shows."""
    return [None if row[column] is None else str(row[column]) for column in columns]


def costs(row):
    """List, contracted, billed and effective cost as numbers."""
    return [row[column] for column in ("ListCost", "ContractedCost", "BilledCost", "EffectiveCost")]


def numbers(*texts):
    return [Decimal(text) for text in texts]


def on_demand(**terms):
    usage = Usage({H100: "120.5", "api_calls": 1_234_567, "input_tokens": 12_250_000})
    about = {"customer": "acme", "number": "INV-2026-10-0001", "team": "search"}
    return Bill.of(usage, BillingPlan.on_demand(PRICES, **terms), period=OCTOBER, about=about)


def subscription(calls, period=OCTOBER, fee="99", **terms):
    plan = BillingPlan.subscription(fee, CALLS, included={"api_calls": 50_000}, **terms)
    return Bill.of(Usage(api_calls=calls), plan, period=period, about={"number": "INV-1"})


def prepaid(currency=CREDITS, **more):
    """100,000 credits for 900 USD, 1000 at list; 92,125 of them are drawn, and 7,875 expire."""
    grant = Grant("spring", 100_000, currency, expires="2026-11-01")
    prices = PriceSchedule(IN_CREDITS, currency=currency)
    plan = BillingPlan.prepaid(prices, token_price=PerUnit("0.01"), currency="USD", **more)
    usage, opening = Usage({H100: "320.5", "api_calls": 300_000}), Account(balance=[grant])
    bill = Bill.of(usage, plan, period=OCTOBER, opening=opening, about={"number": "INV-1"})
    purchase = Purchase(grant, "900", "USD", list_price="1000", period=OCTOBER, about={"number": "INV-0"})
    return purchase, bill, Expired(bill.closing.balance, OCTOBER, about={"number": "INV-1"})


def in_money(amount, **terms):
    """A bill of 200.20 that a grant of money pays in part or in whole."""
    plan = BillingPlan.prepaid(PriceSchedule(gpu_hours="2.00", calls="0.001"), **terms)
    opening = Account(balance=[Grant("topup", amount, "USD")])
    return Bill.of(Usage(gpu_hours=100, calls=200), plan, period=OCTOBER, opening=opening)


# ---------------------------------------------------------------- each kind of line, by hand


def test_usage_is_billed_in_the_blocks_of_its_price_and_consumed_in_the_units_of_its_meter():
    row = row_of(rows_of(on_demand()), "api_calls")

    assert shown(row, "ConsumedQuantity", "ConsumedUnit") == ["1234567", "Requests"]
    assert shown(row, "PricingQuantity", "PricingUnit", "ListUnitPrice") == [
        "1234.567",
        "1000 Requests",
        "0.40",
    ]
    assert costs(row) == numbers("493.8268", "493.8268", "493.8268", "493.8268")  # 1234.567 × 0.40
    assert shown(row, "ChargeCategory", "ChargeFrequency", "PricingCategory") == [
        "Usage",
        "Usage-Based",
        "Standard",
    ]


def test_each_tier_is_a_row_with_a_price_id_of_its_own_and_the_same_sku():
    rows = [row for row in rows_of(on_demand()) if row["SkuMeter"] == "Input Tokens"]

    assert [shown(row, "PricingQuantity", "ListUnitPrice", "BilledCost") for row in rows] == [
        ["5", "3.00", "15.00"],
        ["7.25", "2.40", "17.4000"],
    ]
    assert {row["SkuId"] for row in rows} == {"input_tokens"}
    assert [row["SkuPriceId"] for row in rows] == [
        "input_tokens/tier 1: 0 to 5000000/3/USD per 1000000 Tokens",
        "input_tokens/tier 2: above 5000000/2.4/USD per 1000000 Tokens",
    ]


def test_a_bill_says_whose_it_is_and_the_rest_of_what_it_says_becomes_tags():
    row = rows_of(on_demand())[0]

    assert shown(row, "BillingAccountId", "InvoiceId", "Tags") == [
        "acme",
        "INV-2026-10-0001",
        '{"team": "search"}',
    ]
    assert shown(row, "InvoiceIssuerName", "ProviderName", "PublisherName") == ["Example AI Cloud"] * 3
    assert shown(row, "BillingPeriodStart", "ChargePeriodEnd") == [
        "2026-10-01T00:00:00Z",
        "2026-11-01T00:00:00Z",
    ]


def test_what_is_named_goes_before_what_a_bill_says():
    named = {
        "provider": "Cloud", "publisher": "Lab", "account_id": "a-1", "account_name": "Acme Research",
        "sub_account_id": "s-1", "invoice_id": "INV-9", "tags": {"env": "prod"}, "billing_period": NOVEMBER,
    }  # fmt: skip

    row = rows_of(on_demand(), **named)[0]

    assert shown(row, "ProviderName", "PublisherName", "BillingAccountId") == ["Cloud", "Lab", "a-1"]
    assert shown(row, "BillingAccountName", "SubAccountId", "SubAccountName") == [
        "Acme Research",
        "s-1",
        "s-1",
    ]
    assert shown(row, "InvoiceId", "Tags") == ["INV-9", '{"env": "prod", "team": "search"}']
    assert shown(row, "BillingPeriodStart", "ChargePeriodStart") == [
        "2026-11-01T00:00:00Z",
        "2026-10-01T00:00:00Z",
    ]


def test_the_days_of_a_plan_begin_at_midnight_in_its_zone():
    plan = BillingPlan.subscription("99", CALLS, cycle=Cycle.monthly(tz="Asia/Shanghai"))

    row = rows_of(Bill.of(Usage(), plan, period=OCTOBER))[0]

    assert shown(row, "ChargePeriodStart", "ChargePeriodEnd") == [
        "2026-09-30T16:00:00Z",
        "2026-10-31T16:00:00Z",
    ]


def test_a_percentage_off_lowers_the_contracted_price_and_is_no_row():
    rows = rows_of(on_demand(discounts=[Discount.percent(10, on="gpu_hours")]))
    row = row_of(rows, H100)

    assert shown(row, "ListUnitPrice", "ContractedUnitPrice") == ["2.00", "1.800"]
    assert costs(row) == numbers("241", "216.9", "216.9", "216.9")  # 120.5 × 2.00, less 10 %
    assert costs(row_of(rows, "api_calls")) == numbers("493.8268", "493.8268", "493.8268", "493.8268")
    assert {row["ChargeCategory"] for row in rows} == {"Usage", "Adjustment"}  # the rounding


def test_an_amount_off_lowers_what_is_billed_and_no_price():
    plan = BillingPlan.on_demand(PriceSchedule(a=1, b=3), discounts=[Discount.fixed(4)])

    rows = rows_of(Bill.of(Usage(a=10, b=10), plan, period=OCTOBER))

    assert [costs(row) for row in rows] == [
        numbers("10", "10", "9", "9"),  # 4 spread over 10 and 30
        numbers("30", "30", "27", "27"),
    ]


def test_a_maximum_lowers_what_is_billed():
    plan = BillingPlan.on_demand(PriceSchedule(a=1, b=3), maximum=20)

    rows = rows_of(Bill.of(Usage(a=10, b=10), plan, period=OCTOBER))

    assert [costs(row)[1:3] for row in rows] == [numbers("10", "5"), numbers("30", "15")]


def test_shares_that_do_not_end_leave_their_last_digit_with_the_last_charge():
    plan = BillingPlan.on_demand(PriceSchedule(a=1, b=1, c=1), maximum=1)

    rows = rows_of(Bill.of(Usage(a=1, b=1, c=1), plan, period=OCTOBER))

    assert [str(row["BilledCost"]) for row in rows] == [
        "0.333333333333333333", "0.333333333333333333", "0.333333333333333334",
    ]  # fmt: skip


def test_list_prices_are_those_of_the_public_schedule():
    public = PRICES | PriceSchedule(
        {H100: "2.50", "input_tokens": Graduated([Tier(5_000_000, "3.50"), Tier(None, 3)], per=1_000_000)}
    )

    rows = rows_of(on_demand(), list_prices=public)

    assert costs(row_of(rows, H100)) == numbers("301.25", "241", "241", "241")  # 120.5 × 2.50
    assert [row["ListUnitPrice"] for row in rows if row["SkuMeter"] == "Input Tokens"] == numbers("3.50", "3")


def test_a_quantity_of_blocks_that_does_not_end_is_rounded_once_and_the_amount_stays_exact():
    plan = BillingPlan.on_demand(PriceSchedule(gpu_seconds=PerUnit("0.10", per=3600)))

    row, rounding = rows_of(Bill.of(Usage(gpu_seconds=100), plan, period=OCTOBER))

    assert shown(row, "PricingQuantity", "PricingUnit") == ["0.027777777777777778", "3600 Seconds"]
    assert shown(row, "ListCost", "BilledCost") == ["0.00277777777777777780", "0.002777777777777778"]
    assert rounding["BilledCost"] == Decimal("-0.002777777777777778")


def test_a_block_that_is_no_whole_number_of_units_becomes_one():
    plan = BillingPlan.on_demand(PriceSchedule(calls=PerUnit(3, per="2.50")))

    row = rows_of(Bill.of(Usage(calls=10), plan, period=OCTOBER))[0]

    assert shown(row, "PricingQuantity", "PricingUnit", "ListUnitPrice") == [
        "0.4",
        "25 Requests",
        "30",
    ]  # not 2.5 at 3


def test_the_fee_of_a_tier_is_a_row_beside_its_units_and_consumes_nothing():
    plan = BillingPlan.on_demand(PriceSchedule(calls=Graduated([Tier(None, "0.10", fee=5)])))

    fee, units, *_ = rows_of(Bill.of(Usage(calls=10), plan, period=OCTOBER))

    assert shown(fee, "BilledCost", "ConsumedQuantity", "PricingQuantity", "ListUnitPrice") == [
        "5",
        "0",
        "1",
        "5",
    ]
    assert shown(units, "BilledCost", "ConsumedQuantity", "PricingQuantity", "ListUnitPrice") == [
        "1.00",
        "10",
        "10",
        "0.10",
    ]


def test_packages_are_counted_whole():
    plan = BillingPlan.on_demand(PriceSchedule(calls=Package(1000, 5)))

    row = rows_of(Bill.of(Usage(calls=1001), plan, period=OCTOBER))[0]

    assert shown(row, "ConsumedQuantity", "PricingQuantity", "PricingUnit", "BilledCost") == [
        "1001",
        "2",
        "1000 Requests",
        "10",
    ]


def test_what_no_rate_says_is_priced_by_its_amount():
    plan = BillingPlan.on_demand(PriceSchedule(calls=PerUnit(1).then(PerUnit(2)) + Flat(20)))
    opening = Bill.of(Usage(calls=1), plan, final=False).closing

    rows = rows_of(Bill.of(Usage(calls=2), plan, opening=opening), period=OCTOBER)

    assert sum(row["BilledCost"] for row in rows) == 4  # 2 × 1 × 2; the flat fee was billed before
    assert [row["ConsumedQuantity"] for row in rows] == [2, 0]


def test_what_is_due_though_nothing_is_used_is_usage_at_its_price():
    plan = BillingPlan.on_demand(PriceSchedule(support=Flat(20, at_zero=True)))

    (row,) = rows_of(Bill.of(Usage(), plan, period=OCTOBER))

    assert shown(row, "ChargeCategory", "PricingQuantity", "ListUnitPrice", "BilledCost") == [
        "Usage",
        "1",
        "20",
        "20",
    ]


def test_a_fee_for_access_has_a_cost_of_its_own():
    plan = BillingPlan.subscription("99", CALLS)

    row = rows_of(Bill.of(Usage(), plan, period=OCTOBER))[0]

    assert shown(row, "ChargeCategory", "ChargeFrequency", "PricingQuantity", "PricingUnit") == [
        "Purchase",
        "Recurring",
        "1",
        "Months",
    ]
    assert costs(row) == numbers("99", "99", "99", "99")


def test_a_part_of_a_month_is_a_part_of_the_quantity():
    plan = BillingPlan.subscription("31", CALLS)

    row = rows_of(Bill.of(Usage(), plan, period=Period("2026-10-01", "2026-10-06")))[0]

    assert row["BilledCost"] == 5
    assert shown(row, "PricingQuantity", "ListUnitPrice") == ["0.161290322580645161", "31"]  # 5 ÷ 31


def test_a_fee_that_covers_an_allowance_moves_to_its_units():
    october = rows_of(subscription(62_000))

    assert costs(row_of(october, "subscription")) == numbers("99", "99", "99", "0")
    assert costs(row_of(october, "api_calls, included")) == numbers("125", "125", "0", "99")  # 50 × 2.50
    assert costs(row_of(october, "api_calls")) == numbers("30", "30", "30", "30")  # 12 × 2.50
    assert [row["ConsumedQuantity"] for row in october] == [None, 12_000, 50_000]


def test_what_is_left_of_an_allowance_carries_the_rest_of_the_fee():
    november = rows_of(subscription(30_000, NOVEMBER))
    unused = row_of(november, "api_calls, unused")

    assert costs(row_of(november, "api_calls, included")) == numbers("75", "75", "0", "59.4")  # 99 × 30 ÷ 50
    assert costs(unused) == numbers("50", "50", "0", "39.6")
    assert shown(unused, "ConsumedQuantity", "PricingQuantity", "ChargeFrequency") == ["0", "20", "Recurring"]


def test_a_fee_is_shared_by_what_allowances_are_worth_and_the_last_takes_the_rest():
    prices = PriceSchedule(api_calls="0.01", gpu_hours=1)
    plan = BillingPlan.subscription("10", prices, included={"api_calls": 100, "gpu_hours": 2})

    rows = rows_of(Bill.of(Usage(api_calls=100), plan, period=OCTOBER))

    assert [str(row["EffectiveCost"]) for row in rows] == [
        "0", "3.333333333333333333", "6.666666666666666667",
    ]  # fmt: skip
    assert [row["ChargeDescription"] for row in rows] == [
        "subscription",
        "api_calls, included",
        "gpu_hours, unused",
    ]


def test_another_fee_may_be_the_one_that_covers():
    plan = BillingPlan.subscription("99", CALLS, fees=[Fee("10", "pack")], included={"api_calls": 50_000})
    bill = Bill.of(Usage(api_calls=50_000), plan, period=OCTOBER)

    rows = rows_of(bill, allowance_fee="pack")

    assert [row["EffectiveCost"] for row in rows] == [99, 0, 10]


def test_interim_bills_of_an_allowance_close_the_fee_together():
    plan = BillingPlan.subscription("100", CALLS, included={"api_calls": 30_000})
    first = Bill.of(Usage(api_calls=10_000), plan, period=OCTOBER, final=False)
    last = Bill.of(Usage(api_calls=10_000), plan, period=OCTOBER, opening=first.closing)

    early, late = rows_of(first), rows_of(last)

    assert [str(row["EffectiveCost"]) for row in (*early, *late)] == [
        "0", "33.333333333333333333",
        "33.333333333333333334", "33.333333333333333333",
    ]  # fmt: skip
    assert total([*early, *late], "EffectiveCost") == total([*early, *late], "BilledCost") == 100


def test_a_free_tier_without_a_fee_is_usage_at_no_price():
    plan = BillingPlan.on_demand(CALLS, included={"api_calls": 1000})

    rows = rows_of(Bill.of(Usage(api_calls=3000), plan, period=OCTOBER))

    assert [costs(row)[0] for row in rows] == numbers("0", "5")
    assert [row["ConsumedQuantity"] for row in rows] == [1000, 2000]


def test_bought_credit_costs_nothing_until_it_is_drawn():
    purchase = rows_of(prepaid())[0]

    assert costs(purchase) == numbers("1000", "900", "900", "0")
    assert shown(purchase, "PricingQuantity", "PricingUnit", "ContractedUnitPrice") == [
        "100000",
        "Credits",
        "0.009",
    ]
    assert shown(purchase, "ChargeCategory", "ChargeFrequency", "ChargePeriodEnd") == [
        "Purchase",
        "One-Time",
        "2026-11-01T00:00:00Z",
    ]


def test_a_draw_is_usage_that_was_paid_before():
    row = row_of(rows_of(prepaid()), H100)

    assert costs(row) == numbers("801.25", "721.125", "0", "721.125")  # 320.5 × 250 × 0.01, × 0.009
    assert shown(row, "PricingQuantity", "PricingUnit", "ListUnitPrice") == ["320.5", "Hours", "2.50"]
    assert shown(row, "PricingCurrency", "PricingCurrencyListUnitPrice", "PricingCurrencyEffectiveCost") == [
        "CRD",
        "250",
        "80125.0",
    ]


def test_expired_credit_closes_its_purchase():
    rows = rows_of(prepaid())
    row = row_of(rows, "expired credit spring")

    assert costs(row) == numbers("78.75", "70.875", "0", "70.875")  # 7875 × 0.009
    assert total(rows, "EffectiveCost", ChargeCategory="Usage") == total(rows, "BilledCost") == 900


def test_a_price_of_a_credit_that_does_not_end_is_quoted_for_the_block_and_still_adds_up():
    grant = Grant("g", 30_000, CREDITS)
    plan = BillingPlan.prepaid(IN_CREDITS, token_price=PerUnit("0.01"), currency="USD")
    purchase = Purchase(grant, 100, "USD", period=OCTOBER)
    bill = Bill.of(Usage({H100: 40}), plan, period=OCTOBER, opening=Account(balance=[grant]))
    again = Bill.of(Usage({H100: 80}), plan, period=NOVEMBER, opening=bill.closing)

    bought, first, second = rows_of([purchase, bill, again])

    assert shown(bought, "PricingQuantity", "PricingUnit", "ListUnitPrice") == ["1", "30000 Credits", "100"]
    assert shown(first, "ContractedUnitPrice", "EffectiveCost") == ["0.833333333250", "33.333333333333333333"]
    assert str(second["EffectiveCost"]) == "66.666666666666666667"  # so that both are 100


def test_usage_beyond_the_credit_is_billed_in_money():
    plan = BillingPlan.prepaid(IN_CREDITS, token_price=PerUnit(20, per=10_000), currency="USD")
    opening = Account(balance=[Grant("g", 1000, CREDITS)])

    rows = rows_of(Bill.of(Usage({H100: 10}), plan, period=OCTOBER, opening=opening))
    drawn, sold = row_of(rows, f"{H100}, paid with g"), row_of(rows, f"{H100}, overage")

    assert costs(sold) == numbers("3", "3", "3", "3")  # (2500 − 1000) × 20 ÷ 10,000
    assert costs(drawn) == numbers("2", "2", "0", "2")  # 1000 at what the plan asks for as many
    assert [drawn["ConsumedQuantity"], sold["ConsumedQuantity"]] == [4, 6]
    assert shown(sold, "PricingQuantity", "PricingUnit", "PricingCurrency") == [
        "0.15",
        "10000 Credits",
        "USD",
    ]


def test_given_tokens_cost_nothing():
    plan = BillingPlan.prepaid(IN_CREDITS, token_price=PerUnit("0.01"), currency="USD")
    opening = Account(balance=[Grant("gift", 1000, CREDITS, kind="promotional")])

    row = row_of(rows_of(Bill.of(Usage({H100: 4}), plan, period=OCTOBER, opening=opening)), H100)

    assert costs(row) == numbers("0", "0", "0", "0")
    assert row["PricingCurrencyEffectiveCost"] == 1000


def test_money_paid_ahead_pays_charges_in_order_and_their_cost_stays():
    rows = rows_of(in_money(150))

    assert [costs(row)[2:] for row in rows] == [
        numbers("0", "0.2"),  # calls: 200 × 0.001
        numbers("50.2", "200"),  # what 149.80 have left of 100 × 2.00
    ]


def test_a_bill_that_credit_pays_in_full_bills_nothing_rounding_and_tax_included():
    plan = BillingPlan.prepaid(PriceSchedule(gpu_hours="2.00", calls="0.001"), taxes=[Tax("VAT", "7.7")])
    opening = Account(balance=[Grant("topup", 1000, "USD")])
    bill = Bill.of(Usage(gpu_hours=100, calls=203), plan, period=OCTOBER, opening=opening)

    rows = rows_of(bill)

    assert bill.total == Decimal("215.62")  # 200.203 to 200.20, and 15.415631 to 15.42
    assert [row["BilledCost"] for row in rows] == [0, 0, 0, 0]
    assert [row["EffectiveCost"] for row in rows] == numbers("0.203", "200", "15.42", "-0.003")


def test_what_is_paid_in_full_leaves_no_part_of_a_cent():
    plan = BillingPlan.prepaid(PriceSchedule(calls="0.001"))
    opening = Account(balance=[Grant("topup", 1000, "USD")])

    calls, rounding = rows_of(Bill.of(Usage(calls=203), plan, period=OCTOBER, opening=opening))

    assert costs(calls) == numbers("0.203", "0.203", "0", "0.203")
    assert costs(rounding) == numbers("-0.003", "-0.003", "0", "-0.003")


def test_credit_bought_below_its_amount_lowers_the_cost_of_what_it_pays():
    bill = in_money(150)
    grant = bill.opening.balance.grants[0]

    rows = rows_of([Purchase(grant, 75, period=OCTOBER), bill])

    assert [row["EffectiveCost"] for row in rows] == numbers(
        "0", "0.1", "125.1"
    )  # half of 0.20; 50.20 + 74.90
    assert total(rows, "EffectiveCost") == total(rows, "BilledCost") == Decimal("125.2")


def test_credit_that_a_roll_over_cuts_is_lost():
    grant = Grant("topup", 500, "USD", rollover=(0, 100))
    plan = BillingPlan.prepaid(PriceSchedule(gpu_hours="2.00"))
    bill = Bill.of(Usage(gpu_hours=100), plan, period=OCTOBER, opening=Account(balance=[grant]))

    lost = rows_of(bill)[-1]

    assert shown(lost, "ChargeDescription", "BilledCost", "EffectiveCost") == [
        "expired credit topup",
        "0",
        "200.00",
    ]


def test_promotional_credit_is_a_credit():
    opening = Account(balance=[Grant("gift", 50, "USD", kind="promotional")])
    bill = Bill.of(Usage({H100: 100}), BillingPlan.on_demand(PRICES), period=OCTOBER, opening=opening)

    row = row_of(rows_of(bill), "credit gift")

    assert row["ChargeCategory"] == "Credit"
    assert costs(row) == numbers("-50", "-50", "-50", "-50")
    assert [row["PricingQuantity"], row["ListUnitPrice"], row["SkuId"]] == [None, None, None]


def test_a_minimum_is_the_shortfall_in_money_at_a_price_of_one():
    plan = BillingPlan.on_demand(PRICES, minimum=500)

    row = row_of(rows_of(Bill.of(Usage({H100: "210.2"}), plan, period=OCTOBER)), "true-up to minimum")

    assert shown(row, "PricingQuantity", "PricingUnit", "ListUnitPrice", "ConsumedQuantity") == [
        "79.60",
        "Units",
        "1",
        "0",
    ]
    assert costs(row) == numbers("79.60", "79.6", "79.6", "79.6")  # 500 − 420.40
    assert shown(row, "ChargeCategory", "ChargeFrequency") == ["Usage", "One-Time"]


def test_a_tax_is_its_rate_of_each_cost():
    plan = BillingPlan.on_demand(
        PriceSchedule(a=10), discounts=[Discount.percent(20)], taxes=[Tax("VAT", 10)]
    )

    row = row_of(rows_of(Bill.of(Usage(a=10), plan, period=OCTOBER)), "VAT")

    assert costs(row) == numbers("10", "8", "8", "8")
    assert shown(row, "ChargeCategory", "ServiceCategory", "ServiceSubcategory") == [
        "Tax",
        "Other",
        "Other (Other)",
    ]


def test_a_tax_that_prices_include_is_taken_out_of_them_in_every_column():
    plan = BillingPlan.on_demand(PriceSchedule(a="119"), taxes=[Tax("VAT", 19, inclusive=True)])

    usage, tax, taken = rows_of(Bill.of(Usage(a=1), plan, period=OCTOBER))

    assert [costs(row)[0] for row in (usage, tax, taken)] == numbers("119", "19", "-19")
    assert [costs(row)[2] for row in (usage, tax, taken)] == numbers("119", "19", "-19")
    assert taken["ChargeCategory"] == "Adjustment"


def test_the_rounding_of_a_bill_is_one_adjustment():
    rows = rows_of(on_demand())

    assert costs(rows[-1]) == numbers("0.0032", "0.0032", "0.0032", "0.0032")
    assert shown(rows[-1], "ChargeCategory", "ChargeFrequency", "PricingQuantity") == [
        "Adjustment",
        "One-Time",
        None,
    ]


def test_a_correction_has_signed_quantities_and_names_its_class():
    plan = BillingPlan.on_demand(PRICES, taxes=[Tax("VAT", 10)])
    billed = Bill.of(Usage({H100: 12}), plan, period=OCTOBER)
    right = Bill.of(Usage({H100: 10}), plan, period=OCTOBER, about={"reason": "metered twice"})

    usage, tax = rows_of(right - billed, billing_period=NOVEMBER, invoice_id="INV-2")

    assert shown(usage, "ChargeClass", "PricingQuantity", "ConsumedQuantity", "BilledCost") == [
        "Correction",
        "-2",
        "-2",
        "-4.00",
    ]
    assert shown(usage, "ChargePeriodStart", "BillingPeriodStart", "Tags") == [
        "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", '{"reason": "metered twice"}',
    ]  # fmt: skip
    assert shown(tax, "ChargeCategory", "ChargeClass", "BilledCost") == ["Tax", "Correction", "-0.40"]


def test_a_bill_less_usage_goes_negative_through_its_quantity():
    plan = BillingPlan.on_demand(PRICES)
    opening = Bill.of(Usage({H100: 12}), plan, period=OCTOBER, final=False).closing

    row = rows_of(Bill.of(Usage(), plan, period=OCTOBER, opening=opening, reversal=Usage({H100: 2})))[0]

    assert shown(row, "PricingQuantity", "ListUnitPrice", "BilledCost", "ChargeClass") == [
        "-2",
        "2.00",
        "-4.00",
        None,
    ]


def stored(bill):
    """A bill as it comes back from where it was stored: without what it had worked out."""
    again = serial.loads(serial.dumps(bill))
    assert again.delta.after is None
    return again


@pytest.mark.parametrize("bill", [on_demand(), subscription(62_000), prepaid()[1], in_money(150)], ids=repr)
def test_a_stored_bill_has_the_same_rows(bill):
    assert rows_of(stored(bill)) == rows_of(bill)


def test_a_stored_bill_that_comes_out_otherwise_today_has_none():
    text = serial.dumps(on_demand()).replace('"2.00"', '"2.01"')

    with pytest.raises(BillMismatch):
        rows_of(serial.loads(text))


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("meter", "names"),
    [
        ("gpu_hours{gpu=H100,region=eu}", ("GPU Compute", "Machine Learning", "GPU Hours", "Hours")),
        ("input_tokens{cache=read}", ("LLM API", "Generative AI", "Input Tokens", "Tokens")),
        ("api_calls", ("API Calls", "Generative AI", "API Calls", "Requests")),
        ("web_searches", ("Web Searches", "Generative AI", "Web Searches", "Searches")),
        ("gb_hours", ("GB Hours", "Generative AI", "GB Hours", "GB-Hours")),
        ("a", ("A", "Generative AI", "A", "Units")),
    ],
)
def test_a_meter_says_what_it_is_called(meter, names):
    bill = Bill.of({meter: 1}, BillingPlan.on_demand(PriceSchedule({meter: 1})), period=OCTOBER)

    row = rows_of(bill)[0]

    assert tuple(shown(row, "ServiceName", "ServiceSubcategory", "SkuMeter", "ConsumedUnit")) == names


def details_of(meter):
    bill = Bill.of({meter: 1}, BillingPlan.on_demand(PriceSchedule({meter: 1})), period=OCTOBER)
    return json.loads(rows_of(bill)[0]["SkuPriceDetails"] or "{}")


def test_labels_are_details_of_the_price_and_of_tokens_the_direction_and_the_cache_are_told():
    assert details_of("gpu_hours{gpu=H100,region=eu}") == {"InstanceSeries": "H100", "x_region": "eu"}
    assert details_of("input_tokens{model=m-1}") == {
        "x_ModelId": "m-1", "x_TokenDirection": "Input", "x_TokenCacheAction": "Uncached",
    }  # fmt: skip
    assert details_of("input_tokens{cache=read}")["x_TokenCacheAction"] == "Read"
    assert details_of("output_tokens{cache=write}") == {
        "x_TokenDirection": "Output",
        "x_TokenCacheAction": "Write",
    }
    assert details_of("input_tokens{cache=odd}")["x_TokenCacheAction"] == "Other"
    assert details_of("a") == {}


def test_a_sku_names_what_a_meter_does_not_say():
    sku = Sku(
        service="Rental", category="Compute", subcategory="Virtual Machines", id="gpu-h100", unit="Hours",
        meter="GPU Time", details={"GpuCount": 8}, price_ids={"": "gpu-h100-usd-2026"},
    )  # fmt: skip

    row = row_of(rows_of(on_demand(), skus={"gpu_hours": Sku(id="any"), H100: sku}), H100)

    assert shown(row, "ServiceName", "ServiceCategory", "ServiceSubcategory") == [
        "Rental",
        "Compute",
        "Virtual Machines",
    ]
    assert shown(row, "SkuId", "SkuMeter", "SkuPriceId") == ["gpu-h100", "GPU Time", "gpu-h100-usd-2026"]
    assert json.loads(row["SkuPriceDetails"]) == {"GpuCount": 8, "InstanceSeries": "H100"}


def test_a_sku_of_another_category_needs_no_subcategory():
    row = rows_of(subscription(0), skus={"fee": Sku(category="Compute", service="Plan")})[0]

    assert shown(row, "ServiceCategory", "ServiceSubcategory", "ServiceName") == [
        "Compute",
        "Other (Compute)",
        "Plan",
    ]


def test_a_region_is_a_column_of_its_own():
    bill = Bill.of(
        {"a{region=eu}": 1}, BillingPlan.on_demand(PriceSchedule({"a{region=eu}": 1})), period=OCTOBER
    )

    assert shown(rows_of(bill)[0], "RegionId", "RegionName") == ["eu", "eu"]


def test_meters_of_any_length_have_ids_that_differ():
    long = "y" * 250
    keys = [f"a{{x={long},z={end}}}" for end in "12"]
    bill = Bill.of(
        dict.fromkeys(keys, 1), BillingPlan.on_demand(PriceSchedule(dict.fromkeys(keys, 1))), period=OCTOBER
    )

    ids = [row["SkuId"] for row in rows_of(bill)]

    assert [len(sku) for sku in ids] == [255, 255]
    assert len(set(ids)) == 2


# ---------------------------------------------------------------- laws


def check(bill, rows):
    """What holds for the rows of every bill."""
    assert faults(rows) == []
    assert Fraction(total(rows, "BilledCost")) == Fraction(bill.total) - paid_of(bill)
    consumed = sum(Fraction(row["ConsumedQuantity"] or 0) for row in rows)
    assert consumed == sum(map(Fraction, bill.usage.values())) - sum(
        map(Fraction, bill.request.reversal.values())
    )
    roundings = [row["ListCost"] for row in rows if row["ChargeDescription"] == "rounding"]
    rounded = sum((line.exact for line in bill.lines if line.kind == "rounding"), Fraction(0))
    assert abs(Fraction(sum(roundings)) - rounded) < Fraction(1, 10**12)  # nothing else hides in it
    billed = sum(abs(row["BilledCost"]) for row in rows if row["ChargeDescription"] == "rounding")
    unit = Fraction(1, 10 ** bill.plan.rounding.known_places(bill.plan.currency.places))
    unit = max(unit, Fraction(bill.plan.rounding.step or 0))  # cash comes in coins
    assert billed <= (len(rows) + 1) * unit + Fraction(1, 10**12)


@given(plans_and_parts(most=4))
def test_what_is_billed_is_the_total_and_no_rule_is_broken_whatever_the_prices(case):
    plan, parts = case
    opening = Account()
    for place, part in enumerate(parts, 1):
        bill = Bill.of(part, plan, opening=opening, final=place == len(parts))
        check(bill, rows_of(bill, period=bill.period or OCTOBER))
        opening = bill.closing


def lives(seed):
    """The bills of a customer drawn at random, by period: terms, credit, corrections, part-periods."""
    story = Story(seed).told()
    run = simulator.Run(story)
    account = run.account
    for period in story["periods"]:
        bounds, made = period["bounds"] and Period(*period["bounds"]), []
        for step in period["steps"]:
            account = attrs.evolve(account, balance=account.balance.with_grants(*run.grants(step["grants"])))
            usage, reversal, final = Usage(step["usage"]), Usage(step["less"]), step is period["steps"][-1]
            try:
                made.append(
                    Bill.of(
                        usage,
                        run.plan,
                        period=bounds,
                        opening=account,
                        final=final,
                        at=step["at"],
                        reversal=reversal,
                    )
                )
            except TokenbillError:  # refused, for want of balance
                continue
            account = made[-1].closing
        yield made


@settings(max_examples=settings.default.max_examples * 3 // 2)
@given(st.integers(0, 10**9))
def test_what_is_billed_is_the_total_less_paid_draws_in_every_life(seed):
    for made in lives(seed):
        for bill in made:
            check(bill, rows_of(bill, period=bill.period or OCTOBER, invoice_id="INV"))


@settings(max_examples=settings.default.max_examples * 3 // 2)
@given(st.integers(0, 10**9))
def test_over_a_period_effective_costs_add_up_to_what_was_billed_and_what_credit_had_cost(seed):
    for made in lives(seed):
        if made and made[-1].final:
            rows = [row for bill in made for row in rows_of(bill, period=bill.period or OCTOBER)]
            drawn = [
                r for r in rows if r["PricingCurrency"] != r["BillingCurrency"] or r["SkuMeter"] == "Credits"
            ]
            billed = sum(Fraction(bill.total) - paid_of(bill) + worth_drawn(bill) for bill in made)
            assert Fraction(total(rows, "EffectiveCost")) == billed + Fraction(total(drawn, "EffectiveCost"))


@given(st.integers(0, 10**9))
def test_a_correction_bills_its_total_and_breaks_no_rule(seed):
    for made in lives(seed):
        for earlier, later in pairwise(made):
            note = later - earlier
            rows = rows_of(note, period=note.period or OCTOBER)
            assert faults(rows) == []
            assert total(rows, "BilledCost") == note.total


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_purchase_draws_and_expiry_close_to_the_last_digit(amount, price, hours):
    grant = Grant("g", amount, CREDITS, expires="2026-11-01")
    plan = BillingPlan.prepaid(IN_CREDITS, token_price=PerUnit(0), currency="USD")
    account, bills = Account(balance=[grant]), []
    for place, quantity in enumerate(hours, 1):
        bills.append(
            Bill.of({H100: quantity}, plan, period=OCTOBER, opening=account, final=place == len(hours))
        )
        account = bills[-1].closing

    rows = rows_of([Purchase(grant, price, "USD", period=OCTOBER), *bills, Expired(account.balance, OCTOBER)])

    assert faults(rows) == []
    assert total(rows, "EffectiveCost") == total(rows, "BilledCost") == price


def test_the_same_bill_makes_the_same_rows_whatever_the_context_of_the_caller():
    bills = [on_demand(discounts=[Discount.fixed(1)]), subscription(12_345), *prepaid()]
    rows = focus.to_csv(rows_of(bills))
    with localcontext() as context:
        context.prec, context.rounding = 3, ROUND_UP
        assert (
            focus.to_csv(
                rows_of([on_demand(discounts=[Discount.fixed(1)]), subscription(12_345), *prepaid()])
            )
            == rows
        )


# ---------------------------------------------------------------- files


def test_a_file_writes_numbers_with_a_point_nulls_as_nothing_and_text_as_it_is():
    plan = BillingPlan.on_demand(PriceSchedule(a="1000"), taxes=[Tax("=SUM(A1)", 10)])
    text = focus.to_csv(rows_of(Bill.of(Usage(a=1), plan, period=OCTOBER)))

    usage, tax = csv.DictReader(io.StringIO(text))

    assert [usage["BilledCost"], usage["PricingQuantity"], usage["CommitmentDiscountId"]] == [
        "1000.0",
        "1.0",
        "",
    ]
    assert tax["ChargeDescription"] == "=SUM(A1)"
    assert "'=SUM" not in text
    assert list(usage) == sorted(usage)


def test_columns_of_your_own_follow_those_of_focus():
    rows = [{**row, "x_CostCenter": "R&D"} for row in rows_of(on_demand())]

    header, first, *_ = focus.to_csv(rows).splitlines()

    assert header.endswith(",Tags,x_CostCenter")
    assert first.endswith("R&D")


PLANTED = [
    ("BilledCost", None),
    ("BillingPeriodStart", None),
    ("ServiceCategory", None),
    ("ChargeCategory", "Discount"),
    ("PricingCategory", "On Demand"),
    ("ChargeClass", "Regular"),
    ("BilledCost", "1.00"),
    ("BilledCost", Decimal("NaN")),
    ("ChargeDescription", 1),
    ("CostCenter", "R&D"),
    ("BillingCurrency", "TOKEN"),
]


@pytest.mark.parametrize(("column", "value"), PLANTED, ids=[f"{column} {value}" for column, value in PLANTED])
def test_no_file_is_written_of_what_focus_does_not_allow(column, value):
    rows = [{**row, column: value} for row in rows_of(on_demand())]

    with pytest.raises(UnreadableField) as error:
        focus.to_csv(rows)

    assert error.value.path.startswith("rows[0]")


def test_a_bill_without_a_period_has_rows_and_no_file():
    rows = rows_of(Bill.of(Usage(a=1), BillingPlan.on_demand(PriceSchedule(a=1))))

    assert rows[0]["BillingPeriodStart"] is None
    with pytest.raises(UnreadableField, match="period="):
        focus.to_csv(rows)


def test_parquet_without_pyarrow_is_refused_when_it_is_written(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "tokenbill.focus.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match="pyarrow"):
        focus.write_parquet([], tmp_path / "focus.parquet")
    assert list(tmp_path.iterdir()) == []


def test_parquet_holds_every_digit(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="no Parquet: pip install pyarrow")
    from tokenbill.focus import write_parquet

    plan = BillingPlan.on_demand(PriceSchedule(gpu_seconds=PerUnit("0.10", per=3600)))
    rows = rows_of([on_demand(), Bill.of(Usage(gpu_seconds=100), plan, period=OCTOBER)])
    write_parquet(rows, tmp_path / "focus.parquet")

    table = parquet.read_table(tmp_path / "focus.parquet")

    periods = [column for column in focus.COLUMNS if column.endswith(("PeriodStart", "PeriodEnd"))]
    assert {str(table.schema.field(column).type) for column in periods} == {"timestamp[us, tz=UTC]"}
    instants = [{column: datetime.fromisoformat(row[column]) for column in periods} for row in rows]
    expected = [{column: row[column] for column in focus.COLUMNS} for row in rows]
    assert table.to_pylist() == [{**row, **at} for row, at in zip(expected, instants, strict=True)]
    assert str(table.schema.field("ListUnitPrice").type) == "decimal128(38, 12)"
    with pytest.raises(UnreadableField):
        write_parquet([{**rows[0], "BilledCost": Decimal(10**29)}], tmp_path / "long.parquet")
    with pytest.raises(UnreadableField, match=r"rows\[0\].BillingPeriodEnd"):
        write_parquet([{**rows[0], "BillingPeriodEnd": "2026-11-01"}], tmp_path / "day.parquet")


# ---------------------------------------------------------------- what is refused


def test_a_period_other_than_that_of_a_bill_is_refused():
    """It was left out without a word, and the rows lay in the month of the bill."""
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.001"))
    bill, day = Bill.of(Usage(calls=1), plan, period=OCTOBER), Period("2026-10-02", "2026-10-03")

    with pytest.raises(InvalidPeriod, match="another period than that of the bill"):
        rows_of(bill, period=day)
    assert rows_of(bill, period=OCTOBER) == rows_of(bill)
    assert rows_of(bill, billing_period=NOVEMBER)[0]["BillingPeriodEnd"] == "2026-12-01T00:00:00Z"


def test_a_bill_of_nobody_is_refused_unless_the_account_is_said():
    """Customers nobody named had one account together, called customer."""
    bill = Bill.of(Usage(calls=1), BillingPlan.on_demand(PriceSchedule(calls=1)), period=OCTOBER)

    with pytest.raises(InvalidName, match="account_id="):
        focus.rows(bill, issuer="me")
    assert focus.rows(bill, issuer="me", account_id="acme")[0]["BillingAccountId"] == "acme"
    assert focus.reconcile(bill, rows_of(bill)) == []
    with pytest.raises(InvalidName):
        focus.reconcile(bill, rows_of(bill), by=["BillingAccountId"])


@pytest.mark.parametrize("version", ["1.0", "1.3", "1.4", "latest", None, 1.2])
def test_another_version_of_focus_is_refused(version):
    with pytest.raises(UnreadableInput, match=r"1\.2"):
        focus.rows([], version, issuer="Acme")


@given(junk)
def test_anything_else_than_a_bill_is_refused_by_an_error_of_ours(value):
    for named in (
        {"bills": value},
        {"bills": [value]},
        {"purchases": value},
        {"skus": value},
        {"tags": value},
        {"period": value},
        {"issuer": value},
    ):
        with suppress(TokenbillError):
            focus.rows(**{"bills": [on_demand()], "issuer": "Acme", **named})
    for own in (value, [value]):
        for door in (focus.to_csv, lambda rows: focus.reconcile([], rows)):
            with suppress(TokenbillError):
                door(own)


def test_names_and_parts_that_are_none_are_refused():
    with pytest.raises(InvalidName):
        Sku(category="Artificial Intelligence")
    with pytest.raises(InvalidName):
        Sku(category="Compute", subcategory="Generative AI")
    with pytest.raises(InvalidName):
        Sku(details={"Gpus": 8})
    with pytest.raises(InvalidName):
        rows_of([], issuer="")
    with pytest.raises(InvalidPeriod):
        rows_of([], period="2026-10")
    with pytest.raises(InvalidGrant):
        Purchase(Grant("g", 1, "USD", kind="promotional"))
    with pytest.raises(InvalidGrant):
        Purchase(Grant("g", 1, CREDITS))
    with pytest.raises(InvalidGrant):
        Purchase(Grant("g", 1, CREDITS), currency="USD")
    with pytest.raises(InvalidGrant):
        Expired("balance", OCTOBER)


def test_expired_tokens_need_their_purchase_and_its_currency_that_of_the_bill():
    purchase, bill, expired = prepaid()

    with pytest.raises(InvalidGrant, match="purchases="):
        rows_of(expired)
    with pytest.raises(CurrencyMismatch):
        rows_of(bill, purchases=[Purchase(purchase.grant, 900, "EUR")])
    assert rows_of(expired, purchases=[purchase])[0]["EffectiveCost"] == Decimal("70.875")


def test_a_fee_that_no_plan_has_and_list_prices_in_another_currency_are_refused():
    with pytest.raises(InvalidPlan, match="subscription"):
        rows_of(subscription(1), allowance_fee="pro")
    with pytest.raises(CurrencyMismatch):
        rows_of(on_demand(), list_prices=PriceSchedule(PRICES, currency="EUR"))


def test_no_fee_covers_an_allowance_if_the_name_is_empty():
    rows = rows_of(subscription(62_000), allowance_fee="")

    assert [row["EffectiveCost"] for row in rows] == [99, 0, 30]


def test_credit_that_begins_later_is_charged_from_then_on():
    purchase = Purchase(Grant("g", 5, "USD", starts="2027-01-01"), period=OCTOBER)

    row = rows_of(purchase)[0]

    assert shown(row, "BillingPeriodEnd", "ChargePeriodStart") == [
        "2026-11-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
    ]
    assert faults([row]) == []


# ---------------------------------------------------------------- a provider's rows


def test_rows_that_agree_have_no_differences():
    rows = list(csv.DictReader(io.StringIO(focus.to_csv(rows_of(on_demand())))))

    assert focus.reconcile(on_demand(), rows) == []
    assert focus.reconcile(rows_of(on_demand()), rows) == []


def test_differences_are_named_by_charge_with_both_numbers():
    rows = rows_of(on_demand())
    theirs = [
        {**row, "BilledCost": "241.0001"} if row["ChargeDescription"] == H100 else row
        for row in rows
        if row["SkuMeter"] != "API Calls"
    ]
    theirs.append({**rows[0], "SkuMeter": "Storage", "BilledCost": "1.2E1"})

    found = focus.reconcile(on_demand(), theirs, by=["SkuMeter", "ChargeCategory"])

    assert [(each.kind, each.key[0][1], each.ours, each.theirs) for each in found] == [
        ("missing", "API Calls", Decimal("493.8268"), None),
        ("differing", "GPU Hours", Decimal("241"), Decimal("241.0001")),
        ("additional", "Storage", None, Decimal("12")),
    ]
    assert [each.amount for each in found] == numbers("-493.8268", "0.0001", "12")


@pytest.mark.parametrize("cost", ["", "1,000.00", "NaN", "1e999", None, 1.5, "$3"])
def test_an_amount_that_is_no_number_names_its_row(cost):
    theirs = [{**rows_of(on_demand())[0], "BilledCost": cost}]

    with pytest.raises(UnreadableField) as error:
        focus.reconcile(on_demand(), theirs)

    assert error.value.path == "rows[0].BilledCost"


def test_a_row_without_a_column_to_compare_by_is_named():
    with pytest.raises(UnreadableField) as error:
        focus.reconcile(on_demand(), [{"BilledCost": "1"}])

    assert error.value.path == "rows[0].BillingCurrency"


# ---------------------------------------------------------------- our own checker finds what it is for


def changed(**cells):
    rows = rows_of(on_demand(taxes=[Tax("VAT", 10)]))
    return [{**rows[0], **cells}, *rows[1:]]


VIOLATIONS = {
    "a list cost off by a ten-millionth": {"ListCost": Decimal("241.0000001")},
    "a date with an offset": {"ChargePeriodStart": "2026-10-01T00:00:00+00:00"},
    "a date without a time": {"ChargePeriodStart": "2026-10-01"},
    "usage without what was consumed": {"ConsumedQuantity": None, "ConsumedUnit": None},
    "a category of prices that there is not": {"PricingCategory": "On Demand"},
    "tags within tags": {"Tags": '{"team": {"name": "search"}}'},
    "a detail that is not FOCUS's": {"SkuPriceDetails": '{"Gpus": 8}'},
    "a billing period from its end to its start": {"BillingPeriodStart": "2026-12-01T00:00:00Z"},
    "a credit whose costs differ": {"ChargeCategory": "Credit", "EffectiveCost": Decimal(1)},
    "a column of one's own without x_": {"CostCenter": "R&D"},
    "a subcategory of another category": {"ServiceSubcategory": "Containers"},
    "a negative price": {"ListUnitPrice": Decimal(-2)},
    "a purchase that is based on usage": {"ChargeCategory": "Purchase"},
    "a tax with a price": {"ChargeCategory": "Tax"},
    "a quantity without a unit": {"PricingUnit": None},
    "a price of two SKUs": {"SkuPriceId": "input_tokens/tier 1: 0 to 5000000/3/USD per 1000000 Tokens"},
}


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_our_checker_finds_what_the_validator_misses(violation):
    assert faults(changed()) == []
    assert faults(changed(**VIOLATIONS[violation])) != []


# ---------------------------------------------------------------- the validator of the FinOps Foundation

validator = pytest.mark.skipif(focus_validator.environment() is None, reason=WAY_OUT)


def corrected():
    plan = BillingPlan.on_demand(PRICES)
    billed = Bill.of(Usage({H100: 12}), plan, period=OCTOBER)
    return on_demand(), Bill.of(Usage({H100: 10}), plan, period=OCTOBER) - billed


def everything():
    """One invoice with each kind of charge that one plan can have."""
    terms = {
        "discounts": [Discount.percent(10, on="usage"), Discount.fixed(3)],
        "taxes": [Tax("VAT", 10), Tax("levy", 2, inclusive=True)],
        "minimum": 2000,
        "included": {"api_calls": 50_000},
    }
    grants = [Grant("gift", 50, "USD", kind="promotional"), Grant("topup", 700, "USD")]
    plan = BillingPlan.subscription("99", PRICES, **terms)
    usage = Usage({H100: "120.5", "api_calls": 30_000, "input_tokens": 12_250_000})
    return [Bill.of(usage, plan, period=OCTOBER, opening=Account(balance=grants))]


STORIES = {
    "on demand": (lambda: [on_demand(taxes=[Tax("VAT", 10)])], set()),
    "subscription": (lambda: [subscription(62_000), subscription(30_000, NOVEMBER)], set()),
    "access fee": (
        lambda: [Bill.of(Usage(), BillingPlan.subscription("99", CALLS), period=OCTOBER)],
        ACCESS_FEE,
    ),
    "prepaid in tokens": (lambda: list(prepaid()), set()),
    "prepaid in tokens of a long name": (
        lambda: list(prepaid(Currency("Credits", places=0))),
        VIRTUAL_CURRENCY,
    ),
    "prepaid in money": (lambda: [in_money(150, taxes=[Tax("VAT", 10)])], set()),
    "minimum": (
        lambda: [Bill.of(Usage({H100: "210.2"}), BillingPlan.on_demand(PRICES, minimum=500), period=OCTOBER)],
        set(),
    ),
    "correction": (corrected, set()),
    "everything": (everything, set()),
}


def file_of(bills, folder, **named):
    path = folder / "focus.csv"
    path.write_text(focus.to_csv(rows_of(bills, invoice_id="INV-2026-10-0001", **named)), encoding="utf-8")
    return path


@validator
@pytest.mark.parametrize("story", STORIES)
def test_only_what_the_validator_gets_wrong_fails_in_either_pass(story, tmp_path):
    bills, wrong = STORIES[story]

    plain, classed = validated(file_of(bills(), tmp_path))

    assert plain.failed == LOSING_BRANCH | wrong
    assert classed.failed == LOSING_BRANCH | wrong | PLACEHOLDER
    assert min(plain.passed, classed.passed) > 250


@validator
def test_parquet_is_judged_as_csv_is(tmp_path):
    pytest.importorskip("pyarrow", reason="no Parquet: pip install pyarrow")
    from tokenbill.focus import write_parquet

    write_parquet(rows_of([on_demand()]), tmp_path / "focus.parquet")

    assert focus_validator.report(tmp_path / "focus.parquet").failed == LOSING_BRANCH


ERRORS = {
    "a column is missing": (
        lambda row: {k: v for k, v in row.items() if k != "PublisherName"},
        "PublisherName",
    ),
    "a service without a category": (lambda row: {**row, "ServiceCategory": ""}, "ServiceCategory"),
    "a cost that is not its product": (lambda row: {**row, "ListCost": "999.0"}, "ListCost"),
    "an amount that is no number": (lambda row: {**row, "BilledCost": "12 USD"}, "BilledCost"),
    "usage without a SKU": (lambda row: {**row, "SkuId": ""}, "SkuId"),
    "a currency that there is not": (lambda row: {**row, "BillingCurrency": "XYZ"}, "BillingCurrency"),
}


@validator
@pytest.mark.parametrize("error", ERRORS)
def test_the_validator_sees_an_error_that_is_planted(error, tmp_path):
    plant, column = ERRORS[error]
    path = file_of([on_demand()], tmp_path)
    rows = [plant(row) for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    failed = focus_validator.report(focus_validator.shadow_of(path)).failed

    assert any(rule.startswith((column, "CostAndUsage")) for rule in failed - LOSING_BRANCH - PLACEHOLDER)
