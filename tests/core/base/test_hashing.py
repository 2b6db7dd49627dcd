import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256

import pytest

from tokenbill import Currency, PerUnit, Tier
from tokenbill.core.base.hashing import canonical_text, content_hash, fields_of
from tokenbill.errors import InvalidPrice


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
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
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
