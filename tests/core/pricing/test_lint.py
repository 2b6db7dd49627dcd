from fractions import Fraction

import pytest
from attrs import frozen

from tokenbill import Flat, Graduated, Package, PerUnit, Price, PriceSchedule, Tier, UnpricedUsage, Volume
from tokenbill.core.pricing.lint import Cliff, cliffs, lint
from tokenbill.core.pricing.price import Sum
from tokenbill.core.pricing.schedule import Entry
from tokenbill.errors import InvalidPrice, InvalidSchedule

SEATS = Volume([Tier(10, 5, fee=2), Tier(None, 4, fee=3)])
HALVES = [Tier("0.5", 1), Tier(1, 2), Tier("1.5", 3), Tier(None, 4)]


@frozen
class Own(Price):
    """A user's price, which may hold another."""

    price: Price

    def amount(self, quantity):
        return self.price.amount(quantity)


def found(code, /, *arguments, **prices):
    """The meters and messages of one code."""
    schedule = PriceSchedule(*arguments, **prices)
    return [(str(finding.meter), finding.message) for finding in schedule.lint() if finding.code == code]


def unreachable(price):
    return [
        message.removeprefix("no quantity falls in the tier ")
        for _, message in found("unreachable_tier", a=price)
    ]


# ---------------------------------------------------------------- cliffs


def test_a_cliff_names_the_quantity_and_both_amounts():
    assert cliffs(SEATS) == [Cliff(Fraction(10), Fraction(52), Fraction(43))]
    assert found("cliff", seats=SEATS) == [("seats", "at 10 units the amount falls from 52 to 43")]


def test_each_group_has_the_cliffs_of_its_curve():
    assert found("cliff", {"seats": SEATS.each("team")}) == found("cliff", seats=SEATS)


def test_a_cliff_may_lie_where_a_conversion_is_rounded():
    price = Volume([Tier(10, 1), Tier(None, "0.5")]).in_units(of=3, round="half_up")

    assert found("cliff", a=price) == [("a", "at 31.5 units the amount falls from 10 to 5.5")]  # 10.5 × 3


@pytest.mark.parametrize(
    "price",
    [PerUnit(1), Flat(20), Package(10, 1), Graduated(SEATS.tiers), SEATS.capped(0), SEATS.at_least(60)],
    ids=lambda price: type(price).__name__,
)
def test_what_never_falls_has_no_cliff(price):
    assert cliffs(price) == []


def test_nothing_can_be_said_of_a_price_that_lists_no_pieces():
    assert cliffs(Own(SEATS)) == []
    assert PriceSchedule(a=Own(Volume(HALVES)).in_units(round="up")).lint() == ()


# ---------------------------------------------------------------- tiers that nothing reaches


def test_a_volume_tier_between_whole_units_is_never_reached():
    assert unreachable(Volume(HALVES).in_units(of=1000, round="up")) == [
        "above 0, up to 0.5",
        "above 1, up to 1.5",
    ]
    assert unreachable(Volume(HALVES)) == []


def test_units_fall_in_every_graduated_tier_below_the_last_one_reached():
    tiers = Graduated([Tier("0.5", 1), Tier("1.5", 2), Tier(None, 3)])

    assert unreachable(tiers.in_units(round="up")) == []
    assert unreachable(PerUnit(1).capped(1).then(tiers)) == ["above 1.5, open"]


def test_zero_reaches_the_first_tier_only_for_its_fee():
    first = [Tier("0.5", fee=7), Tier(None, 1)]

    assert unreachable(Volume(first).in_units(round="up")) == ["above 0, up to 0.5"]
    assert unreachable(Volume(first, fee_at_zero=True).in_units(round="up")) == []


@pytest.mark.parametrize(
    "combined",
    [
        lambda tiers: tiers + Flat(1),
        lambda tiers: tiers * "1.1",
        lambda tiers: tiers.capped(9),
        lambda tiers: tiers.at_least(1),
        lambda tiers: tiers.then(PerUnit(1)),
        lambda tiers: tiers.after(5),
    ],
    ids=["sum", "scaled", "capped", "at least", "then", "after"],
)
def test_tiers_are_found_within_every_combinator(combined):
    assert len(unreachable(combined(Volume(HALVES)).in_units(round="up"))) == 2


