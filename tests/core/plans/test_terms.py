import copy
import pickle
from decimal import Decimal

import pytest

from tokenbill import Discount, Fee, Meter, Tax
from tokenbill.errors import InvalidMeter, InvalidName, InvalidNumber, InvalidPlan, InvalidPrice


def test_a_fee_is_due_in_advance_and_prorated_unless_it_says_otherwise():
    fee = Fee("99")

    assert (fee.amount, fee.name, fee.due, fee.prorated) == (99, "subscription", "advance", True)
    assert Fee(5, "seats", "arrears", prorated=False) == Fee("5.00", "seats", due="arrears", prorated=False)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"amount": 0.5}, InvalidNumber),
        ({"amount": -1}, InvalidPrice),
        ({"amount": 1, "name": ""}, InvalidName),
        ({"amount": 1, "due": "later"}, InvalidPlan),
        ({"amount": 1, "due": ["advance"]}, InvalidPlan),
        ({"amount": 1, "prorated": "no"}, InvalidPrice),
    ],
    ids=str,
)
def test_a_fee_of_other_parts_is_refused(parts, error):
    with pytest.raises(error):
        Fee(**parts)


def test_a_discount_is_named_by_what_it_takes_off_unless_it_has_a_name():
    assert Discount.percent("12.5").name == "12.5 % off"
    assert Discount.fixed("30.00").name == "30.00 off"
    assert Discount.percent(10, "spring").name == Discount.fixed(10, "spring").name == "spring"


def test_a_discount_applies_to_a_scope():
    discount = Discount.fixed(5, on=["usage", "gpu_hours{gpu=H100}"])

    assert discount.on == (Meter("gpu_hours{gpu=H100}"), "usage")
    assert Discount.percent(5).on is None


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (lambda: Discount.percent("100.01"), InvalidPlan),
        (lambda: Discount.percent(-1), InvalidPrice),
        (lambda: Discount.fixed(-1), InvalidPrice),
        (lambda: Discount.percent(0.1), InvalidNumber),
        (lambda: Discount.fixed("ten"), InvalidNumber),
        (lambda: Discount.percent(5, "a\nb"), InvalidName),
        (lambda: Discount.fixed(5, on=[]), InvalidMeter),
        (lambda: Discount(5, "tenths", "name"), InvalidPlan),
    ],
    ids=["above 100", "negative", "negative fixed", "float", "text", "name", "scope", "unit"],
)
def test_a_discount_of_other_parts_is_refused(made, error):
    with pytest.raises(error):
        made()


def test_a_discount_may_take_everything_off_and_a_fixed_one_any_amount():
    assert Discount.percent(100).value == 100
    assert Discount.fixed(1_000_000).value == 1_000_000


def test_a_tax_comes_on_top_of_all_charges_unless_it_says_otherwise():
    tax = Tax("VAT", "8.875")

    assert (tax.name, tax.percent, tax.inclusive, tax.on) == ("VAT", Decimal("8.875"), False, None)
    assert Tax("VAT", 19, inclusive=True, on="usage").on == ("usage",)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"name": "", "percent": 19}, InvalidName),
        ({"name": "VAT", "percent": 0.19}, InvalidNumber),
        ({"name": "VAT", "percent": -19}, InvalidPrice),
        ({"name": "VAT", "percent": 19, "inclusive": 1}, InvalidPrice),
        ({"name": "VAT", "percent": 19, "on": {"usage": 1}}, InvalidMeter),
    ],
    ids=str,
)
def test_a_tax_of_other_parts_is_refused(parts, error):
    with pytest.raises(error):
        Tax(**parts)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@pytest.mark.parametrize(
    "value",
    [Fee("99"), Discount.percent(10, on=("fee", "calls{a=b}")), Tax("VAT", 19, on="usage")],
    ids=["fee", "discount", "tax"],
)
def test_terms_survive_a_copy_and_a_pickle(value, again):
    assert again(value) == value
    assert hash(again(value)) == hash(value)
    assert repr(again(value)) == repr(value)
