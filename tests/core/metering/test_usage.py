import copy
import pickle
from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Graduated,
    Grant,
    Meter,
    Period,
    PriceSchedule,
    Rounding,
    Tier,
    Usage,
)
from tokenbill.errors import InvalidMeter, InvalidNumber, InvalidUsage

LARGE = 9 * 10**29
"""A quantity that can be given once, but not added up twice."""


def test_usage_is_given_by_name_by_mapping_or_by_pairs():
    expected = {"gpu_hours": Decimal(10), "api_calls": Decimal(1000)}

    assert dict(Usage(gpu_hours=10, api_calls=1000)) == expected
    assert dict(Usage({"gpu_hours": 10, "api_calls": "1000"})) == expected
    assert dict(Usage([("gpu_hours", Decimal(10)), ("api_calls", 1000)])) == expected
    assert dict(Usage({"gpu_hours": 10}, api_calls=1000)) == expected
    assert dict(Usage(Usage(expected))) == expected
    assert dict(Usage(Counter(gpu_hours=10, api_calls=1000))) == expected


def test_a_meter_given_twice_adds_up():
    assert Usage([("calls", 1), ("calls", "0.5"), ("calls{}", 2)])["calls"] == Decimal("3.5")
    assert Usage({"calls": 1}, calls=2)["calls"] == 3


def test_zeros_are_dropped_and_what_is_absent_counts_zero():
    usage = Usage({"calls": 0, "pages": "0.00", "images": 1})

    assert list(usage) == ["images"]
    assert usage["calls"] == 0
    assert "calls" not in usage
    assert not Usage(calls=0)


def test_usage_is_read_by_any_spelling_of_a_meter():
    usage = Usage({"gpu_hours{region=eu,gpu=H100}": 5})

    assert usage["gpu_hours{gpu=H100, region=eu}"] == 5
    assert 'gpu_hours{gpu="H100",region=eu}' in usage
    assert 5 not in usage
    assert list(usage) == [Meter("gpu_hours{gpu=H100,region=eu}")]


def test_what_names_no_meter_was_not_used():
    usage = Usage(calls=3)

    assert "a b" not in usage
    assert usage.get("a b") is usage.get("pages") is None
    assert (usage.get("calls"), usage.get("pages", 5)) == (3, 5)
    with pytest.raises(InvalidMeter):
        usage["a b"]


def test_usage_lists_its_meters_in_order_of_their_text():
    assert list(Usage(pages=1, calls=2, images=3)) == ["calls", "images", "pages"]
    assert len(Usage(pages=1, calls=2)) == 2


@pytest.mark.parametrize("quantities", [None, 5, "calls", [1], [("calls",)], [("calls", 1, 2)]], ids=str)
def test_what_names_no_meters_is_no_usage(quantities):
    with pytest.raises(InvalidUsage):
        Usage(quantities)


@pytest.mark.parametrize("quantity", [-1, "-0.5", Decimal("-1E-30")], ids=str)
def test_a_negative_quantity_is_refused(quantity):
    with pytest.raises(InvalidUsage, match="negative quantity of 'calls'"):
        Usage(calls=quantity)


@pytest.mark.parametrize("quantity", [0.5, True, None, "1e30", 10**30, Decimal("NaN")], ids=str)
def test_a_quantity_is_an_exact_number_in_bounds(quantity):
    with pytest.raises(InvalidNumber):
        Usage(calls=quantity)
    with pytest.raises(InvalidNumber):
        Usage({"pages": 1, "calls": quantity})


@pytest.mark.parametrize("meter", ["", "1a", "a b", 5, None])
def test_a_key_is_a_meter(meter):
    with pytest.raises(InvalidMeter):
        Usage({meter: 1})
    with pytest.raises(InvalidMeter):
        Usage([(meter, 1)])


def test_usage_adds_up_like_a_counter():
    early = Usage(calls=1, pages="0.1")
    late = Usage(calls=2, pages="0.2", images=3)

    both = early + late

    assert both == Usage(calls=3, pages="0.3", images=3)
    assert sum([early, late]) == both
    assert (early, late) == (Usage(calls=1, pages="0.1"), Usage(calls=2, pages="0.2", images=3))


