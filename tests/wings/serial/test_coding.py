"""Fields of documents: each kind is written in one form, read in what people write, and refused in words."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction

import pytest

from tokenbill import Meter
from tokenbill.errors import InvalidNumber, UnreadableInput
from tokenbill.serial.coding import (
    DIGITS,
    SAFE,
    Choice,
    Either,
    Instant,
    Line,
    Listed,
    Misfit,
    Number,
    Optional,
    Pairs,
    Text,
    Truth,
    Whole,
    inside,
    tried,
)

PAIRS = Pairs(Text(Meter), Number())

WRITTEN = [
    (Truth(), True, True),
    (Line(), "", ""),
    (Line(), "Grundgebühr × 2", "Grundgebühr × 2"),
    (Choice(("up", "down")), "down", "down"),
    (Text(Meter), Meter("a{c=1,b=2}"), "a{b=2,c=1}"),
    (Whole(), 0, 0),
    (Whole(), 1 - SAFE, 1 - SAFE),
    (Whole(), SAFE, "9007199254740992"),
    (Whole(), -SAFE, "-9007199254740992"),
    (Number(), Decimal("0.10"), "0.10"),
    (Number(), Decimal("1E+5"), "100000"),
    (Number(), Decimal("1E-5"), "0.00001"),
    (Number(), Decimal("-0.00"), "-0.00"),
    (Number(), 10**40, "1" + "0" * 40),
    (Number(ratio=True), Fraction(1, 3), "1/3"),
    (Number(ratio=True), Fraction(-4, 2), "-2"),
    (Number(ratio=True), Decimal("0.50"), "0.50"),
    (Instant(), date(2026, 1, 31), "2026-01-31"),
    (Instant(), datetime(2026, 1, 31, 9, 30), "2026-01-31T09:30:00"),
    (Instant(), datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "2026-01-31T09:30:00Z"),
    (Listed(Number()), (Decimal(1), Decimal("2.0")), ["1", "2.0"]),
    (Listed(Number()), (), []),
    (PAIRS, ((Meter("a"), Decimal(1)), (Meter("b"), Decimal(2))), {"a": "1", "b": "2"}),
    (Either(Line()), 5, 5),
    (Either(Line()), "five", "five"),
    (Optional(Whole()), None, None),
    (Optional(Whole()), 5, 5),
]


@pytest.mark.parametrize(("codec", "value", "written"), WRITTEN)
def test_a_field_is_written_in_one_form_and_read_again(codec, value, written):
    assert codec.encode(value) == written
    assert codec.decode(written) == value
    assert codec.encode(codec.decode(written)) == written


TAKEN = [
    (Whole(), "5", 5),
    (Whole(), "-" + "9" * DIGITS, -(10**DIGITS - 1)),
    (Number(), 5, Decimal(5)),
    (Number(), Decimal("1E+5"), Decimal(100_000)),
    (Number(), "007", Decimal(7)),
    (Number(), "9" * DIGITS + "." + "9" * DIGITS, Decimal("9" * DIGITS + "." + "9" * DIGITS)),
    (Number(ratio=True), "2/4", Fraction(1, 2)),
    (Number(ratio=True), "1/" + "9" * DIGITS, Fraction(1, 10**DIGITS - 1)),
    (Instant(), date(2026, 1, 31), date(2026, 1, 31)),
    (Listed(Number()), "5", (Decimal(5),)),
    (PAIRS, {"b": 2, "a": 1}, ((Meter("a"), Decimal(1)), (Meter("b"), Decimal(2)))),
    (Text(Meter), 'a{b="c"}', Meter("a{b=c}")),
]


def test_what_people_write_is_taken():
    for codec, given, value in TAKEN:
        assert codec.decode(given) == value


class Named(str):
    pass


REFUSED = [
    (Truth(), 1, "neither true nor false: 1"),
    (Truth(), "true", "neither true nor false: 'true'"),
    (Line(), 5, "no text: 5"),
    (Line(), Named("1" * 70), "no text: '111"),
    (Line(), "a\nb", r"text with control characters: 'a\nb'"),
    (Line(), "\ud800", r"text with control characters: '\ud800'"),
    (Choice(("up", "down")), "Up", "no such choice: 'Up'; choose one of up, down"),
    (Choice(("up", "down")), ["up"], "no such choice: ['up']"),
    (Text(Meter), 5, "no text: 5"),
    (Text(Meter), "a{", "a meter whose labels do not end in }: 'a{'"),
    (Whole(), True, "no whole number: True"),
    (Whole(), "5.0", "no whole number: '5.0'"),
    (Whole(), Decimal("5"), "no whole number: 5"),
    (Whole(), "9" * (DIGITS + 1), "no whole number: '999"),
    (Number(), True, "no number: True"),
    (Number(), 0.5, "no number: 0.5"),
    (Number(), Decimal("NaN"), "no number: Decimal('NaN')"),
    (Number(), Decimal("-Infinity"), "no number: Decimal('-Infinity')"),
    (Number(), "1e5", "no number: '1e5'"),
    (Number(), "１", "no number: '１'"),
    (Number(), "1\n", r"no number: '1\n'"),
    (Number(), "1/3", "no number: '1/3'"),
    (Number(), "9" * (DIGITS + 1), "no number: '999"),
    (Number(), 1 << DIGITS, f"no number: an integer of {DIGITS + 1} bits"),
    (Number(), None, "no number: None"),
    (Number(ratio=True), "1/0", "no number: '1/0'"),
    (Number(ratio=True), "1/03", "no number: '1/03'"),
    (Number(ratio=True), "1/" + "9" * (DIGITS + 1), "no number: '1/999"),
    (Instant(), 5, "no date or time: 5"),
    (Instant(), time(7, 32), "no date or time: datetime.time(7, 32)"),
    (Instant(), "2026-02-30", "a date or time that no calendar has: '2026-02-30'"),
    (Listed(Number()), {"a": 1}, "no number: {'a': 1}"),
    (PAIRS, ["a", "b"], "no table of names and values: ['a', 'b']"),
    (PAIRS, {"1": 1}, "not a meter name: '1'"),
    (Either(Line()), True, "no text: True"),
    (Optional(Whole()), "", "no whole number: ''"),
]


def test_what_does_not_fit_is_refused_with_a_way_out():
    for codec, given, problem in REFUSED:
        with pytest.raises(Misfit) as found:
            codec.decode(given)
        assert str(found.value).startswith(problem)
        assert "; " in str(found.value)


UNWRITABLE = [
    (Truth(), 1),
    (Line(), 5),
    (Line(), "a\nb"),
    (Whole(), True),
    (Whole(), Decimal(5)),
    (Whole(), 10**DIGITS * 10**DIGITS),
    (Number(), 0.5),
    (Number(), True),
    (Number(), "0.5"),
    (Number(), Decimal("NaN")),
    (Number(), Decimal("Infinity")),
    (Number(), Decimal(f"1E+{DIGITS}")),
    (Number(), Decimal(f"1E-{DIGITS + 1}")),
    (Number(), Fraction(1, 3)),
    (Number(ratio=True), Fraction(1, 7**DIGITS * 7**DIGITS)),
    (PAIRS, ((Meter("b"), 1), (Meter("a"), 1))),
    (PAIRS, ((Meter("a"), 1), (Meter("a"), 1))),
]


def test_what_would_not_be_read_again_is_not_written():
    for codec, value in UNWRITABLE:
        with pytest.raises(UnreadableInput, match="no document can hold"):
            codec.encode(value)


def test_the_longest_numbers_that_are_written_are_read():
    for number in (Decimal(f"1E+{DIGITS - 1}"), Decimal(f"1E-{DIGITS}"), Decimal(f"-9E-{DIGITS}")):
        assert Number().decode(Number().encode(number)) == number


def test_a_misfit_knows_the_way_to_it():
    deep = Pairs(Line(), Listed(Number()))

    with pytest.raises(Misfit) as found:
        inside(".prices", deep, {"a": ["1", "x"]})

    error = found.value.at("Plan")
    assert (error.path, error.value) == ("Plan.prices.a[1]", "'x'")
    assert str(error).startswith("Plan.prices.a[1]: no number: 'x'")


def test_a_path_and_a_problem_are_told_in_a_few_words():
    misfit = Misfit("x" * 10_000, "y" * 10_000)
    misfit.steps += ["." + "z" * 10_000, "[5]"]

    error = misfit.at("Plan")

    assert len(str(error)) < 500
    assert error.path == "Plan[5]." + "z" * 79


def failing(error):
    raise error


def test_what_a_class_refuses_keeps_its_words_and_any_other_failure_is_named():
    with pytest.raises(Misfit, match=r"^a price: 5; give more$"):
        tried(lambda: failing(InvalidNumber("a price", 5, "give more")), 5)
    with pytest.raises(Misfit, match=r"^KeyError\('rate'\)$"):
        tried(lambda: failing(KeyError("rate")), 5)
    with pytest.raises(Misfit, match=r"^inner$"):
        tried(lambda: failing(Misfit("inner", 5)), 5)
