"""A store that threads share, and the one for coroutines."""

import asyncio
import inspect
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier, Thread
from threading import Event as Signal
from time import sleep

import pytest

pytest.importorskip("sqlalchemy", reason="not run: install sqlalchemy")

from sqlalchemy import create_engine
from sqlalchemy.event import listens_for

from tokenbill import BillingPlan, Contract, Cycle, Grant, Period, PriceSchedule, Usage
from tokenbill.errors import InvalidPeriod, StoreUnavailable
from tokenbill.events import Event
from tokenbill.store import Recorded, Store
from tokenbill.store.together import MOST, Together

PLAN = BillingPlan.prepaid(PriceSchedule(calls="0.50"), overage="refuse")
OCTOBER, NOVEMBER = Period("2026-10-01", "2026-11-01"), Period("2026-11-01", "2026-12-01")


def events(count, customers=4):
    return [
        Event("gateway", f"r-{i}", "2026-10-05T10:00:00Z", f"c{i % customers}", Usage(calls=1))
        for i in range(count)
    ]


def test_eight_threads_that_deliver_each_event_twice_charge_it_once(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'billing.db'}")
    store.create()
    for i in range(4):
        store.agree(f"c{i}", PLAN)
        store.grant(f"c{i}", Grant("paid", "20.00" if i else "5.00", "USD"))

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda event: store.record([event]), events(100) * 2))

    charged = [each.id for answer in done for each in answer.charged]
    assert len(charged) == len(set(charged)) == 85  # 25 for each, and 10 of 0.50 for the first
    assert [store.balance(f"c{i}").remaining() for i in range(4)] == [0, *[Decimal("7.50")] * 3]
    assert {each.short for answer in done for each in answer.refused} == {Decimal("0.50")}
    assert store.verify().events == 85
    store.engine.dispose()


def test_workers_that_start_at_once_all_find_the_tables(tmp_path):
    stores = [Store(f"sqlite:///{tmp_path / 'billing.db'}") for _ in range(6)]
    start = Barrier(6)

    def create(store):
        start.wait(10)
        store.create()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(create, stores)) == [None] * 6
    stores[0].agree("c0", PLAN)
    assert {store.customers() for store in stores} == {("c0",)}
    for store in stores:
        store.engine.dispose()


@pytest.mark.parametrize("seed", range(2))
def test_terms_change_and_a_period_closes_while_threads_record(tmp_path, seed):
    """An amendment with a new meter, and a close, at any moment among events of both sides of each."""
    engine = create_engine(f"sqlite:///{tmp_path / 'billing.db'}")
    listens_for(engine, "connect")(lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
    store, numbers = Store(engine), random.Random(seed)
    store.create()
    monthly = {"cycle": Cycle.monthly()}
    old = BillingPlan.subscription(31, PriceSchedule(calls="0.50"), **monthly)
    new = BillingPlan.subscription(62, PriceSchedule(calls="0.25", images=2), **monthly)
    store.agree("acme", old)
    store.grant("acme", Grant("paid", 1000, "USD"))
    days, meters = ("10-05", "10-20", "10-21", "11-03"), ("calls", "calls", "images", "calls")
    given = [
        Event("queue", f"{i}", f"2026-{days[i % 4]}T00:00:00Z", "acme", Usage({meters[i % 4]: 2}))
        for i in range(80)
    ]
    numbers.shuffle(given)

    def deliver(part):
        while part:  # the new meter has no price before the amendment: it is refused, and comes again
            part = [each.event for each in store.record(part).refused]

    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(deliver, given[i : i + 5]) for i in range(0, 80, 5)]
        sleep(numbers.random() / 20)
        store.agree("acme", Contract(old).amended("2026-10-16", new))
        sleep(numbers.random() / 20)
        store.close("acme", OCTOBER)
        assert [each.result(30) for each in done] == [None] * 16

    # 15 + 32 of fees, 40 calls at 0.50, 40 at 0.25, 40 images; in November 62 and 40 calls at 0.25
    assert (store.bill("acme", OCTOBER).total, store.bill("acme", NOVEMBER).total) == (157, 72)
    assert sum(each.total for each in store.bills("acme")) == 157
    assert store.balance("acme").remaining() == 1000 - 157 - 72
    assert store.verify().events == 80
    engine.dispose()


def test_a_call_that_fails_is_no_matter_of_those_beside_it(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'none.db'}")

    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(store.record, [event]) for event in events(8)]

    assert {type(each.exception()) for each in done} == {StoreUnavailable}
    assert "create()" in str(done[0].exception())
    store.engine.dispose()


def test_what_comes_while_a_transaction_runs_is_the_next_one():
    recorded, first, gate = [], Signal(), Signal()

    def work(calls):
        recorded.append(sorted(len(each) for each in calls))
        first.set()
        assert gate.wait(10)
        return [Recorded((), (), ())] * len(calls)

    together = Together(work)
    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(together.record, events(1))]
        assert first.wait(10)
        done += [threads.submit(together.record, events(count)) for count in (2, 3, 1999)]
        while len(together.waiting) < 3:
            sleep(0.001)
        gate.set()
        assert {each.result(10) for each in done} == {Recorded((), (), ())}

    assert recorded[0] == [1]
    assert sum(map(sum, recorded)) == 1 + 2 + 3 + 1999
    assert 3 <= len(recorded) <= 4  # the last ones in one of two orders
    assert max(map(sum, recorded)) <= MOST