def test_the_amounts_of_one_price_are_the_quantities_of_the_next():
    packages = Package(10, 100).then(Volume([Tier(50, 1), Tier(150, 2), Tier(None, 3)]))

    assert unreachable(packages) == ["above 0, up to 50"]


def test_a_curve_too_long_to_list_has_no_findings():
    long = PerUnit("0.5") + Package(3, 1)
    for _ in range(20):
        long = long.then(PerUnit("0.5") + Package(3, 1))

    assert unreachable(long.then(Volume(HALVES).in_units(round="up"))) == []


def test_tiers_too_many_for_the_curve_before_them_have_no_findings():
    steps = Sum([Package(size, 1, "down") for size in range(1, 1001)])

    assert unreachable(steps.then(Volume([*(Tier(end, 1) for end in range(1, 10)), Tier(None, 1)]))) == []


# ---------------------------------------------------------------- gaps


def test_a_name_priced_with_certain_labels_only_has_a_gap():
    labelled = {"gpu{gpu=H100}": 2, "gpu{gpu=A100}": 1, "calls": 1, "calls{region=eu}": 2}

    assert found("gap", labelled) == [
        ("gpu", "priced with certain labels only; an entry gpu prices all others")
    ]


# ---------------------------------------------------------------- tokens


def test_input_without_an_entry_for_cached_tokens_bills_them_in_full():
    assert found("cached_at_full_rate", input_tokens=3) == [
        ("input_tokens", "cached tokens are billed at the full input rate; add input_tokens{cache=read}")
    ]
    assert found("cached_at_full_rate", {"input_tokens": 3, "input_tokens{cache=read}": "0.3"}) == []
    assert found("cached_at_full_rate", output_tokens=3, api_calls=1) == []


def test_each_model_needs_its_own_entry_for_cached_tokens():
    prices = {"input_tokens{model=a}": 3, "input_tokens{model=b}": 3, "input_tokens{cache=read,model=a}": 1}

    assert [meter for meter, _ in found("cached_at_full_rate", prices)] == ["input_tokens{model=b}"]


def test_a_bare_entry_names_the_pools_that_it_prices():
    prices = {"input_tokens": 3, "input_tokens{cache=read}": 1, "output_tokens": 9}

    assert found("bare_entry", prices) == [
        (
            "input_tokens",
            "also prices input_tokens{cache=write}, input_tokens{cache=write,ttl=1h},"
            " input_tokens{modality=audio}, input_tokens{modality=image}, input_tokens{modality=video}",
        ),
        (
            "output_tokens",
            "also prices output_tokens{kind=reasoning}, output_tokens{modality=audio},"
            " output_tokens{modality=image}",
        ),
    ]


def test_a_longer_life_in_the_cache_is_a_pool_of_its_own():
    assert found("bare_entry", {"input_tokens{cache=write,model=a}": 1}) == [
        ("input_tokens{cache=write,model=a}", "also prices input_tokens{cache=write,model=a,ttl=1h}")
    ]


def test_other_meters_have_no_pools():
    assert PriceSchedule(gpu_hours=1, api_calls="0.01").lint() == ()


# ---------------------------------------------------------------- schedules


def test_findings_are_in_order_of_the_meters():
    prices = {"input_tokens": 3, "gpu{gpu=H100}": 1, "seats": SEATS}

    codes = [finding.code for finding in PriceSchedule(prices).lint()]

    assert codes == ["gap", "cached_at_full_rate", "bare_entry", "cliff"]


class Listed:
    """A user's schedule: one entry, of which other labels are unpriced."""

    def __iter__(self):
        return iter([Entry("input_tokens", PerUnit(3))])

    def match(self, meter):
        if meter.labels:
            raise UnpricedUsage(meter)
        return Entry(meter.name, PerUnit(3))


def test_a_users_schedule_is_read_if_it_lists_its_entries():
    assert lint(Listed()) == ()


def test_a_schedule_that_lists_nothing_cannot_be_read():
    with pytest.raises(InvalidSchedule, match="lists no entries"):
        lint(object())
    with pytest.raises(InvalidPrice, match="not a price"):
        lint({"a": "0.10"})
