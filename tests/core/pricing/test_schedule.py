import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import frozen

from tokenbill import (
    Bill,
    BillingPlan,
    CurrencyMismatch,
    Flat,
    Graduated,
    Meter,
    PerUnit,
    Price,
    PriceSchedule,
    Tier,
    UnpricedUsage,
    Usage,
)
from tokenbill.core.base.hashing import content_hash
from tokenbill.core.pricing.schedule import Entry, priced
from tokenbill.errors import InvalidCurrency, InvalidMeter, InvalidName, InvalidPrice, InvalidSchedule

GPUS = PriceSchedule({"gpu_hours{gpu=H100}": "2.50", "gpu_hours": "0.90"})
TIERS = Graduated([Tier(100, "0.10"), Tier(None, "0.05")])


# ---------------------------------------------------------------- a mapping


def test_a_schedule_is_a_mapping_from_meters_to_prices():
    prices = PriceSchedule({"b": Flat(1)}, a="0.10", currency="EUR", name="2026-11")

    assert dict(prices) == {"a": PerUnit("0.10"), "b": Flat(1)}
    assert (list(prices), len(prices), "a" in prices, "c" in prices) == (["a", "b"], 2, True, False)
    assert (prices.currency.code, prices.name) == ("EUR", "2026-11")


def test_any_spelling_of_a_meter_names_its_entry():
    prices = PriceSchedule({' gpu_hours{region="eu", gpu=H100} ': 1})

    assert prices["gpu_hours{gpu=H100,region=eu}"] == PerUnit(1)


def test_a_key_is_exact_where_a_match_is_not():
    with pytest.raises(UnpricedUsage) as refused:
        GPUS["gpu_hours{gpu=A100}"]

    assert (refused.value.meter, refused.value.priced) == ("gpu_hours{gpu=A100}", tuple(GPUS))
    assert GPUS.match("gpu_hours{gpu=A100}") == Entry(Meter("gpu_hours"), PerUnit("0.90"))
    with pytest.raises(UnpricedUsage):
        GPUS["cpu_hours"]


@pytest.mark.parametrize("prices", [5, None, "gpu_hours", [1], [("a", 1, 2)], PriceSchedule], ids=str)
def test_prices_are_a_mapping_or_pairs(prices):
    with pytest.raises(InvalidSchedule, match="not prices"):
        PriceSchedule(prices)


def test_a_meter_has_one_price():
    with pytest.raises(InvalidSchedule, match="a meter priced twice"):
        PriceSchedule([("a{x=1,y=2}", 1), ("a{y=2, x=1}", 2)])
    with pytest.raises(InvalidSchedule):
        PriceSchedule({"a": 1}, a=2)


def test_what_is_wrong_in_a_schedule_is_refused_by_its_name():
    with pytest.raises(InvalidMeter):
        PriceSchedule({"gpu hours": 1})
    with pytest.raises(InvalidPrice):
        PriceSchedule(a=-1)
    with pytest.raises(InvalidCurrency):
        PriceSchedule(a=1, currency="USDT")
    with pytest.raises(InvalidName):
        PriceSchedule(a=1, name="\n")


def test_a_bare_number_is_a_price_for_each_unit():
    assert priced("0.10") == PerUnit("0.10")
    assert priced(TIERS) is TIERS
    assert priced(TIERS.each("region")) == TIERS.each("region")


def test_a_schedule_shows_its_prices_as_text_and_as_html():
    prices = PriceSchedule(a=1, name="<2026>")

    assert repr(prices) == f"PriceSchedule({{'a': {PerUnit(1)!r}}}, currency='USD', name='<2026>')"
    assert ">&lt;2026&gt; (USD)</caption>" in prices._repr_html_()


# ---------------------------------------------------------------- matching


@pytest.mark.parametrize(
    ("meter", "key"),
    [
        ("gpu_hours", "gpu_hours"),
        ("gpu_hours{gpu=A100}", "gpu_hours"),
        ("gpu_hours{gpu=H100}", "gpu_hours{gpu=H100}"),
        ("gpu_hours{gpu=H100,region=eu}", "gpu_hours{gpu=H100}"),
        ("gpu_hours{region=eu}", "gpu_hours"),
    ],
)
def test_usage_goes_to_the_most_specific_entry_whose_labels_it_has(meter, key):
    assert GPUS.match(meter).key == key