class Group:
    """Work that holds the first transaction until others wait, and does to the next one what a test says."""

    def __init__(self, count):
        self.count, self.calls, self.first, self.gate = count, 0, Signal(), Signal()
        self.together = Together(self.work)

    def work(self, calls):
        self.calls += 1
        if self.calls == 1:
            self.first.set()
            assert self.gate.wait(10)
        elif self.calls == 2:
            assert len(calls) == self.count
        self.fail(calls)
        return [Recorded((), (), ())] * len(calls)

    def results(self, *given):
        found = [None] * (self.count + 1)

        def record(place, events):
            try:
                found[place] = self.together.record(events)
            except BaseException as error:
                found[place] = error

        # daemons, so that a thread that waits for ever is a test that fails, and not one that never ends
        threads = [
            Thread(target=record, args=(i, each), daemon=True) for i, each in enumerate((events(1), *given))
        ]
        threads[0].start()
        assert self.first.wait(10)
        for each in threads[1:]:
            each.start()
        while len(self.together.waiting) < self.count:
            sleep(0.001)
        self.gate.set()
        for each in threads:
            each.join(5)
        assert not any(each.is_alive() for each in threads)
        assert (self.together.waiting, self.together.is_led) == ([], False)
        return found[1:]


def test_a_call_that_fails_leaves_those_beside_it_recorded():
    group = Group(3)

    def fail(calls):
        if any(len(each) == 2 for each in calls):
            raise ValueError("two")

    group.fail = fail
    found = group.results(events(1), events(2), events(3))

    assert [type(each) for each in found] == [Recorded, ValueError, Recorded]


def test_an_interrupted_thread_leaves_no_other_one_waiting():
    group = Group(3)

    def fail(calls):
        if group.calls == 2:
            raise KeyboardInterrupt

    group.fail = fail
    found = group.results(events(1), events(1), events(1))

    assert sorted(type(each).__name__ for each in found) == ["KeyboardInterrupt", "Recorded", "Recorded"]


def test_both_stores_have_the_same_calls():
    pytest.importorskip("greenlet", reason="not run: install greenlet")
    from tokenbill.store import AsyncStore

    def calls(kind):
        return {
            name: inspect.signature(each)
            for name, each in vars(kind).items()
            if callable(each) and not name.startswith("_")
        }

    assert calls(AsyncStore) == calls(Store)
    assert all(inspect.iscoroutinefunction(getattr(AsyncStore, name)) for name in calls(AsyncStore))


def test_coroutines_have_the_same_calls(tmp_path):
    pytest.importorskip("aiosqlite", reason="not run: install aiosqlite")
    pytest.importorskip("greenlet", reason="not run: install greenlet")
    from tokenbill.store import AsyncStore

    async def life():
        store = AsyncStore(f"sqlite+aiosqlite:///{tmp_path / 'billing.db'}")
        await store.create()
        plan = BillingPlan.subscription("20.00", PriceSchedule(calls="0.50"), cycle=Cycle.monthly())
        await store.agree("c0", plan)
        assert await store.grant("c0", Grant("paid", "22.00", "USD"))
        given = events(10, customers=1)
        answers = await asyncio.gather(*(store.record(given[i : i + 5]) for i in range(6)))
        so_far = await store.bill("c0", OCTOBER)
        bill = await store.close("c0", OCTOBER)
        note = await store.adjust("c0", id="n-1", at="2026-10-05", reversal={"calls": 1}, reason="a test")
        with pytest.raises(InvalidPeriod):
            await store.close("c0", Period("2026-10-02", "2026-11-01"))
        found = (
            sorted(each.id for answer in answers for each in answer.charged),
            (so_far.total, bill.total, bill.due, note.total),
            (await store.balance("c0")).left("paid"),
            (await store.status("c0", at="2026-11-02")).spent,
            [each.total for each in await store.bills("c0")],
            (await store.customers(), await store.verify()),
        )
        await store.engine.dispose()
        return found

    ids, totals, left, spent, bills, (customers, verified) = asyncio.run(life())

    assert ids == sorted(event.id for event in events(10, customers=1))
    assert totals == (25, 25, 3, Decimal("-0.50"))
    assert left == Decimal("0.50")  # what is given back of a spent grant can be spent again
    assert spent == Decimal("20.00")
    assert bills == [25, Decimal("-0.50")]
    assert (customers, verified.events) == (("c0",), 10)


def test_a_url_that_is_none_says_so():
    for url in ("nonsense", "sqlite+nothing://", ""):
        with pytest.raises(StoreUnavailable, match=r":///billing\.db"):
            Store(url)
