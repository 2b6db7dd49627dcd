import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import PriceBook, PriceSchedule
from tokenbill.core.periods.period import Period
from tokenbill.core.pricing.price_book import PriceVersion
from tokenbill.errors import InvalidPeriod, InvalidSchedule

OLD, NEW, LAST = PriceSchedule(a=1), PriceSchedule(a=2), PriceSchedule(a=3)
BOOK = PriceBook([("2026-07-01", NEW), ("2026-01-01", OLD), (date(2027, 1, 1), LAST)])
HOURS = PriceBook([("2026-01-01T00:00:00Z", OLD), ("2026-07-01T00:00:00+02:00", NEW)])
BERLIN = "2026-06-30T23:59:59+02:00[Europe/Berlin]"


@pytest.mark.parametrize(
    ("day", "schedule"),
    [
        ("2026-01-01", OLD),
        (date(2026, 6, 30), OLD),
        ("2026-07-01", NEW),
        ("2026-12-31", NEW),
        ("2027-01-01", LAST),
        ("2099-01-01", LAST),
    ],
    ids=str,
)
def test_a_schedule_holds_from_its_start_until_the_next_one_starts(day, schedule):
    assert BOOK.on(day) is schedule


def test_instants_are_compared_as_instants():
    assert HOURS.on("2026-06-30T21:59:59Z") is OLD
    assert HOURS.on("2026-06-30T22:00:00Z") is NEW
    assert HOURS.on(BERLIN) is OLD
    assert HOURS.on(datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2)))) is NEW


@pytest.mark.parametrize(("book", "early"), [(BOOK, "2025-12-31"), (HOURS, "2025-12-31T23:59:59Z")], ids=str)
def test_before_the_first_start_there_is_no_price(book, early):
    with pytest.raises(InvalidPeriod, match="add a schedule, or ask from 2026-01-01"):
        book.on(early)


def test_a_book_of_dates_is_asked_for_dates_and_one_of_instants_for_instants():
    with pytest.raises(InvalidPeriod, match="do not mix"):
        BOOK.on(datetime(2026, 2, 1, tzinfo=UTC))
    with pytest.raises(InvalidPeriod, match="do not mix"):
        HOURS.on("2026-02-01")
    with pytest.raises(InvalidPeriod, match="do not mix"):
        PriceBook([("2026-01-01", OLD), ("2026-07-01T00:00:00Z", NEW)])


def test_a_naive_time_is_no_start():
    with pytest.raises(InvalidPeriod, match="without a zone"):
        PriceBook([(datetime(2026, 1, 1), OLD)])


def test_a_book_is_in_order_and_equal_to_one_given_in_another():
    assert list(BOOK) == [
        PriceVersion(date(2026, 1, 1), OLD),
        PriceVersion(date(2026, 7, 1), NEW),
        PriceVersion(date(2027, 1, 1), LAST),
    ]
    assert PriceBook(reversed(BOOK.versions)) == BOOK
    assert hash(PriceBook(reversed(BOOK.versions))) == hash(BOOK)
    assert len(BOOK) == 3


def test_a_book_is_a_value():
    for made in (copy.deepcopy(BOOK), pickle.loads(pickle.dumps(BOOK)), attrs.evolve(BOOK)):
        assert made == BOOK
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        BOOK.versions = ()


def test_two_starts_of_one_instant_are_one_too_many():
    with pytest.raises(InvalidSchedule, match="two schedules from"):
        PriceBook([("2026-01-01T00:00:00Z", OLD), ("2026-01-01T01:00:00+01:00", NEW)])


@pytest.mark.parametrize("versions", [5, None, [1], "book", [("2026-01-01", OLD, NEW)]], ids=str)
def test_a_book_is_pairs(versions):
    with pytest.raises(InvalidSchedule, match="not a book of schedules"):
        PriceBook(versions)


def test_a_book_has_a_schedule():
    with pytest.raises(InvalidSchedule, match="give at least one"):
        PriceBook([])


class WithoutCurrency:
    def match(self, meter):
        return OLD.match(meter)


class WithoutMatch:
    currency = "USD"


@pytest.mark.parametrize(
    "schedule", [None, {"a": 1}, PriceSchedule, WithoutCurrency(), WithoutMatch()], ids=type
)
def test_a_schedule_is_anything_with_match_and_currency(schedule):
    with pytest.raises(InvalidSchedule, match="not a schedule of prices"):
        PriceBook([("2026-01-01", schedule)])


def test_a_users_schedule_may_stand_in_a_book():
    class Own:
        currency = "USD"

        def match(self, meter):
            return OLD.match(meter)

    own = Own()

    assert PriceBook([("2026-01-01", own)]).on("2026-01-01") is own


def test_a_change_of_price_cuts_a_period_in_two():
    parts = BOOK.parts(Period("2026-06-16", "2026-07-16"))

    assert [(str(part), schedule) for part, schedule in parts] == [
        ("2026-06-16/2026-07-01", OLD),
        ("2026-07-01/2026-07-16", NEW),
    ]


