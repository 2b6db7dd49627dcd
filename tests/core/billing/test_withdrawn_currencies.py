"""Bills in a currency that was withdrawn: still read, corrected and exported."""

from decimal import Decimal

import pytest

from tokenbill import Account, Bill, BillingPlan, Cycle, Grant, Period, PriceSchedule, Tax, focus, serial

DECEMBER = Period("2025-12-01", "2026-01-01")


@pytest.mark.parametrize("code", ["BGN", "ANG", "HRK", "ZWL", "SLL", "CUC"])
def test_a_stored_bill_is_read_corrected_and_exported(code):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.335", currency=code), taxes=Tax("VAT", 20))
    opening = Account(balance=[Grant("paid", "5.00", code)])
    bill = Bill.of({"calls": 100}, plan, period=DECEMBER, opening=opening)

    stored = serial.loads(serial.dumps(bill))
    note = Bill.of({"calls": 90}, stored.plan, period=DECEMBER, opening=stored.opening) - stored

    assert (str(stored.total), str(stored.due)) == ("40.20", "35.20")  # 33.50 × 1.20
    stored.verify()
    assert (str(note.total), note.currency) == ("-4.02", code)
    rows = focus.rows([stored, note], issuer="Acme", account_id="acme")
    assert sum(row["BilledCost"] for row in rows) == Decimal("31.18")
    assert {row["BillingCurrency"] for row in rows} == {code}


@pytest.mark.parametrize(("code", "last"), [("BGN", "2025-12"), ("HRK", "2022-12"), ("SLL", "2024-03")])
def test_a_bill_of_a_period_after_its_currency_says_so(code, last):
    plan = BillingPlan.on_demand(PriceSchedule(calls=1, currency=code), cycle=Cycle.monthly())
    month = Cycle.monthly().containing(f"{last}-15")
    after = Cycle.monthly().containing(month.end)

    assert Bill.of({"calls": 1}, plan, period=month).notes == ()
    (note,) = Bill.of({"calls": 1}, plan, period=after).notes
    assert note == f"{code} was withdrawn on {month.end}, before this period"
