"""What the public cases ask beside bills: each question with its answers, worked out by hand."""

from decimal import Decimal, localcontext

from attrs import frozen

from tests.vectors.contract_cases import TOKEN, having, month, prepaid
from tests.vectors.lives import JUNE
from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Discount,
    Fee,
    Grant,
    PerUnit,
    Price,
    PriceSchedule,
    Tax,
    TokenbillError,
)
from tokenbill.core.pricing.breakdown import PriceComponent
from tokenbill.sharing import share


@frozen
class Shown(Price):
    """*rate* a unit, shown as a *part* of that."""

    rate: Decimal
    part: Decimal = Decimal(1)

    def amount(self, quantity):
        return quantity * self.rate

    def breakdown(self, quantity):
        return (PriceComponent(quantity * self.rate * self.part, quantity, self.rate * self.part),)


def refused(make, *words):
    """Whether something is refused by an error that says these words."""
    try:
        make()
    except TokenbillError as error:
        return all(word in str(error) for word in words)
    return False


def limit_of_money():
    plan, account = prepaid({"requests": "0.004"}, overage="refuse"), having(Grant("g", "10.00", "USD"))
    return [account.covers({"requests": units}, plan) for units in (2500, 2501)], [True, False]


def limit_of_tokens():
    plan = prepaid({"calls": PerUnit(1, per=10)}, unit=TOKEN, overage="refuse")
    account, served = having(Grant("g", 1, TOKEN)), 0
    while account.covers({"calls": 1}, plan) and served < 20:
        account, served = Bill.of({"calls": 1}, plan, opening=account, final=False).closing, served + 1
    overrun = refused(lambda: Bill.of({"calls": 1}, plan, opening=account, final=False))
    return [served, overrun], [10, True]


def scope_of_fees():
    return [refused(lambda: month(100, {"api_calls": 1}, taxes=Tax("VAT", 20, on="fees")), "'fee'")], [True]


def scopes_to_refuse():
    def plan(on):
        prices = {"api_calls": 1, "gpu_hours": 1}
        return month(fees=[Fee(1, "storage")], prices=prices, discounts=Discount.percent(10, on=on))

    wrong = ("Usage", "tax", "api_call", "gpu_hourz", "fee:storrage", "tokens")
    right = ("fee", "usage", "api_calls", "gpu_hours", "fee:storage")
    found = [refused(lambda on=on: plan(on)) for on in (*wrong, *right)]
    credit = having(Grant("g", 1, "USD", on="gpu_hourz"))
    found.append(refused(lambda: Bill.of({}, plan("fee"), opening=credit, period=JUNE), "gpu_hours"))
    return found, [True] * 6 + [False] * 5 + [True]


def days_of_a_trial():
    # sixty a month for ever otherwise: a cycle by the day of the month has no first day
    return [refused(lambda: Bill.of({}, month(60, trial=14), period=JUNE))], [True]


def minor_units():
    cases = (("USD", "12.30"), ("JPY", 10000), ("USD", "0.05"))
    return [Currency(code).minor(amount) for code, amount in cases], [1230, 10000, 5]


def void_and_pay_out():
    drawn = Balance([Grant("g", 30, "USD")]).draw(12).balance
    void, paid = drawn.voided("g"), drawn.paid_out("g", 10)
    found = [void.left("g"), dict(void.voids)["g"], paid.left("g"), dict(paid.payouts)["g"]]
    return [*found, 12 + 18, 12 + 8 + 10], [0, 18, 8, 10, void.granted(), paid.granted()]


def small_context():
    with localcontext(prec=4):
        bill = Bill.of({"u": "1234.5"}, BillingPlan.on_demand(PriceSchedule(u=Shown(Decimal("1.25")))))
        found = [line.precise for line in bill.lines]
    return [found, bill.total], [[Decimal("1543.125"), Decimal("0.005")], Decimal("1543.13")]


def parts_that_do_not_add_up():
    price = Shown(Decimal(2), Decimal("0.5"))
    return [
        refused(
            lambda: Bill.of({"u": 100}, BillingPlan.on_demand(PriceSchedule(u=price))).lines, "100", "200"
        )
    ], [True]


def exact_shares():
    bill = Bill.of({"u": 220}, BillingPlan.on_demand(PriceSchedule({"u": 1}, currency="JPY")))
    return [share(bill, {"a": 445455, "b": 9091, "c": 545455})], [{"a": 98, "b": 2, "c": 120}]


def credit_note_with_its_tax():
    plan = month(100, taxes=Tax("VAT", 20))
    bill = Bill.of({}, plan, period=JUNE)
    undone = Bill.of({}, month(0, taxes=Tax("VAT", 20)), period=JUNE) - bill
    account = Account().credit(undone, paid=50, credited=30)
    return [bill.total, undone.total, account.credit_balance], [120, -120, 20]


def half_forfeited():
    balance = Balance([Grant("g", 100, "USD", rollover="50%")]).draw(10).balance.rolled()
    return [balance.left("g"), dict(balance.forfeited)["g"]], [45, 45]


QUESTIONS = {
    "limit-of-money": limit_of_money,
    "limit-of-tokens": limit_of_tokens,
    "scope-fees": scope_of_fees,
    "scopes-to-refuse": scopes_to_refuse,
    "fourteen-days-free-by-day-of-month": days_of_a_trial,
    "minor-units": minor_units,
    "void-and-pay-out": void_and_pay_out,
    "own-price-in-a-small-context": small_context,
    "own-portions-that-do-not-add-up": parts_that_do_not_add_up,
    "exact-shares": exact_shares,
    "credit-note-with-its-tax": credit_note_with_its_tax,
    "half-rolls-over": half_forfeited,
}
