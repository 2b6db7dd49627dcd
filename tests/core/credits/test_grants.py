import copy
import itertools
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal

import attrs
import pytest

from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import GRANTS, Grant, grants_of, order_of
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.currencies import Currency
from tokenbill.core.periods.period import Period
from tokenbill.errors import (
    InvalidCurrency,
    InvalidGrant,
    InvalidMeter,
    InvalidName,
    InvalidNumber,
    InvalidPeriod,
)

FEBRUARY = Period("2026-02-01", "2026-03-01")


def grant(**parts):
    return Grant("g", 5, "USD", **parts)


def test_a_grant_reads_its_parts():
    read = Grant(
        "g",
        "5.00",
        "USD",
        starts="2026-02-01T00:00:00Z",
        expires=datetime(2026, 3, 1, tzinfo=UTC),
        priority="2",
        kind="promotional",
        on="gpu_hours{region=eu, gpu=H100}",
        rollover=["0", 50],
        created="2026-01-01",
    )

    assert read.amount == Decimal("5.00")
    assert read.currency == Currency("USD")
    assert (read.starts, read.created) == (datetime(2026, 2, 1, tzinfo=UTC), date(2026, 1, 1))
    assert (read.priority, type(read.priority)) == (2, int)
    assert read.on == (Meter("gpu_hours{gpu=H100,region=eu}"),)
    assert read.rollover == (Decimal(0), Decimal(50))


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"id": ""}, InvalidName),
        ({"id": 5}, InvalidName),
        ({"id": "x" * 256}, InvalidName),
        ({"id": "a\nb"}, InvalidName),
        ({"id": "\ud800"}, InvalidName),
        ({"amount": "-0.01"}, InvalidGrant),
        ({"amount": 0.5}, InvalidNumber),
        ({"amount": "NaN"}, InvalidNumber),
        ({"amount": None}, InvalidNumber),
        ({"currency": "TOKEN"}, InvalidCurrency),
        ({"currency": None}, InvalidCurrency),
        ({"starts": datetime(2026, 1, 1)}, InvalidPeriod),
        ({"expires": "soon"}, InvalidPeriod),
        ({"starts": "2026-01-01", "expires": "2026-02-01T00:00:00Z"}, InvalidPeriod),
        ({"starts": "2026-01-01", "expires": "2026-01-01"}, InvalidGrant),
        ({"starts": "2026-01-02", "expires": "2026-01-01"}, InvalidGrant),
        ({"priority": "0.5"}, InvalidGrant),
        ({"priority": True}, InvalidNumber),
        ({"kind": "gift"}, InvalidGrant),
        ({"kind": ["paid"]}, InvalidGrant),
        ({"on": ()}, InvalidMeter),
        ({"rollover": 50}, InvalidGrant),
        ({"rollover": "50"}, InvalidGrant),
        ({"rollover": (0, 50, 60)}, InvalidGrant),
        ({"rollover": (None, 50)}, InvalidNumber),
        ({"rollover": (51, 50)}, InvalidGrant),
        ({"rollover": (-1, 50)}, InvalidGrant),
        ({"rollover": (0, -1)}, InvalidGrant),
        ({"created": 5}, InvalidPeriod),
        ({"through": "2026-01-31T00:00:00Z"}, InvalidGrant),
        ({"through": "2026-01-31", "expires": "2026-02-01"}, InvalidGrant),
        ({"through": "2026-01-31", "starts": "2026-02-01"}, InvalidGrant),
    ],
)
def test_what_cannot_be_a_grant_is_refused(parts, error):
    with pytest.raises(error):
        Grant(**{"id": "g", "amount": 5, "currency": "USD", **parts})


def test_an_id_has_up_to_255_characters():
    assert len(Grant("x" * 255, 5, "USD").id) == 255


def test_a_grant_of_nothing_may_be():
    assert Grant("g", 0, "USD").amount == 0


def test_a_grant_is_usable_from_its_start_and_not_at_its_expiry():
    dated = grant(starts="2026-02-01", expires="2026-03-01")

    usable = [dated.usable_at(day) for day in ("2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01")]
    assert usable == [False, True, True, False]