def test_a_change_at_an_end_of_a_period_cuts_nothing():
    assert BOOK.parts(Period("2026-06-01", "2026-07-01")) == ((Period("2026-06-01", "2026-07-01"), OLD),)
    assert BOOK.parts(Period("2026-07-01", "2026-07-01")) == ((Period("2026-07-01", "2026-07-01"), NEW),)
    with pytest.raises(InvalidPeriod):
        BOOK.parts(Period("2025-12-31", "2026-02-01"))
    with pytest.raises(InvalidPeriod, match="not a period"):
        BOOK.parts("2026-01-01/2026-02-01")


def test_parts_of_a_period_are_in_its_zone():
    month = Period(
        "2026-06-15T00:00:00-04:00[America/New_York]", "2026-07-15T00:00:00-04:00[America/New_York]"
    )

    (early, _), (late, _) = HOURS.parts(month)

    assert str(early.end) == "2026-06-30 18:00:00-04:00"  # midnight at +02:00
    assert (early.end, late.end) == (late.start, month.end)


dates = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(st.lists(dates, min_size=1, max_size=5, unique=True), dates, st.integers(0, 2000))
def test_the_parts_of_a_period_tile_it_and_each_has_the_price_of_its_days(starts, first, days):
    book = PriceBook([(start, PriceSchedule(a=i)) for i, start in enumerate(starts)])
    whole = Period(max(first, min(starts)), max(first, min(starts)) + timedelta(days=days))

    parts = book.parts(whole)

    assert [whole.start, *(part.end for part, _ in parts)] == [*(part.start for part, _ in parts), whole.end]
    assert all(book.on(part.start) is schedule for part, schedule in parts)
    assert all(book.on(part.end - timedelta(days=1)) is schedule for part, schedule in parts if part.days)


def test_a_schedule_may_be_made_when_it_is_first_asked_for():
    made = []

    def make():
        made.append(1)
        return PriceSchedule(a=1)

    book = PriceBook([("2026-01-01", make), ("2026-07-01", PriceSchedule(a=2))])
    assert made == []
    assert book.on("2026-02-01") == book.on("2026-03-01") == PriceSchedule(a=1)
    assert made == [1]
    assert PriceBook(book) == book == pickle.loads(pickle.dumps(book))
    assert "schedule=PriceSchedule(" in repr(book)
    assert hash(book) == hash(
        PriceBook([("2026-01-01", PriceSchedule(a=1)), ("2026-07-01", PriceSchedule(a=2))])
    )
    assert next(iter(book)) != "2026-01-01"


def test_the_hash_of_a_book_is_of_starts_and_prices():
    class Own:
        currency = "USD"

        def match(self, meter):
            return OLD.match(meter)

    hashes = {
        PriceBook([("2026-01-01", OLD), (start, NEW)]).content_hash()
        for start in ("2026-07-01", "2026-08-01")
    }

    assert len(hashes) == 2
    assert BOOK.content_hash() == PriceBook(reversed([*BOOK])).content_hash()
    assert PriceBook([("2026-01-01", Own())]).content_hash() is None


# --- mark-ups --------------------------------------------------------------------------------------------


def test_a_book_is_marked_up_in_each_of_its_schedules():
    book = PriceBook([("2026-01-01", PriceSchedule(a=1)), ("2026-07-01", PriceSchedule(a=2, b=10))])
    sold = book.marked_up("20%", {"b": "15%"})
    # 1 and 2 plus 20 %, 10 plus 15 %
    priced = [(str(at), str(sold.on(at).match(meter).price(1))) for at, meter in (
        ("2026-01-01", "a"), ("2026-07-01", "a"), ("2026-07-01", "b"),
    )]  # fmt: skip
    assert [amount for _, amount in priced] == ["1.2", "2.4", "11.50"]
    assert [version.start for version in sold] == [version.start for version in book]
    assert sold.currency == book.currency


def test_a_mark_up_on_what_no_schedule_of_a_book_prices_is_refused():
    with pytest.raises(InvalidSchedule, match=r"nothing that is priced: 'c'"):
        BOOK.marked_up("20%", {"c": 0})


def test_a_schedule_whose_entries_nobody_can_list_is_not_marked_up():
    class Own:
        currency = "USD"

        def match(self, meter):
            return OLD.match(meter)

    with pytest.raises(InvalidSchedule, match="no entries to mark up"):
        PriceBook([("2026-01-01", Own())]).marked_up("20%")


def test_a_book_is_in_the_currency_of_its_first_schedule():
    euro = PriceSchedule(a=1, currency="EUR")

    assert PriceBook([("2026-01-01", euro)]).currency.code == "EUR"
    assert PriceBook([("2026-07-01", OLD), ("2026-01-01", euro)]).currency.code == "EUR"


def test_a_book_with_a_schedule_of_ones_own_has_no_hash():
    class Own:
        currency = "USD"

        def match(self, meter):
            raise NotImplementedError

    for schedules in ((OLD, Own()), (Own(), OLD), (Own(), Own())):
        assert PriceBook(zip(("2026-01-01", "2026-07-01"), schedules, strict=True)).content_hash() is None
    assert BOOK.content_hash() is not None


def test_objects_without_a_currency_make_no_book():
    class Nameless:
        def match(self, meter):
            raise NotImplementedError

    for schedules in ([Nameless()], [OLD, Nameless()], [Nameless(), OLD]):
        with pytest.raises(InvalidSchedule):
            PriceBook(zip(("2026-01-01", "2026-07-01"), schedules, strict=False))
