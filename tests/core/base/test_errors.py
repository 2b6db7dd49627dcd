import copy
import pickle
from decimal import Decimal

import pytest

from tokenbill import errors
from tokenbill.core.base.quoting import listed, quoted, tail
from tokenbill.errors import (
    AccountMismatch,
    BalanceExhausted,
    BillMismatch,
    ConflictingEvent,
    CurrencyMismatch,
    InexactAmount,
    InvalidGrant,
    InvalidName,
    InvalidNumber,
    InvalidPeriod,
    MissingExtra,
    QuotaExhausted,
    StoreUnavailable,
    TokenbillError,
    UnpricedUsage,
    UnreadableField,
    UnreadableInput,
    UnreadableRow,
)

CLASSES = [getattr(errors, name) for name in errors.__all__]

EXAMPLES = [
    TokenbillError(),
    InvalidNumber("a float is not exact", 0.1, 'write it as a string: "0.1"'),
    UnreadableRow("a quantity is missing", "", file="usage.csv", line=3, column="quantity"),
    InexactAmount("Thirds()"),
    CurrencyMismatch("USD", "EUR"),
    UnpricedUsage("gpu_hours", ["api_calls"]),
    AccountMismatch("period", "2026-01", "2026-02"),
    BillMismatch("the total", Decimal(1), Decimal(2)),
    BalanceExhausted(Decimal("0.50"), "USD"),
    QuotaExhausted("calls every 1d", Decimal(5), "units", None),
    ConflictingEvent("gateway", "r-17"),
    MissingExtra("numpy", "polars"),
    StoreUnavailable("a database that is busy", "12 attempts", "try later"),
]


def test_every_error_has_a_code_of_its_own():
    assert len({error.code for error in CLASSES}) == len(CLASSES)


@pytest.mark.parametrize(
    ("error", "nearest"),
    [
        (InvalidNumber, ValueError),
        (InvalidName, ValueError),
        (InvalidPeriod, ValueError),
        (InvalidGrant, ValueError),
        (UnreadableRow, UnreadableInput),
        (InexactAmount, ArithmeticError),
        (UnpricedUsage, LookupError),
        (AccountMismatch, ValueError),
        (BillMismatch, ValueError),
        (BalanceExhausted, ValueError),
        (ConflictingEvent, ValueError),
        (MissingExtra, ImportError),
        (StoreUnavailable, RuntimeError),
    ],
)
def test_an_error_is_caught_as_the_nearest_built_in_one(error, nearest):
    assert issubclass(error, nearest)
    assert issubclass(error, TokenbillError)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: error.code)
def test_an_error_survives_a_pickle_and_a_copy(error):
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_an_error_without_a_message_reads_as_its_code():
    assert str(TokenbillError()) == "tokenbill_error"


def test_a_message_says_what_is_wrong_the_value_and_the_way_out():
    error = InvalidNumber("a float is not exact", 0.1, 'write it as a string: "0.1"')

    assert str(error) == 'a float is not exact: 0.1; write it as a string: "0.1"'
    assert error.value == "0.1"


def test_unpriced_usage_names_a_few_of_the_meters_that_are_priced():
    error = UnpricedUsage("gpu", ["d", "a", "c", "b", "e"])

    assert str(error) == (
        "no price for meter 'gpu'; the schedule prices 'a', 'b', 'c' and 2 more; write 0 for a free meter"
    )
    assert (error.meter, error.priced) == ("gpu", ("d", "a", "c", "b", "e"))


def test_a_row_that_cannot_be_read_says_where_it_stands():
    error = UnreadableRow("a quantity is missing", "x", file="usage.csv", line=3, column="quantity")
    whole = UnreadableRow("no row", None, file="usage.csv", line=4)

    assert str(error) == "usage.csv, line 3, column 'quantity': a quantity is missing"
    assert (error.file, error.line, error.column, error.value) == ("usage.csv", 3, "quantity", "'x'")
    assert str(whole) == "usage.csv, line 4: no row"
    assert whole.column is None


def test_a_field_that_cannot_be_read_says_where_it_stands():
    error = UnreadableField("no number", "x", path="BillingPlan.minimum")

    assert str(error) == "BillingPlan.minimum: no number"
    assert (error.path, error.value, error.code) == ("BillingPlan.minimum", "'x'", "unreadable_field")


def test_a_conflicting_event_is_named():
    error = ConflictingEvent("gateway", "r-17")

    assert (error.source, error.id) == ("gateway", "r-17")
    assert str(error).startswith("event 'r-17' of 'gateway' came with other content before")


