import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import count

import pytest

from tokenbill import Currency, PerUnit, Tier
from tokenbill.core.base.hashing import canonical_text, content_hash, fields_of, listed_of, name, pairs_of
from tokenbill.errors import InvalidName, InvalidNumber, InvalidPrice


class Slotted:
    __slots__ = ("rate", "unset")

    def __init__(self, rate):
        self.rate = rate


class Open(Slotted):
    def __init__(self, rate, note):
        super().__init__(rate)
        self.note = note


class Single:
    __slots__ = "rate"  # noqa: PLC0205 as users write it

    def __init__(self, rate):
        self.rate = rate


class Hidden:
    __slots__ = ("__rate",)

    def __init__(self, rate):
        self.__rate = rate


class Loud(str):
    __slots__ = ()

    def __str__(self):
        return "loud"


def failing():
    yield "a", 1
    raise InvalidNumber("a float is not exact", 0.1, "write it as a string")


@pytest.mark.parametrize("text", ["a", "x" * 255, "Größe ÷ 2", "計算", "👩\u200d👩\u200d👧", "a b"])
def test_a_name_is_text_that_can_be_read(text):
    assert name(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x" * 256,
        "a\nb",
        "\x7f",
        "\x85",
        "\ud800",
        "a\u202eb",
        "\ufeffa",
        "a\u2028b",
        None,
        5,
        b"a",
        ["a"],
    ],
)
def test_what_is_empty_long_or_hides_other_text_is_no_name(value):
    with pytest.raises(InvalidName):
        name(value)


def test_a_name_may_be_empty_where_nothing_needs_it():
    assert name("", empty=True) == ""
    with pytest.raises(InvalidName):
        name(None, empty=True)


def test_a_name_that_is_refused_is_called_what_it_is():
    with pytest.raises(InvalidName, match="grant id is no text"):
        name(5, what="grant id")


def test_a_name_is_plain_text_of_whatever_class_it_was():
    found = name(Loud("quiet"))

    assert (type(found), found) == (str, "quiet")


def test_pairs_are_the_items_of_a_mapping_or_what_an_iterable_holds():
    assert pairs_of({"a": 1}) == [("a", 1)]
    assert pairs_of(iter([("a", 1), ["a", 2]])) == [("a", 1), ("a", 2)]


@pytest.mark.parametrize("value", [None, 5, [1], [("a", 1, 2)], ["abc"]])
def test_what_holds_no_pairs_has_none(value):
    assert pairs_of(value) is None


def test_a_list_is_what_an_iterable_holds():
    assert listed_of(iter([1, 2])) == (1, 2)
    assert listed_of(()) == ()


@pytest.mark.parametrize("value", [None, 5, "ab", b"ab", {"a": 1}], ids=repr)
def test_what_is_no_list_has_none(value):
    assert listed_of(value) is None


def test_an_endless_list_is_read_no_further_than_one_beyond_the_most():
    assert listed_of(count(), most=3) == (0, 1, 2, 3)


@pytest.mark.parametrize("read", [pairs_of, listed_of])
def test_an_error_of_ours_within_an_iterable_is_told_as_it_is(read):
    with pytest.raises(InvalidNumber):
        read(failing())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, '"1"'),
        (Decimal("1.500"), '"1.5"'),
        (Decimal("100"), '"100"'),
        (Decimal("0.00"), '"0"'),
        (Decimal("1E+3"), '"1000"'),
        (Fraction(1, 3), '"1/3"'),
        ('a"b', r'"a\"b"'),
        ("ü", r'"\u00fc"'),
        (date(2026, 2, 1), '"2026-02-01"'),
        (datetime(2026, 2, 1, 12, tzinfo=UTC), '"2026-02-01T12:00:00+00:00"'),
        ([1, (None, "a")], '["1",[null,"a"]]'),
        ({"b": 1, "a": 2}, '{"a":"2","b":"1"}'),
        ({2: "b", None: "a"}, '{"2":"b",null:"a"}'),
        ({"b", "a"}, '["a","b"]'),
        (frozenset([2, 1]), '["1","2"]'),
        (Currency("USD"), '{"class":"Currency","code":"USD","places":"2"}'),
        (Slotted(1), '{"class":"tests.core.base.test_hashing.Slotted","rate":"1"}'),
        (Open(1, "n"), '{"class":"tests.core.base.test_hashing.Open","note":"n","rate":"1"}'),
    ],
    ids=str,
)
def test_a_value_has_one_text(value, text):
    assert canonical_text(value) == text


def test_equal_content_has_one_hash_however_it_was_spelled():
    assert content_hash(PerUnit("0.10", per=3600)) == content_hash(PerUnit(Decimal("0.1"), "3600.0"))
    assert content_hash(PerUnit("0.10")) != content_hash(PerUnit("0.11"))
    assert content_hash(1) == sha256(b'"1"').hexdigest()


@pytest.mark.parametrize("kind", [Slotted, Single, Hidden, timedelta])
def test_no_content_of_a_users_object_is_overlooked(kind):
    assert content_hash(kind(1)) == content_hash(kind(1))
    assert content_hash(kind(1)) != content_hash(kind(2))


def test_what_a_value_worked_out_is_no_content():
    assert fields_of(Tier(None, "0.10"))[:2] == [("up_to", None), ("rate", Decimal("0.10"))]
    assert "made" not in dict(fields_of(Currency("USD")))


@pytest.mark.parametrize(
    "value", [len, lambda quantity: quantity, PerUnit], ids=["built-in", "function", "class"]
)
def test_a_function_has_no_content(value):
    with pytest.raises(InvalidPrice):
        fields_of(value)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_a_hash_is_the_same_in_every_process(seed):
    program = "from tokenbill.core.base.hashing import content_hash; print(content_hash({'b', 'a', 'ü'}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed},
    )

    assert done.stdout.strip() == content_hash({"b", "a", "ü"})


class Sulky(str):
    """A text that refuses to be asked."""

    def __len__(self):
        raise RuntimeError

    __bool__ = __iter__ = __len__


def test_of_a_text_of_another_class_only_the_characters_are_read():
    assert type(name(Sulky("acme"))) is str
    with pytest.raises(InvalidName):
        name(Sulky(""))
