import pytest

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.scopes import PARTS, covers, scope
from tokenbill.errors import InvalidMeter


def test_no_scope_is_everything():
    assert scope(None) is None
    assert covers(None, "fee")
    assert covers(None, "usage", Meter("gpu_hours"))


def test_one_text_is_a_scope_of_one_part():
    assert scope("usage") == ("usage",)


@pytest.mark.parametrize("sequence", [list, tuple, set, frozenset])
def test_several_parts_are_in_order_of_their_text_whatever_order_they_are_given_in(sequence):
    assert scope(sequence(["usage", "fee", "api_calls"])) == ("api_calls", "fee", "usage")


def test_a_part_given_twice_counts_once():
    assert scope(["gpu_hours{a=1,b=2}", "gpu_hours{b=2, a=1}"]) == ("gpu_hours{a=1,b=2}",)


def test_a_scope_is_its_own_scope():
    once = scope(["fee", Meter("gpu_hours{gpu=H100}")])

    assert scope(once) == once
    assert [type(part) for part in scope(once)] == [str, Meter]


@pytest.mark.parametrize(
    "nothing", [[], 5, {"usage": 1}, b"usage", [None], [["usage"]], "", "not a meter", "a{b"]
)
def test_what_names_neither_a_kind_nor_a_meter_is_refused(nothing):
    with pytest.raises(InvalidMeter):
        scope(nothing)


def test_a_scope_has_at_most_1000_parts():
    assert len(scope([f"m{i}" for i in range(PARTS)])) == 1000
    with pytest.raises(InvalidMeter):
        scope([f"m{i}" for i in range(PARTS + 1)])


def test_a_kind_covers_the_charges_of_that_kind_only():
    assert covers(scope("usage"), "usage", Meter("gpu_hours"))
    assert covers(scope("minimum"), "minimum")
    assert not covers(scope("fee"), "usage", Meter("gpu_hours"))


def test_a_meter_covers_the_meters_that_have_its_labels():
    within = scope("gpu_hours{gpu=H100}")

    assert covers(within, "usage", Meter("gpu_hours{gpu=H100,region=eu}"))
    assert not covers(within, "usage", Meter("gpu_hours"))
    assert not covers(within, "usage", Meter("gpu_hours{gpu=A100}"))
    assert not covers(within, "usage")


def test_a_meter_named_like_a_kind_is_not_taken_for_a_charge_of_that_kind():
    assert not covers(scope("fee"), "usage", Meter("fee"))


def test_a_true_up_is_within_a_scope_that_holds_all_it_lifts():
    lifted = (Meter("calls"), Meter("images"))

    assert covers(scope(["calls", "images"]), lifted)
    assert not covers(scope("calls"), lifted)
    assert not covers(scope("images"), lifted)
