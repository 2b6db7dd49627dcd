from decimal import Decimal

import pytest

from tokenbill.core.credits.grants import Grant
from tokenbill.core.credits.ledger import by_charge, by_grant, changed, draws_of, left_of, total
from tokenbill.errors import InvalidGrant, InvalidName, InvalidNumber


def test_a_mapping_and_pairs_say_the_same():
    assert (
        draws_of({"b": 1, "a": "2.50"})
        == draws_of([("a", "2.5"), ["b", 1]])
        == (("a", Decimal("2.5")), ("b", 1))
    )


@pytest.mark.parametrize("nothing", [None, 5, "a", [5], ["a"], [("a", 1, 2)], {"a"}])
def test_what_is_no_amount_by_grant_is_refused(nothing):
    with pytest.raises(InvalidGrant):
        by_grant(nothing)


def test_a_grant_is_named_once():
    with pytest.raises(InvalidGrant):
        by_grant([("a", 1), ("a", 1)])


@pytest.mark.parametrize("id", [None, 5, "", ["a"]])
def test_a_grant_is_named_by_text(id):
    with pytest.raises(InvalidName):
        by_grant([(id, 1)])


def test_an_amount_is_a_number():
    with pytest.raises(InvalidNumber):
        by_grant({"a": 0.5})


def test_draws_are_never_negative():
    with pytest.raises(InvalidGrant):
        draws_of({"a": "-0.01"})


def test_a_change_takes_an_amount_down_to_zero_and_no_further():
    assert changed((("a", Decimal(5)),), {"a": Decimal(-5)}) == ()
    with pytest.raises(InvalidGrant):
        changed((("a", Decimal(5)),), {"a": Decimal("-5.01")})


def test_a_grant_is_used_up_to_its_last_unit_and_no_further():
    grants = [Grant("a", "5.00", "USD")]

    assert left_of(grants, added=(), taken=(("a", Decimal("5.00")),)) == {"a": 0}
    with pytest.raises(InvalidGrant):
        left_of(grants, added=(), taken=(("a", Decimal("5.01")),))


def test_what_was_added_can_be_taken():
    left = left_of(
        [Grant("a", 5, "USD")], added=(("a", Decimal(3)),), taken=(("a", Decimal(4)), ("a", Decimal(2)))
    )

    assert left == {"a": 2}  # 5 + 3 − 4 − 2


@pytest.mark.parametrize("side", ["added", "taken"])
def test_a_grant_that_is_not_there_has_no_history(side):
    with pytest.raises(InvalidGrant):
        left_of([], **{"added": (), "taken": (), side: (("ghost", Decimal(1)),)})


def test_a_sum_keeps_every_digit():
    parts = [Decimal(10**29), Decimal("0." + "0" * 29 + "1")]

    assert str(total(parts)) == "1" + "0" * 29 + "." + "0" * 29 + "1"


def test_a_charge_is_a_text_each_of_them():
    for parts in ({"fee": 1, 5: 2}, [("fee", 1), (None, 2)], [(5, 2), ("fee", 1)]):
        with pytest.raises(InvalidGrant):
            by_charge({"a": parts})
