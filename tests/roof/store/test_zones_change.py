"""A store whose months were opened under other rules of their zone: what was booked stays, and goes on."""

import zoneinfo
from datetime import UTC

import pytest

pytest.importorskip("sqlalchemy", reason="not run: install sqlalchemy")

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from tests.support.zone_rules import VANCOUVER, zones_of_two_years
from tokenbill import BillingPlan, Commitment, Contract, Cycle, Period, PriceSchedule
from tokenbill.errors import InvalidPeriod, InvalidPlan
from tokenbill.events import Event
from tokenbill.store import Store

BOTH_WAYS = pytest.mark.parametrize(("before", "after"), [(2025, 2026), (2026, 2025)])
# within the hour between the ends that December, or a day, has by the rules of one year and of the other
BETWEEN, BETWEEN_DAYS = "2027-01-01T07:30:00Z", "2026-12-13T07:30:00Z"


@pytest.fixture
def rules(tmp_path):
    with zones_of_two_years(tmp_path) as under:
        yield under


MONTHS = Cycle.monthly(tz=VANCOUVER)


def at(rate, currency="USD", cycle=MONTHS):
    return BillingPlan.subscription(99, PriceSchedule({"calls": rate}, currency=currency), cycle=cycle)


def december():
    return MONTHS.containing("2026-12-16T00:00:00Z")


def january():
    return MONTHS.containing("2027-01-16T00:00:00Z")


class Service:
    """A store that is opened anew under each rules, as a service is that was started again."""

    def __init__(self):
        # one database in memory: a file of its own for each test takes longer than what is tested
        self.engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        self.count, self.stores = 0, {}
        self.store.create()

    @property
    def store(self):
        if zoneinfo.TZPATH not in self.stores:
            self.stores[zoneinfo.TZPATH] = Store(self.engine)
        return self.stores[zoneinfo.TZPATH]

    def use(self, time, calls):
        self.count += 1
        recorded = self.store.record([Event("s", str(self.count), time, "c", {"calls": calls})])
        assert not recorded.refused
        return sum(charged.total for charged in recorded.charged)


@pytest.fixture
def service():
    made = Service()
    yield made
    made.engine.dispose()


@BOTH_WAYS
@pytest.mark.parametrize(("is_closed", "is_amended"), [(False, True), (True, True), (True, False)])
def test_what_was_booked_is_sound_under_other_rules(rules, service, before, after, is_closed, is_amended):
    with rules(before):
        terms = at(1)
        service.store.agree("c", Contract(terms).amended("2026-12-13", at(2)) if is_amended else terms)
        service.use("2026-12-05T12:00:00Z", 20)
        service.use("2026-12-20T12:00:00Z", 40)
        service.use("2026-11-20T12:00:00Z", 1)
        if is_closed:
            service.store.close("c", december())
    with rules(after):
        service.store.verify()
        assert service.use("2026-12-06T12:00:00Z", 1) == 1
        assert service.use("2026-12-21T12:00:00Z", 1) == 1 + is_amended
        service.store.verify()
        # 99 + 20 + 40 + 1 + 1, and 40 + 1 more where they cost twice as much from the 13th on
        assert service.store.bill("c", december()).total == 161 + 41 * is_amended
        final = service.store.close("c", december())  # of a closed month as it was kept then
        assert final.total == (159 + 40 * is_amended if is_closed else 161 + 41 * is_amended)
        service.store.verify()
    with rules(before):
        service.store.verify()