def test_an_instant_is_the_same_in_every_zone():
    dated = grant(starts="2026-02-01T08:00:00+08:00[Asia/Shanghai]")

    assert dated.usable_at("2026-02-01T00:00:00Z")
    assert not dated.usable_at("2026-01-31T23:59:59Z")
    assert dated == grant(starts="2026-02-01T00:00:00Z")
    assert hash(dated) == hash(grant(starts="2026-02-01T00:00:00Z"))


def test_a_grant_without_dates_is_usable_at_any_time():
    assert not grant().dated
    assert grant().usable_at("2026-02-01")
    assert grant().usable_at("2026-02-01T00:00:00Z")
    assert grant().usable_in(FEBRUARY)
    assert grant().usable_across("2026-03-01")
    assert not grant().expired_at("2026-03-01")


def test_one_date_makes_a_grant_dated():
    assert grant(starts="2026-02-01").dated
    assert grant(expires="2026-02-01").dated


@pytest.mark.parametrize(
    ("starts", "expires", "usable"),
    [
        ("2026-02-28", None, True),
        ("2026-03-01", None, False),  # the period has ended
        (None, "2026-03-01", True),  # it lasts up to the end
        (None, "2026-02-28", False),
    ],
)
def test_a_grant_is_usable_in_a_period_that_it_sees_the_end_of(starts, expires, usable):
    assert grant(starts=starts, expires=expires).usable_in(FEBRUARY) is usable


@pytest.mark.parametrize(
    ("starts", "expires", "usable"),
    [
        ("2026-02-28", "2026-03-02", True),
        ("2026-03-01", "2026-03-02", False),
        ("2026-02-28", "2026-03-01", False),
    ],
)
def test_a_grant_is_usable_across_an_end_that_lies_inside_its_life(starts, expires, usable):
    assert grant(starts=starts, expires=expires).usable_across("2026-03-01") is usable


def test_dates_and_instants_do_not_mix():
    dated = grant(starts="2026-02-01")

    with pytest.raises(InvalidPeriod):
        dated.usable_at("2026-02-01T00:00:00Z")
    with pytest.raises(InvalidPeriod):
        dated.usable_in(Period("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"))


def test_a_period_is_a_period():
    with pytest.raises(InvalidPeriod):
        grant().usable_in("2026-02")


def test_a_grant_without_a_scope_pays_everything():
    assert grant().pays("fee")
    assert grant().pays("gpu_hours{gpu=H100}")
    assert grant().pays(None)


def test_a_grant_with_a_scope_pays_what_lies_in_it():
    scoped = grant(on=("fee", "gpu_hours{gpu=H100}"))

    assert scoped.pays("fee")
    assert scoped.pays("gpu_hours{gpu=H100,region=eu}")
    assert scoped.pays(("minimum", "fee"))
    assert not scoped.pays("gpu_hours")
    assert not scoped.pays("usage")
    assert not scoped.pays(None)


def test_every_meter_is_usage():
    assert grant(on="usage").pays("gpu_hours")
    assert not grant(on="fee").pays("gpu_hours")


@pytest.mark.parametrize(
    ("rollover", "left", "kept"),
    [
        (None, "70", "70"),
        ((0, 50), "90", "50"),  # rollover-01 of the public examples: 100 granted, 10 used
        ((0, 50), "50", "50"),
        ((0, 50), "20", "20"),
        ((30, 50), "20", "30"),
        ((30, None), "1000", "1000"),
        ((30, None), "29.99", "30"),
        ((0, 0), "0.01", "0"),
    ],
)
def test_a_rollover_keeps_what_is_left_within_its_bounds(rollover, left, kept):
    assert grant(rollover=rollover).rolled(Decimal(left)) == Decimal(kept)


def test_equal_grants_hash_equally():
    assert Grant("g", "1.0", "USD", on="fee") == Grant("g", "1.00", Currency("USD"), on=["fee"])
    assert hash(Grant("g", "1.0", "USD", on="fee")) == hash(Grant("g", "1.00", "USD", on=["fee"]))


def test_a_grant_survives_pickle_copy_and_evolve():
    original = grant(on="gpu_hours", rollover=(0, None), starts="2026-02-01T00:00:00Z")

    assert pickle.loads(pickle.dumps(original)) == original
    assert copy.deepcopy(original) == attrs.evolve(original) == original