@pytest.mark.parametrize("meter", ["cpu_hours", "gpu_hours{region=eu}", "gpu_hours"])
def test_what_no_entry_prices_is_unpriced(meter):
    prices = PriceSchedule({"gpu_hours{gpu=H100}": 1, "gpu_hours{gpu=A100}": 2})

    with pytest.raises(UnpricedUsage, match="write 0 for a free meter") as refused:
        prices.match(meter)

    assert refused.value.meter == meter


def test_entries_that_agree_and_contain_neither_the_other_tie():
    with pytest.raises(InvalidSchedule, match=r"add an entry g\{gpu=H100,region=eu\}, which both match"):
        PriceSchedule({"g{gpu=H100}": 1, "g{region=eu}": 2})
    with pytest.raises(InvalidSchedule, match=r"add an entry g\{a=1,b=1,c=1\}"):
        PriceSchedule({"g{a=1,b=1}": 1, "g{b=1,c=1}": 2})


def test_a_meter_may_be_labelled_in_a_hundred_ways_and_no_more():
    """Each set of labels is compared with each: a hostile schedule would take hours."""
    ways = [f"a{{b{place}=1}}" for place in range(101)]

    with pytest.raises(InvalidSchedule, match="label the entries of a in at most 100 ways"):
        PriceSchedule(dict.fromkeys(ways, 1))


def test_the_union_of_two_entries_breaks_their_tie():
    prices = PriceSchedule({"g{gpu=H100}": 1, "g{region=eu}": 2, "g{gpu=H100,region=eu}": 3})

    assert prices.match("g{gpu=H100,region=eu,zone=1}").price == PerUnit(3)
    assert prices.match("g{gpu=H100,region=us}").price == PerUnit(1)


def test_entries_that_disagree_never_tie():
    prices = PriceSchedule({"g{gpu=H100,a=1}": 1, "g{gpu=A100,b=1}": 2, "h{region=eu}": 3})

    assert prices.match("g{gpu=A100,a=1,b=1}").price == PerUnit(2)


def test_labels_alone_decide_and_never_their_number():
    prices = PriceSchedule({"g{a=1}": 1, "g{a=1,b=1,c=1}": 3, "g{a=1,b=1}": 2})

    assert [
        prices.match(f"g{{{labels}}}").price.rate for labels in ("a=1,c=1", "a=1,b=1", "a=1,b=1,c=1")
    ] == [1, 2, 3]


# ---------------------------------------------------------------- changing a schedule


def test_negotiated_prices_win():
    negotiated = GPUS | PriceSchedule({"gpu_hours": "0.80", "api_calls": "0.01"}, name="ACME")

    assert negotiated["gpu_hours"] == PerUnit("0.80")
    assert negotiated["gpu_hours{gpu=H100}"] == PerUnit("2.50")
    assert (negotiated["api_calls"], negotiated.name) == (PerUnit("0.01"), "ACME")
    assert (PriceSchedule(a=1, name="list") | PriceSchedule(a=2)).name == "list"


def test_schedules_of_two_currencies_do_not_join():
    with pytest.raises(CurrencyMismatch):
        GPUS | PriceSchedule(a=1, currency="EUR")
    with pytest.raises(TypeError):
        GPUS | {"a": 1}


def test_a_mark_up_scales_every_price():
    prices = PriceSchedule({"a": TIERS, "b": TIERS.each("region")}, name="list") * "1.2"

    assert prices["a"] == TIERS * "1.2"
    assert prices["b"] == (TIERS * "1.2").each("region")
    assert prices == "1.2" * PriceSchedule({"a": TIERS, "b": TIERS.each("region")}, name="list")


# ---------------------------------------------------------------- scope of tiers


def test_usage_under_one_entry_is_one_quantity_unless_the_entry_is_each():
    calls = Usage({"calls{region=eu}": 80, "calls{region=us}": 150})
    together, apart = PriceSchedule(calls=TIERS), PriceSchedule(calls=TIERS.each("region"))

    assert Bill.of(calls, BillingPlan.on_demand(together)).total == Decimal("16.50")  # 10 + 130 × 0.05
    assert Bill.of(calls, BillingPlan.on_demand(apart)).total == Decimal("20.50")  # 8 + 10 + 50 × 0.05


# ---------------------------------------------------------------- users' schedules


@frozen
class Listed:
    """A user's schedule that lists its entries."""

    currency = "USD"
    entries: tuple

    def __iter__(self):
        return iter(self.entries)

    def match(self, meter):
        return next(entry for entry in self.entries if Meter(entry[0]).name == meter.name)


class Unlisted:
    """A user's schedule that answers only what it is asked."""

    currency = "USD"

    def match(self, meter):
        return Entry(meter.name, Flat(20, at_zero=True))