def test_of_a_long_path_the_end_is_shown():
    error = UnreadableRow("no row", None, file="/data/" + "x" * 100 + "/us\nage.csv", line=1)

    path, _, _ = str(error).partition(", line")
    assert len(path) == 80
    assert path.startswith("…x")
    assert path.endswith(r"/us\nage.csv")


def test_an_exhausted_balance_says_how_much_is_missing():
    error = BalanceExhausted(Decimal("5E-1"), "USD")

    assert "short of 0.5 USD" in str(error)
    assert (error.short, error.currency) == (Decimal("0.5"), "USD")


def test_a_mismatch_tells_both_sides_and_a_way_out():
    closed = AccountMismatch("period", "2026-01", "2026-02")
    edited = AccountMismatch("accrued amount", Decimal(1), Decimal(2), "store it as it was")

    assert str(closed).endswith("close the one period before the next begins")
    assert str(edited) == "accrued amount of the opening account: 1, of the bill: 2; store it as it was"
    assert (edited.account, edited.bill) == ("1", "2")


def test_a_bill_that_comes_out_otherwise_says_where():
    error = BillMismatch("the total", Decimal("1.00"), Decimal("2.00"))

    assert str(error).startswith("'the total' reads 1.00 but comes out as 2.00;")
    assert (error.line, error.stored, error.computed) == ("the total", "1.00", "2.00")


def test_a_missing_extra_says_what_to_install():
    assert (
        str(MissingExtra("numpy", "polars"))
        == "numpy is not installed; run: pip install polars numpy pyarrow"
    )
    assert str(MissingExtra("six", "unknown")) == "six is not installed; run: pip install six"


class Hostile:
    def __repr__(self):
        raise RuntimeError("no repr today")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("gpu", "'gpu'"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E+300"), "Decimal('1E+300')"),
        (Decimal("NaN"), "Decimal('NaN')"),
        (2**400, "an integer of 401 bits"),
        ([0] * 81, "list of 81"),
        (bytes(81), "bytes of 81"),
        ((1, 2), "(1, 2)"),
        (Hostile(), "Hostile object"),
        ("a\u202eb\x00", r"'a\u202eb\x00'"),
    ],
)
def test_an_error_shows_a_value_on_one_short_line(value, text):
    assert quoted(value) == text


def test_of_a_long_value_80_characters_are_shown():
    assert quoted("x" * 1000) == "'" + "x" * 78 + "…"
    assert quoted("x" * 78) == "'" + "x" * 78 + "'"  # 80 with its quotes
    assert tail("x" * 80) == "x" * 80
    assert tail("x" * 81) == "…" + "x" * 79


@pytest.mark.parametrize(
    ("value", "beginning"),
    [
        (Decimal("1E+79"), "1000"),
        (Decimal("1E+80"), "Decimal('1E+80')"),
        (Decimal("1E-79"), "0.000"),
        (Decimal("1E-80"), "Decimal('1E-80')"),
        (2**320 - 1, "2135"),  # 320 bits
        (2**320, "an integer of 321 bits"),
        ([0] * 80, "[0, 0, "),
        ([0] * 81, "list of 81"),
    ],
)
def test_what_is_longer_than_the_bound_is_told_in_short(value, beginning):
    assert quoted(value).startswith(beginning)


def test_nothing_is_listed_as_nothing():
    assert listed([]) == "nothing"
    assert listed(["b", "a"]) == "'a', 'b'"
    assert listed("cba") == "'a', 'b', 'c'"
    assert listed("dcba") == "'a', 'b', 'c' and 1 more"


def test_what_is_quoted_is_one_line_and_what_is_cut_says_so():
    assert [quoted(text) for text in ("a\x1bb", "x" * 78, "x" * 79)] == [
        *["'a\\x1bb'", f"'{'x' * 78}'", f"'{'x' * 78}…"]
    ]
    assert [listed(names) for names in ("abc", "abcd", "abcde")] == [
        *["'a', 'b', 'c'", "'a', 'b', 'c' and 1 more", "'a', 'b', 'c' and 2 more"]
    ]
    assert [tail(path) for path in ("a\x1bb", "y" * 80, "z" + "y" * 80)] == [
        *["a\\x1bb", "y" * 80, f"…{'y' * 79}"]
    ]
    assert quoted(2**319) == f"{repr(2**319)[:79]}…"
    assert quoted(2**320) == "an integer of 321 bits"


def test_what_a_foreign_value_says_of_itself_hides_nothing():
    class Foreign:
        def __repr__(self):
            return "a\x1bb"

    assert quoted(Foreign()) == "a\\x1bb"