def test_usage_adds_up_with_nothing_else():
    with pytest.raises(TypeError):
        Usage(calls=1) + {"calls": 1}
    with pytest.raises(TypeError):
        1 + Usage(calls=1)
    with pytest.raises(TypeError):
        Usage(calls=1) - 1


def test_a_sum_stays_within_the_bounds_of_a_quantity():
    with pytest.raises(InvalidNumber):
        Usage(calls=LARGE) + Usage(calls=LARGE)
    with pytest.raises(InvalidNumber):
        Usage([("calls", LARGE), ("calls", LARGE)])
    assert (Usage(calls=LARGE) + Usage(calls="0.5"))["calls"] == LARGE + Fraction(1, 2)


def test_a_sum_does_not_depend_on_the_callers_decimal_context():
    with localcontext(prec=1):
        found = Usage(calls="12.5") + Usage(calls="0.25")

    assert str(found["calls"]) == "12.75"


def test_what_was_used_earlier_is_taken_off():
    assert Usage(calls=3, pages="1.5") - Usage(pages="0.5", calls=3) == Usage(pages=1)


def test_no_more_is_taken_off_than_was_used():
    with pytest.raises(InvalidUsage, match="calls would fall below zero by: 2"):
        Usage(calls=3) - Usage(calls=5)
    with pytest.raises(InvalidUsage):
        Usage() - Usage(calls=1)


def test_usage_is_scaled_by_a_number_of_zero_or_more():
    assert Usage(calls=3, pages="0.5") * "1.5" == Usage(calls="4.5", pages="0.75")
    assert 2 * Usage(calls=3) == Usage(calls=6)
    assert not Usage(calls=3) * 0
    with pytest.raises(InvalidUsage):
        Usage(calls=3) * -1
    with pytest.raises(InvalidNumber):
        Usage(calls=3) * 0.5


def test_a_total_is_the_sum_over_all_other_labels():
    usage = Usage(
        {
            "gpu_hours{gpu=H100,region=eu}": 2,
            "gpu_hours{gpu=H100}": "0.5",
            "gpu_hours{gpu=A100}": 1,
            "calls": 9,
        }
    )

    assert usage.total("gpu_hours") == Decimal("3.5")  # 2 + 0.5 + 1
    assert usage.total("gpu_hours{gpu=H100}") == Decimal("2.5")  # 2 + 0.5
    assert usage.total("pages") == 0


def test_equal_usage_is_equal_and_hashes_equally_however_it_was_given():
    ints, decimals = Usage(calls=3, pages=1), Usage({"pages": Decimal("1.0"), "calls": "3.00"})

    assert ints == decimals
    assert hash(ints) == hash(decimals)
    assert ints == {"calls": 3, "pages": 1}
    assert ints != {"calls": 3}
    assert ints != "calls"
    assert ints != Usage(calls=3)


def test_usage_does_not_change():
    usage = Usage(calls=3)

    with pytest.raises(FrozenInstanceError):
        usage.counted = {}
    with pytest.raises(TypeError):
        usage["calls"] = 5
    with pytest.raises(TypeError):
        usage.counted["calls"] = 5


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_usage_survives_a_copy_and_a_pickle(again):
    usage = Usage({"calls": 3, "gpu_hours{gpu=H100}": "0.5"})

    assert again(usage) == usage
    assert hash(again(usage)) == hash(usage)


def test_usage_shows_its_meters_and_quantities():
    usage = Usage({"pages": "1.50", "gpu_hours{gpu=<b>}".replace("<b>", '"<b>"'): 2})

    assert repr(Usage(pages="1.50", calls=2)) == "Usage({'calls': 2, 'pages': 1.50})"
    assert "<b>" not in usage._repr_html_()
    assert ">1.50</td>" in usage._repr_html_()


class Refunding(Usage):
    """A usage that says of itself what was never used."""

    def __getitem__(self, meter):
        return Decimal(-100)

    def items(self):
        return [("calls", Decimal(-100))]

    @property
    def counted(self):
        return {"calls": -100}