def test_the_entries_of_a_users_schedule_are_walked_if_it_lists_them():
    plan = BillingPlan.on_demand(Listed((Entry("fee", Flat(20, at_zero=True)), Entry("calls", "0.01"))))

    bill = Bill.of(Usage(calls=100), plan)

    assert [(line.meter, line.amount) for line in bill.lines] == [
        ("calls", Decimal("1.00")),
        ("fee", Decimal(20)),
    ]


def test_only_what_usage_reaches_is_billed_where_a_schedule_lists_nothing():
    plan = BillingPlan.on_demand(Unlisted())

    assert Bill.of(Usage(), plan).total == Decimal(0)
    assert Bill.of(Usage(calls=1), plan).total == Decimal(20)


def test_entries_of_a_users_schedule_are_keys_and_prices():
    with pytest.raises(InvalidSchedule, match=r"let it iterate over Entry\(key, price\)"):
        Bill.of(Usage(), BillingPlan.on_demand(Listed((1, 2))))


# ---------------------------------------------------------------- hashes

PROGRAM = """
from tokenbill import *
from tests.core.pricing.test_schedule import Own
prices = {f"gpu{{gpu={name}}}": PerUnit(rate) * "1.1" for name, rate in {"H100": "2.50", "A100": 1}.items()}
print(PriceSchedule({**prices, "a": Own("0.1", {"x", "y", "z"}), "b": Flat(1).each("y", "x")}).content_hash())
"""


@frozen
class Own(Price):
    """A user's price with fields of any kind."""

    rate: str
    names: frozenset = frozenset()

    def amount(self, quantity):
        return quantity * Decimal(self.rate)


@pytest.mark.parametrize("seed", ["1", "2", "random"])
def test_a_content_hash_is_the_same_in_every_process(seed):
    found = {hash_in_a_process(seed), hash_in_a_process("0")}

    assert len(found) == 1
    assert len(found.pop()) == 64 + 1  # SHA-256 in hex, and the end of the line


def hash_in_a_process(seed):
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_equal_schedules_have_equal_hashes_and_the_name_is_no_content():
    one, other = PriceSchedule(b="0.10", a=1, name="x"), PriceSchedule({"a": "1.00", "b": "0.1"}, name="y")

    assert one.content_hash() == other.content_hash()
    assert one != other
    assert hash(PriceSchedule(a=1)) == hash(PriceSchedule(a="1.0"))


def test_other_prices_or_another_currency_have_another_hash():
    hashes = {
        prices.content_hash()
        for prices in (
            PriceSchedule(a=1),
            PriceSchedule(a=2),
            PriceSchedule(b=1),
            PriceSchedule(a=1, currency="EUR"),
            PriceSchedule(a=Flat(1)),
            PriceSchedule(a=PerUnit(1).each("x")),
        )
    }

    assert len(hashes) == 6


def test_a_users_price_is_hashed_by_its_name_and_its_fields():
    class Plain(Price):
        def __init__(self, rate):
            self.rate = rate

        def amount(self, quantity):
            return quantity * self.rate

    assert content_hash(Plain(1)) == content_hash(Plain(Decimal("1.0")))
    assert len({content_hash(price) for price in (Plain(1), Plain(2), Own("1"), Own("1", {"x"}))}) == 4


def test_a_price_that_is_a_function_has_no_fields_to_hash():
    @frozen
    class Called(Price):
        rule: object

        def amount(self, quantity):
            return self.rule(quantity)

    with pytest.raises(InvalidPrice, match="write the price as a frozen class"):
        PriceSchedule(a=Called(lambda quantity: quantity)).content_hash()


def test_entries_of_models_tie_within_a_model_only():
    shapes = {"kind=in": 1, "tier=batch": 2}
    priced = {f"t{{model={model},{labels}}}": rate for model in "ab" for labels, rate in shapes.items()}

    with pytest.raises(InvalidSchedule):
        PriceSchedule(priced)
    both = {f"t{{model={model},kind=in,tier=batch}}": 3 for model in "ab"}
    prices = PriceSchedule({**priced, **both})
    assert prices.match(Meter("t{model=b,kind=in,tier=batch}")).price == PerUnit(3)


def test_a_schedule_prints_as_a_table():
    prices = PriceSchedule({"calls": "0.01", "gpu_hours": PerUnit("0.10")}, name="list of 2026")

    assert str(prices).splitlines() == [
        "list of 2026",
        "meter      price",
        "---------  ------------------",
        "calls      every unit at 0.01",
        "gpu_hours  every unit at 0.10",
        "in USD",
    ]