@BOTH_WAYS
@pytest.mark.parametrize(("restate", "is_amended"), [(False, True), (True, False)])
def test_terms_of_an_open_month_change_under_other_rules(rules, service, before, after, restate, is_amended):
    with rules(before):
        terms = Contract(at(1)).amended("2026-12-13", at(2)) if is_amended else Contract(at(1))
        service.store.agree("c", terms)
        service.use("2026-12-05T12:00:00Z", 20)
        service.use("2026-12-13T12:00:00Z" if is_amended else BETWEEN_DAYS, 40)
    with rules(after):
        total = service.store.account("c").accrued
        service.store.agree("c", terms.amended("2026-12-28", at(3)), restate=restate)
        assert service.store.account("c").accrued == total
        assert service.use("2026-12-29T12:00:00Z", 1) == 3
        service.store.verify()
        with pytest.raises(InvalidPlan, match="another cycle"):
            service.store.agree("c", at(1, cycle=Cycle.weekly(tz=VANCOUVER)))


@BOTH_WAYS
@pytest.mark.parametrize(("is_closed", "last_opens"), [(False, False), (True, True)])
def test_the_hour_between_two_ends_is_of_one_month(rules, service, before, after, is_closed, last_opens):
    with rules(before):
        service.store.agree("c", at(1))
        assert service.use("2026-12-05T12:00:00Z", 20) == 119
        # by the rules of 2026 it is January by then, of which the fee is due
        assert service.use(BETWEEN, 5) == (5 if before == 2025 else 104)
        if last_opens:
            assert service.use("2027-01-05T12:00:00Z", 1) == (100 if before == 2025 else 1)
        if is_closed:
            service.store.close("c", december())
    with rules(after):
        service.store.verify()
        assert service.use(BETWEEN, 3) == 3
        assert service.use("2027-01-06T12:00:00Z", 1) == (1 if last_opens or before == 2026 else 100)
        service.store.agree("c", Contract(at(1)).amended("2027-03-01", at(7)), restate=True)
        service.store.verify()
        # 99 for December, 99 for January, 20 + 5 + 3 + 1 calls and perhaps one more
        bills = [service.store.bill("c", period) for period in (december(), january())]
        assert sum(bill.total for bill in bills) == 227 + last_opens
    with rules(before):
        service.store.verify()


@BOTH_WAYS
@pytest.mark.parametrize("is_closed", [False, True])
def test_what_was_booked_in_the_hour_that_an_amendment_moved_over(rules, service, before, after, is_closed):
    with rules(before):
        terms = Contract(at(1)).amended("2026-12-13", at(2))
        service.store.agree("c", terms)
        service.use("2026-12-05T12:00:00Z", 20)
        # it is the 12th by the rules of 2025, and the 13th by those of 2026
        booked = service.use(BETWEEN_DAYS, 10)
        assert booked == (10 if before == 2025 else 20)
        service.store.adjust("c", reversal={"calls": 1}, id="note", at=BETWEEN_DAYS)
        total = service.store.bill("c").total
        if is_closed:
            service.store.close("c")
    with rules(after):
        service.store.verify()
        assert service.store.bill("c", december()).total == total == 119 + booked * 9 // 10
        service.store.agree("c", terms.amended("2026-12-28", at(3)))
        assert service.store.bill("c", december()).total == total
        assert service.use(BETWEEN_DAYS, 1) == (2 if before == 2025 else 1)  # by the rules of today
        assert service.use("2026-12-12T12:00:00Z", 1) == 1
        service.store.verify()
        service.store.close("c", december())
        service.store.verify()
    with rules(before):
        service.store.verify()


@pytest.mark.parametrize("is_closed", [False, True])
def test_an_hour_that_no_month_has_by_either_rules_is_of_the_month_before(rules, service, is_closed):
    with rules(2026):
        service.store.agree("c", at(1))
        service.use("2026-12-05T12:00:00Z", 20)
        if is_closed:
            service.store.close("c")
    with rules(2025):
        assert service.use(BETWEEN, 5) == 5  # and no second fee
        assert service.use("2027-01-01T08:00:00Z", 1) == 100
        service.store.agree("c", Contract(at(1)).amended("2026-12-28", at(3)), restate=True)
        # 20 + 5 calls at 1.00; the five are of the last day by the rules of today
        assert service.store.bill("c", december()).total == 124 + 10 * (not is_closed)
        service.store.verify()
        service.store.close("c", at="2027-01-01")
        service.store.verify()


