"""What was billed before: terms that changed since, older documents, and a past that is rated anew."""

import pytest
from attrs import evolve

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Fee,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Usage,
)
from tokenbill.errors import AccountMismatch

MARCH = Period("2026-03-01", "2026-04-01")
ONES = {"a": 1, "b": 1, "c": 1}
PLAN = BillingPlan(PriceSchedule(ONES))
GRANTS = {
    "none": [],
    "free": [Grant("g", 3, "USD")],
    "scoped": [Grant("g", 3, "USD", on="a")],
    "gift": [Grant("g", 3, "USD", kind="promotional", on="a")],
    "two": [Grant("g", 3, "USD"), Grant("h", 3, "USD", on="b")],
}


@pytest.mark.parametrize("grants", GRANTS.values(), ids=GRANTS)
@pytest.mark.parametrize("keep", [lambda it: it, evolve], ids=["kept", "stored"])
@pytest.mark.parametrize("overage", ["bill", "refuse", "owe"])
def test_prices_that_changed_since_the_bill_before_are_told(grants, keep, overage):
    plan = evolve(PLAN, overage=overage)
    plenty = [*grants, Grant("plenty", 90, "USD", priority=9)] if overage == "refuse" else grants
    opening = keep(Bill.of(Usage(a=5), plan, opening=Account(balance=plenty), final=False).closing)

    with pytest.raises(AccountMismatch, match="rate the past anew"):
        Bill.of(Usage(a=1), evolve(plan, prices=PriceSchedule(a=2, b=1, c=1)), opening=opening)


@pytest.mark.parametrize("grants", GRANTS.values(), ids=GRANTS)
def test_a_stored_account_owes_no_fee_in_arrears_before_its_period_ends(grants):
    plan = evolve(PLAN, fees=Fee(7, due="arrears"))
    opening = evolve(Bill.of(Usage(a=5), plan, opening=Account(balance=grants), final=False).closing)

    assert [Bill.of(Usage(), plan, opening=opening, final=final).total for final in (False, True)] == [0, 7]


@pytest.mark.parametrize(
    "told", [{"g": 2, "h": {"usage:b": 3}}, {"g": {"usage:a": 2}, "h": 3}, {"g": 2, "h": 3}]
)
def test_draws_told_by_grant_alone_are_laid_out_beside_those_told_by_charge(told):
    grants = [Grant("g", 2, "USD", on="a"), Grant("h", 9, "USD", on="b")]
    opening = Bill.of(Usage(a=5, b=3), PLAN, opening=Account(balance=grants), final=False).closing
    bill = Bill.of(Usage(a=1, b=1), PLAN, opening=evolve(opening, draws=told), final=False)

    assert (bill.total, bill.draws, bill.due) == (2, (("h", 1),), 1)
    assert {id: dict(parts) for id, parts in bill.closing.draws_by_charge} == {
        "g": {"usage:a": 2},
        "h": {"usage:b": 4},
    }


def test_a_cent_that_a_grant_paid_of_no_charge_is_told():
    grants = [Grant("g", 2, "USD", on="a"), Grant("h", 9, "USD", on="b")]
    opening = Bill.of(Usage(a=5, b=3), PLAN, opening=Account(balance=grants), final=False).closing
    parts = {"g": {"usage:a": 2}, "h": {"usage:b": 3, "usage:c": "0.01"}}
    edited = evolve(opening, balance=opening.balance.drawn_by({"h": "0.01"}), draws=parts)

    with pytest.raises(AccountMismatch, match="what grants paid of 'usage:c'"):
        Bill.of(Usage(a=1), PLAN, opening=edited)


