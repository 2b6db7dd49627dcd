"""Classes as tables of their fields: what annotations mean, and what the reader is told of a class."""

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal, Union

import pytest
from attrs import frozen

from tokenbill import Meter, Price, Tier
from tokenbill.core.pricing.price import Each
from tokenbill.errors import UnreadableInput
from tokenbill.serial.coding import Misfit
from tokenbill.serial.records import REGISTRY, Named, Record, Registry, codec_of, members_of
from tokenbill.serial.stored import KINDS

FIELDS = [
    (str, "a", "a"),
    (int, 5, 5),
    (bool, True, True),
    (Decimal, Decimal("0.10"), "0.10"),
    (Fraction, Fraction(1, 3), "1/3"),
    (Decimal | Fraction, Decimal("0.10"), "0.10"),
    (Union[Fraction, Decimal], Fraction(1, 3), "1/3"),  # noqa: UP007
    (date, date(2026, 1, 31), "2026-01-31"),
    (datetime, datetime(2026, 1, 31), "2026-01-31T00:00:00"),
    (datetime | int, 31, 31),
    (int | Tier, Tier(None), {}),
    (Literal["a", "b"], "b", "b"),
    (Meter, Meter("a"), "a"),
    (tuple[str, ...], ("a",), ["a"]),
    (tuple[tuple[Decimal, ...], ...], ((Decimal(1),),), [["1"]]),
    (tuple[tuple[str, int], ...], (("a", 1),), {"a": 1}),
    (tuple[tuple[Meter, tuple[int, ...]], ...], ((Meter("a"), (1,)),), {"a": [1]}),
    (Tier, Tier(5), {"up_to": "5"}),
]


@pytest.mark.parametrize(("annotation", "value", "written"), FIELDS)
def test_an_annotation_says_how_a_field_is_written_and_read(annotation, value, written):
    codec = codec_of(annotation)

    assert codec.encode(value) == written
    assert codec.decode(written) == value


NO_FIELDS = [
    *[
        None,
        object,
        float,
        complex,
        bytes,
        list[int],
        dict[str, int],
        set[str],
        tuple,
        tuple[int, int],
        tuple[int],
    ],
    *[
        int | str | date,
        str | date,
        Literal[1, 2],
        Literal["a", 1],
        Registry,
        Price | None,
        "str",
    ],
    *[tuple[int | None, ...], tuple[tuple[date, int], ...], type, Ellipsis],
]


@pytest.mark.parametrize("annotation", NO_FIELDS, ids=str)
def test_an_annotation_of_another_kind_is_refused(annotation):
    with pytest.raises(UnreadableInput, match=r"no document can hold.*annotate it as Decimal"):
        codec_of(annotation)


def test_the_fields_of_a_class_are_known_by_the_names_of_its_arguments():
    @frozen
    class Hidden:
        _rate: int
        most: Decimal | None
        least: Decimal | None = None

    members = members_of(Hidden)

    assert list(members) == ["rate", "most", "least"]
    assert [it.is_required for it in members.values()] == [True, False, False]
    assert Record(Hidden).encode(Hidden(1, None)) == {"rate": 1}
    assert Record(Hidden).decode({"rate": 1}) == Hidden(1, None)


def test_a_table_of_another_type_is_refused():
    tier = REGISTRY.records["Tier"]

    assert tier.decode({"type": "Tier", "version": 1, "$schema": "x"}) == Tier(None)
    for given in ({"type": "Fee"}, {"type": None}, {"type": ["Tier"]}, {"version": "1"}, {"version": True}):
        with pytest.raises(Misfit, match=r"another type|unknown version"):
            tier.decode(given)
    for given in (5, "Tier", [], None):
        with pytest.raises(Misfit, match="no Tier"):
            tier.decode(given)


def test_of_classes_that_fit_the_type_says_which():
    price = next(kind for kind in KINDS if kind.name == "AnyPrice")
    entry = next(kind for kind in KINDS if kind.name == "AnyEntry")
    each = {"type": "Each", "price": "0.10", "labels": ["region"]}

    assert isinstance(entry.decode(each), Each)
    with pytest.raises(Misfit, match="unknown type: 'Each'"):
        price.decode(each)
    with pytest.raises(Misfit, match="no 'type'; give one of"):
        price.decode({"rate": 1})
    with pytest.raises(Misfit, match="no table: 5; give one with a type"):
        Named("AnyDocument", lambda _: True).decode(5)


def test_a_registry_refuses_a_name_that_is_taken_and_stays_as_it_was():
    registry = Registry()
    registry.add(Record(Tier))

    with pytest.raises(UnreadableInput, match="a name that another class has: 'Tier'"):
        registry.add(Record(Meter, name="Tier"))

    assert registry.records.keys() == {"Tier"}
    assert registry.classes.keys() == {Tier}