def test_the_order_of_drawing_ends_in_the_id():
    assert order_of(["expires"]) == ("expires", "id")
    assert order_of(("expires", "id")) == ("expires", "id")
    assert order_of("larger") == ("larger", "id")
    assert order_of("id") == order_of(()) == ("id",)


@pytest.mark.parametrize(
    "keys", ["age", None, 5, ["age"], [None], [["id"]], ("id", "expires"), ("expires", "expires")]
)
def test_an_order_that_is_none_is_refused(keys):
    with pytest.raises(InvalidGrant):
        order_of(keys)


@pytest.mark.parametrize("nothing", [None, 5, "gift", {"gift": 5}, [5], [None], [grant(), grant()], grant()])
def test_what_is_no_list_of_different_grants_is_refused(nothing):
    with pytest.raises(InvalidGrant):
        grants_of(nothing)


def test_there_are_at_most_100_000_grants():
    many = [Grant(f"g{i}", 1, "USD") for i in range(GRANTS + 1)]

    assert len(grants_of(many[:-1])) == 100_000
    with pytest.raises(InvalidGrant):
        grants_of(iter(many))
    with pytest.raises(InvalidGrant):
        grants_of(itertools.repeat(grant()))


def test_grants_are_dated_alike():
    with pytest.raises(InvalidPeriod):
        grants_of(
            [Grant("a", 1, "USD", starts="2026-01-01"), Grant("b", 1, "USD", expires="2026-01-01T00:00:00Z")]
        )
    with pytest.raises(InvalidPeriod):
        grants_of(
            [Grant("a", 1, "USD", created="2026-01-01"), Grant("b", 1, "USD", created="2026-01-01T00:00:00Z")]
        )


def test_one_code_is_one_currency():
    coarse, fine = Currency("TOKEN", places=0), Currency("TOKEN", places=2)

    with pytest.raises(InvalidGrant):
        grants_of([Grant("a", 1, coarse), Grant("b", 1, fine)])


@pytest.mark.parametrize("field", ["starts", "expires"])
def test_a_grant_that_is_dated_otherwise_than_it_is_asked_is_named_with_its_field(field):
    told = rf"do not mix, {field}= of grant 'june': .*2026-06-0.*beside it is 2026-06-0"
    by_date, by_instant = (
        Grant("june", 5, "USD", **{field: at}) for at in ("2026-06-01", "2026-06-01T00:00:00Z")
    )

    for asks in (by_date.usable_at, by_date.usable_across):
        with pytest.raises(InvalidPeriod, match=told):
            asks("2026-06-05T00:00:00Z")
    with pytest.raises(InvalidPeriod, match=told):
        by_instant.usable_in(Period("2026-05-01", "2026-06-05"))


def test_as_many_grants_as_there_may_be(monkeypatch):
    monkeypatch.setattr("tokenbill.core.credits.grants.GRANTS", 2)
    grants = [Grant(id, 5, "USD") for id in "abc"]

    assert len(grants_of(grants[:2])) == 2
    with pytest.raises(InvalidGrant, match="too many grants"):
        grants_of(grants)


def test_a_share_of_a_share_rolls_over_for_ever():
    left, grant = Decimal("0.40"), Grant("g", 1, "USD", rollover="50%")
    rolled = [left := grant.rolled(left) for _ in range(60)]

    assert rolled[:3] == [Decimal("0.20"), Decimal("0.10"), Decimal("0.05")]
    # 0.4 / 2^11 = 0.0001953125; from the twelfth decimal on what is finer lapses
    assert rolled[10:13] == [Decimal("0.0001953125"), Decimal("0.00009765625"), Decimal("0.000048828125")]
    assert rolled[13] == Decimal("0.000024414062")
    assert rolled[-1] == 0

    balance = Balance([Grant("g", "0.40", "USD", rollover="50%")])
    for _ in range(60):
        balance = balance.rolled()
    assert balance.left("g") == 0


def test_a_share_that_rolls_over_is_at_most_all():
    assert Grant("g", 10, "USD", rollover="100%").rolled(Decimal(10)) == 10
    with pytest.raises(InvalidGrant, match="no share"):
        Grant("g", 10, "USD", rollover="100.5%")
