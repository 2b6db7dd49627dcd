"""Credit that looks at single charges, from event to event: what is kept changes no bill."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import Account, Bill, BillingPlan, Cycle, Grant, Period, PriceSchedule, Tax, Usage
from tokenbill.errors import InvalidUsage

JUNE = Period("2026-06-01", "2026-07-01")
PRICES = PriceSchedule(a="1", b="0.335", c="2")
VAT = Tax("VAT", 19, on="a")
PLANS = [
    BillingPlan.prepaid(PRICES, cycle=Cycle.monthly()),
    BillingPlan.subscription(3, PRICES, cycle=Cycle.monthly(), taxes=[VAT], minimum=5),
]

grants = st.builds(
    lambda number, amount, kind, on, expires: Grant(
        f"g{number}", amount, "USD", kind=kind, on=on, expires=expires
    ),
    st.integers(0, 99),
    st.sampled_from(["0.50", "3", "10", "500"]),
    st.sampled_from(["paid", "promotional"]),
    st.sampled_from([None, "a", "b", ("a", "fee")]),
    st.sampled_from([None, None, "2026-06-05", "2026-06-20"]),
)
events = st.lists(
    st.tuples(
        st.integers(1, 29),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(["0.5", "1", "3", "7"])),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


def told(bill):
    words = bill.lines, bill.breakdown(), bill.explain()
    return bill.total, bill.due, sorted(bill.draws), bill.closing, words


@given(
    st.sampled_from(PLANS),
    st.lists(grants, min_size=1, max_size=3, unique_by=lambda it: it.id),
    events,
    st.booleans(),
)
def test_an_account_that_remembers_bills_as_one_that_does_not(plan, given_grants, made, final):
    warm = cold = Account(balance=given_grants)
    for i, (day, usage, is_back) in enumerate(made):
        asked = {"period": JUNE, "at": f"2026-06-{day:02}", "final": final and i == len(made) - 1}
        taken = {"reversal": Usage(usage)} if is_back else {}
        used = {} if is_back else usage
        try:
            first = Bill.of(Usage(used), plan, opening=warm, **asked, **taken)
        except InvalidUsage:
            continue
        second = Bill.of(Usage(used), plan, opening=evolve(cold), **asked, **taken)
        assert told(first) == told(second)
        warm, cold = first.closing, second.closing


def test_balance_and_draws_are_told_when_they_are_asked_for():
    opening = Account(balance=[Grant("a", 10, "USD", on="a"), Grant("gift", 1, "USD", kind="promotional")])
    first = Bill.of({"a": 2, "b": 2}, PLANS[0], opening=opening, period=JUNE, at="2026-06-02", final=False)
    second = Bill.of({"a": 4}, PLANS[0], opening=first.closing, period=JUNE, at="2026-06-02", final=False)

    # 2 of a and 0.67 of b: the gift pays 1.00 of a, the grant for a the rest of it
    assert (str(first.total), str(first.due)) == ("1.67", "0.67")
    assert first.draws == (("a", 1), ("gift", 1))
    assert (second.draws, second.due) == ((("a", 4),), 0)
    assert [second.closing.balance.left(id) for id in ("a", "gift")] == [5, 0]
    assert second.closing.draws_by_charge == (("a", (("usage:a", 5),)), ("gift", (("usage:a", 1),)))


def test_what_is_given_back_in_cash_is_credit_for_the_next_event():
    opening = Account(balance=[Grant("a", 10, "USD", on="a")])
    asked = {"period": JUNE, "at": "2026-06-02", "final": False}
    first = Bill.of({"c": 5}, PLANS[0], opening=opening, **asked)
    second = Bill.of({}, PLANS[0], opening=first.closing, reversal=Usage(c=2), **asked)
    third = Bill.of({"c": 1}, PLANS[0], opening=second.closing, **asked)

    assert (first.due, second.closing.credit_balance) == (10, 4)
    assert (third.due, third.closing.credit_balance) == (0, 2)


@pytest.mark.parametrize("least", [None, "5"])
def test_a_small_amount_is_due_with_a_later_event(least):
    plan = evolve(PLANS[0], least_due=least)
    opening = Account(balance=[Grant("a", 10, "USD", on="a")])
    asked = {"period": JUNE, "at": "2026-06-02", "final": False}
    first = Bill.of({"c": 2}, plan, opening=opening, **asked)
    second = Bill.of({"c": 2}, plan, opening=first.closing, **asked)

    assert [first.due, second.due] == ([4, 4] if least is None else [0, 8])


def test_other_terms_that_say_the_same_of_the_past_go_on():
    opening = Account(balance=[Grant("a", 10, "USD", on="a")])
    dearer = BillingPlan.prepaid(PriceSchedule(a="1", b="9", c="2"), cycle=Cycle.monthly())
    asked = {"period": JUNE, "at": "2026-06-02", "final": False}
    first = Bill.of({"a": 3}, PLANS[0], opening=opening, **asked)
    second = Bill.of({"b": 1}, dearer, opening=first.closing, **asked)

    assert (second.total, second.due, second.closing.balance.left("a")) == (9, 9, 7)


@pytest.mark.parametrize("limits", [{"on": "a"}, {"most": ("2", Cycle.daily())}], ids=["scope", "limit"])
@pytest.mark.parametrize("overage", ["bill", "refuse"])
def test_what_a_grant_that_has_ended_paid_is_left_with_it(overage, limits):
    plan = BillingPlan.prepaid(PriceSchedule(a=1, b=1), cycle=Cycle.monthly(), overage=overage)
    own = Grant("own", 10, "USD", priority=-1, **limits)
    opening = Account(balance=[own, Grant("over", 10, "USD", expires="2026-06-03T00:00:00Z")])
    first = Bill.of(
        {"a": 2, "b": 2}, plan, opening=opening, period=JUNE, at="2026-06-01T05:00:00Z", final=False
    )
    second = Bill.of({}, plan, opening=first.closing, period=JUNE, at="2026-06-04T05:00:00Z", final=False)

    # own pays 2 of a, over 2 of b; once it has ended it must not take a, for own may pay no b
    assert first.draws == (("over", 2), ("own", 2))
    assert (second.due, second.draws, second.closing.draws_by_charge) == (
        0,
        (),
        first.closing.draws_by_charge,
    )


def test_a_credit_balance_leaves_a_grant_that_has_ended_what_it_paid():
    plan = BillingPlan.prepaid(PriceSchedule(calls=1), cycle=Cycle.monthly())
    opening = Account(balance=[Grant("old", 5, "USD", expires="2026-06-03")])
    first = Bill.of({"calls": 9}, plan, opening=opening, period=JUNE, at="2026-06-02", final=False)
    asked = {"period": JUNE, "at": "2026-06-04", "final": False}
    fewer = Bill.of({}, plan, reversal={"calls": 6}, opening=first.closing, **asked)
    empty = Bill.of({}, plan, opening=fewer.closing, **asked)

    # 9 are 5 of the grant and 4 in cash; of 3 the grant goes on paying 3, so all cash comes back
    assert (first.due, fewer.total, fewer.draws) == (4, -6, (("old", -2),))
    assert fewer.closing.credit_balance == empty.closing.credit_balance == 4
    assert (empty.due, empty.draws) == (0, ())


def test_lines_of_credit_that_fell_away_are_in_the_order_of_their_grants():
    plan = BillingPlan.prepaid(PriceSchedule(calls=1, images=1), cycle=Cycle.monthly())
    grants = [
        Grant("b", 5, "USD", kind="promotional", expires="2026-06-03"),
        Grant("c", 5, "USD", kind="promotional", on="images", priority=2, expires="2026-06-03"),
        Grant("a", 2, "USD", kind="promotional", priority=2, expires="2026-06-15"),
    ]
    usage, asked = {"calls": 11, "images": 2}, {"period": JUNE, "final": False}
    first = Bill.of(usage, plan, opening=Account(balance=grants), at="2026-06-02", **asked)
    kept = Bill.of({}, plan, reversal=usage, opening=first.closing, at="2026-06-03", **asked)
    read = Bill.of({}, plan, reversal=usage, opening=evolve(first.closing), at="2026-06-03", **asked)

    kept.verify()
    said = [(line.description, line.amount) for line in kept.lines if line.kind == "credit"]
    assert said == [("credit a", 2), ("credit b", 5), ("credit c", 2)]
    assert kept.lines == read.lines


def test_a_kept_account_knows_what_a_grant_that_has_ended_paid():
    plan = BillingPlan.prepaid(PriceSchedule(a=1, b=1), cycle=Cycle.monthly())
    opening = Account(balance=[Grant("over", 10, "USD", expires="2026-06-03")])
    first = Bill.of({"b": 2}, plan, opening=opening, period=JUNE, at="2026-06-02", final=False)
    second = Bill.of({"a": 2}, plan, opening=first.closing, period=JUNE, at="2026-06-04", final=False)

    second.verify()
    assert (second.due, second.closing.draws_by_charge) == (2, (("over", (("usage:b", 2),)),))