# Of 10 each, g paid all of a and h 4 of b; cash paid 6 of b and all of c. Then 100 of credit come.
@pytest.mark.parametrize(
    ("prices", "total", "due", "draws"),
    [
        ({"a": 2, "b": 2, "c": 2}, 30, 0, {"later": 30}),
        ({"a": 1, "b": 1, "c": 2}, 10, 0, {"later": 10}),
        # what a comes to less goes back to g; what others come to more, the later one pays
        ({"a": "0.4", "b": 2, "c": 2}, 14, 0, {"g": -6, "later": 20}),
        ({"a": "0.4", "b": "1.6", "c": 1}, 0, 0, {"g": -6, "later": 6}),
        ({"a": "0.4", "b": "1.5", "c": 1}, -1, 0, {"g": -6, "later": 5}),
        # what cash paid of b pays what c comes to more
        ({"a": 1, "b": "0.5", "c": "1.5"}, 0, 0, {}),
        ({"a": "0.5", "b": 1, "c": 1}, -5, 0, {"g": -5}),
        ({"a": "0.5", "b": "0.5", "c": "1.5"}, -5, 0, {"g": -5}),
    ],
)
@pytest.mark.parametrize("keep", [lambda it: it, evolve], ids=["kept", "stored"])
def test_of_a_past_that_is_rated_anew_credit_pays_what_it_comes_to_more(prices, total, due, draws, keep):
    grants, asked = [Grant("g", 10, "USD", on="a"), Grant("h", 4, "USD", on="b")], {"period": MARCH}
    first = Bill.of(
        Usage(a=10, b=10, c=10), PLAN, opening=Account(balance=grants), final=False, at="2026-03-02", **asked
    )
    assert (first.due, dict(first.draws)) == (16, {"g": 10, "h": 4})
    account = keep(first.closing)
    opening = evolve(account, balance=account.balance.with_grants(Grant("later", 100, "USD")))
    bill = Bill.of(
        Usage(),
        evolve(PLAN, prices=PriceSchedule(prices)),
        opening=opening,
        restate=True,
        at="2026-03-05",
        **asked,
    )

    assert (bill.total, bill.due, dict(bill.draws)) == (total, due, draws)
    assert bill.closing.credit_balance == 0
    bill.verify()


def told_by_grant(account):
    return evolve(account, draws={id: sum(dict(parts).values()) for id, parts in account.draws_by_charge})


def test_draws_by_grant_are_laid_out_as_the_bills_made_them_where_a_grant_ended_since():
    # "early" paid 5 of a until the 10th, "late" 5 of b from then on, though it comes first: in one go it
    # would take a, and 5 tokens more were sold, which the maximum hides in the total: 10 less a gift of 3
    token = Currency("TOK", places=0)
    prices = PriceSchedule({"a": 1, "b": 1}, currency=token)
    plan = BillingPlan(prices, currency="USD", token_price=PerUnit(1), maximum=10)
    early = Grant("early", 5, token, on="a", expires="2026-03-10", priority=5)
    late, gift = Grant("late", 5, token, starts="2026-03-10"), Grant("gift", 3, "USD", kind="promotional")
    account = Account(balance=[early, evolve(late, priority=1), gift])
    for usage, day in ({"a": 5}, 5), ({"b": 5}, 12), ({"b": 20}, 13):
        bill = Bill.of(Usage(usage), plan, period=MARCH, opening=account, at=f"2026-03-{day:02}", final=False)
        account = bill.closing
    assert (account.accrued, account.balance.left("early"), account.balance.left("late")) == (7, 0, 0)

    known, told = (
        Bill.of(Usage(a=1), plan, period=MARCH, opening=each, at="2026-03-14", final=False)
        for each in (account, told_by_grant(account))
    )
    assert dict(known.closing.draws_by_charge) == dict(told.closing.draws_by_charge)
    assert (told.total, told.draws) == (known.total, known.draws) == (0, ())


@pytest.mark.parametrize("kind", ["paid", "promotional"])
def test_draws_by_grant_follow_the_order_by_size_that_the_grants_had(kind):
    # the larger first: 4 of 10 on a by "big", then 6 of b by "small"; the other way round a were paid twice
    order = ("larger",)
    big = Grant("big", 10, "USD", on="a", kind=kind, expires="2026-03-10")
    small = Grant("small", 6, "USD", kind=kind, expires="2026-03-10")
    opening = Account(balance=Balance([big, small], order=order))
    first = Bill.of(Usage(a=4, b=6), PLAN, period=MARCH, opening=opening, at="2026-03-05", final=False)
    assert dict(first.draws) == {"big": 4, "small": 6}

    bill = Bill.of(
        Usage(c=1), PLAN, period=MARCH, opening=told_by_grant(first.closing), at="2026-03-12", final=False
    )
    assert (bill.total, bill.due, bill.draws) == (1, 1, ())
    laid_out = {id: dict(parts) for id, parts in bill.closing.draws_by_charge}
    assert laid_out == {"big": {"usage:a": 4}, "small": {"usage:b": 6}}


def test_promotional_draws_that_find_no_place_are_told():
    gift = Grant("gift", 3, "USD", kind="promotional", on="a")
    opening = Bill.of(Usage(a=5, b=2), PLAN, opening=Account(balance=[gift]), final=False).closing
    edited = evolve(told_by_grant(opening), used={"b": 7})

    with pytest.raises(AccountMismatch, match="rate the past anew"):
        Bill.of(Usage(b=1), PLAN, opening=edited)