def test_of_a_usage_of_a_users_own_class_what_was_stored_counts():
    """It cannot bill below zero, whichever way it comes in."""
    own, plan = Refunding(calls=3), BillingPlan.on_demand(PriceSchedule(calls=1))
    march = Period("2026-03-01", "2026-04-01")
    account = Account(balance=[Grant("paid", 10, "USD")])

    assert Usage(own) == Usage(calls=3)
    assert Bill.of(own, plan).total == 3
    assert Bill.of({"2026-03-02": own}, plan, period=march).total == 3
    assert Bill.of(Usage(calls=5), plan, reversal=own).total == 2
    assert Usage(calls=5) - own == Usage(calls=2)
    assert account.hold("h1", own, plan).balance.remaining() == 7
    assert account.covers(own, plan)
    assert Account(used=own).used == Usage(calls=3)


def test_a_usage_of_a_users_own_class_that_stored_nothing_is_refused():
    class Empty(Usage):
        def __init__(self):
            pass

    with pytest.raises(InvalidUsage):
        Bill.of(Empty(), BillingPlan.on_demand(PriceSchedule(calls=1)))


def test_a_sum_is_bounded_as_a_quantity_is():
    half = Usage(calls=5 * 10**29)

    assert (half + Usage(calls=5 * 10**29 - 1))["calls"] == 10**30 - 1
    with pytest.raises(InvalidNumber, match="out of bounds"):
        half + half


def test_of_a_subclass_what_it_holds_counts_and_not_what_its_methods_say():
    class Sly(Usage):
        def items(self):
            return [("calls", 1)]

        def __len__(self):
            return 1

    assert Usage(Sly(calls=100)) == Usage(calls=100)


def test_whole_and_broken_quantities_add_up_in_any_context():
    tiers = Graduated([Tier(10, 1), Tier(None, "0.5")])
    plan, kinds = BillingPlan(PriceSchedule(calls=tiers)), {"a": 1, "b": "12345.5", "c": 7, "d": "0.5"}
    used = {f"calls{{kind={kind}}}": quantity for kind, quantity in kinds.items()}
    month = Cycle.monthly("2026-06-01")
    contract = Contract(evolve(plan, cycle=month)).amended("2026-06-11", evolve(plan, cycle=month, name="b"))
    june = month.containing("2026-06-05")
    days = {"02": 1, "12": "12345.5", "13": 7}
    dated = {f"2026-06-{day}": Usage(calls=calls) for day, calls in days.items()}
    with localcontext() as context:
        context.prec = 1
        sums = [Usage(calls=1).plus(Usage(calls=each) for each in ("12345.5", 7, "0.5"))]
        sums.append(Usage(calls="0.5") + Usage(calls=12353) + Usage(calls="0.5"))
        sums.append(Usage(calls=12355) - Usage(calls="0.5") - Usage(calls="0.5"))
        whole = Bill.of(used, plan)
        events, account = [], Account()
        for meter, quantity in used.items():
            events.append(Bill.of({meter: quantity}, plan, opening=account, final=False))
            account = events[-1].closing
        more = {**dated, "2026-06-14": Usage(calls="0.5")}
        parts = [Bill.of(each, contract, period=june) for each in (dated, more)]
        owed = Bill.of(used, evolve(plan, rounding=Rounding(places=30), overage="owe")).closing.credit_balance

    assert sums == [Usage(calls=12354)] * 3
    assert [bill.total for bill in (whole, *parts)] == [
        6182,
        Decimal("6181.75"),
        6182,
    ]  # 10 and 12,344 halves
    assert sum(bill.total for bill in events) == 6182
    assert owed == -6182


def test_broken_quantities_of_versions_with_other_prices_add_up_in_any_context():
    month = Cycle.monthly("2026-06-01")
    plans = [
        BillingPlan(PriceSchedule(calls=Graduated([Tier(10, 1), Tier(None, rate)])), cycle=month)
        for rate in ("0.5", "0.25")
    ]
    contract = Contract(plans[0]).amended("2026-06-11", plans[1])
    days = {"02": "12345.5", "03": 7, "12": "0.5", "13": 23451, "14": "7.5"}
    used = {f"2026-06-{day}": Usage(calls=calls) for day, calls in days.items()}
    with localcontext() as context:
        context.prec = 1
        bills = [Bill.of(used, contract, period=month.containing("2026-06-05"))]
        bills.append(Bill.of({**used, "2026-06-15": Usage(calls=1)}, contract, period=bills[0].period))

    # 10 and 12,342.5 halves; 23,459 and 23,460 quarters
    assert [str(bill.total) for bill in bills] == ["12046.00", "12046.25"]