@BOTH_WAYS
def test_a_month_is_named_by_either_rules_and_closed_by_its_last_day(rules, service, before, after):
    with rules(before):
        service.store.agree("c", at(1))
        service.use("2026-12-05T12:00:00Z", 20)
        [written] = service.store.periods("c")
    with rules(after):
        instants = Period(*(end.astimezone(UTC) for end in (written.start, written.end)))
        names = [written, december(), Period("2026-12-01", "2027-01-01"), instants]
        assert [str(service.store.bill("c", name).total) for name in names] == ["119.00"] * 4
        for name in (Period("2026-12-02", "2027-01-01"), Period("2026-12-01", "2026-12-31")):
            with pytest.raises(InvalidPeriod, match="not a period of the customer"):
                service.store.bill("c", name)
        assert service.store.close("c", at="2027-01-01").total == 119


@BOTH_WAYS
def test_terms_of_the_next_month_begin_where_the_open_one_ends(rules, service, before, after):
    with rules(before):
        service.store.agree("c", at(1))
        service.use("2026-12-05T12:00:00Z", 20)
    with rules(after):
        # on the first of a month everything may change, its currency too
        service.store.agree("c", Contract(at(1)).amended("2027-01-01", at(2, "EUR")))
        assert service.use("2026-12-20T12:00:00Z", 1) == 1
        assert service.store.close("c", december()).total == 120
        assert service.use("2027-01-20T12:00:00Z", 1) == 101
        service.store.verify()


@BOTH_WAYS
def test_what_was_met_of_a_commitment_counts_under_other_rules(rules, service, before, after):
    term = Commitment(1200, cycle=Cycle.quarterly("2026-12-01", tz=VANCOUVER), overage=2)
    plan = BillingPlan.on_demand(PriceSchedule(calls=1), cycle=MONTHS, commitment=term)
    with rules(before):
        service.store.agree("c", plan)
        service.use("2026-12-05T12:00:00Z", 900)
        service.use("2027-01-05T12:00:00Z", 100)
        service.store.close("c", december())
        service.use("2027-01-06T12:00:00Z", 1)
    with rules(after):
        service.store.verify()
        service.use("2026-12-06T12:00:00Z", 49)  # late: of December by either rules
        service.store.close("c", january())
        # 949 + 101 of 1,200 are met, so that 150 of 300 are beyond, at twice the price
        assert service.use("2027-02-05T12:00:00Z", 300) == 450
        service.store.verify()


@BOTH_WAYS
@pytest.mark.parametrize("end", ["2026-12-13", "2026-12-13T08:00:00Z", "2027-01-01"])
def test_a_contract_that_ended_and_the_one_that_followed(rules, service, before, after, end):
    with rules(before):
        service.store.agree("c", Contract(at(1)).ended(end))
        service.store.agree("c", at(2))
        service.use("2026-12-05T12:00:00Z", 20)
        service.use("2027-01-02T12:00:00Z", 1)
        if end != "2027-01-01":
            service.use("2026-12-20T12:00:00Z", 1)
        totals = [service.store.account("c", period).accrued for period in service.store.periods("c")]
    with rules(after):
        service.store.verify()
        assert [service.store.account("c", period).accrued for period in service.store.periods("c")] == totals
        assert service.use("2026-12-06T12:00:00Z", 1) == 1
        assert service.use("2026-12-12T12:00:00Z", 1) == 1
        if end != "2027-01-01":
            assert service.use("2026-12-13T07:30:00Z", 1) in (1, 2)  # the hour between the two
            assert service.use("2026-12-21T12:00:00Z", 1) == 2
        service.store.verify()
        for period in service.store.periods("c"):
            service.store.close("c", period)
        service.store.verify()
