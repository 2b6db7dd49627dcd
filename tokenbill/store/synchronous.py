"""The store that threads and processes use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import partial
from time import sleep
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from tokenbill.core.billing.account import Account
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.credits.balance import Balance, Grant
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.store import operations, tables
from tokenbill.store.answers import Recorded, Verified
from tokenbill.store.engines import (
    MAKING,
    Tries,
    TryAgain,
    Work,
    isolated,
    opened,
    refused_by,
    worked,
    write_ahead,
)
from tokenbill.store.recording import readable_events, record
from tokenbill.store.replay import customers_of, verified
from tokenbill.store.sessions import Books
from tokenbill.store.together import Together
from tokenbill.watch import Status

__all__ = ["Store"]

Answer = TypeVar("Answer")


class Store:
    """Accounts, events and bills in a database; any number of threads and processes may use one.

    Args:
        engine: The URL of a database, as SQLAlchemy writes it, or an Engine of your own.

    Raises:
        StoreUnavailable: If the URL is none, or its driver is not installed.

    Source: docs/how-to/billing-service.md

    >>> from tokenbill import BillingPlan, Grant, PriceSchedule, Usage
    >>> from tokenbill.events import Event
    >>> store = Store("sqlite://")
    >>> store.create()
    >>> plan = BillingPlan.prepaid(PriceSchedule(calls="0.50"), overage="refuse")
    >>> _ = store.agree("acme", plan)
    >>> _ = store.grant("acme", Grant("june", "5.00", "USD"))
    >>> event = Event("gateway", "r-17", "2026-06-05T10:00:00Z", "acme", Usage(calls=3))
    >>> done = store.record([event, event])
    >>> [(each.id, each.total) for each in done.charged], len(done.repeated)
    ([('r-17', Decimal('1.50'))], 1)
    >>> store.balance("acme").remaining()
    Decimal('3.50')
    """

    def __init__(self, engine: str | Engine) -> None:
        if isinstance(engine, str):
            engine = opened(engine, create_engine)
        self.engine = engine
        self._engine = isolated(engine)
        self._books = Books()
        self._together = Together(lambda calls: self._run(lambda session: record(session, calls)))

    def create(self) -> None:
        """Make the tables that are missing, and upgrade older ones; what is there stays.

        On SQLite the journal becomes a write-ahead log, so that readers wait for no writer.
        """
        # The workers of a service start at once, and what one of them makes is in the way of the others.
        for pause in (*MAKING, None):
            try:
                with self.engine.connect() as connection:
                    write_ahead(connection)
                with self.engine.begin() as connection:
                    tables.create(connection)
                return
            except (TryAgain, SQLAlchemyError) as error:
                if pause is None:
                    raise refused_by(error) from error
                sleep(pause)

    def record(self, events: Iterable[Any]) -> Recorded:
        """Charge events, each once: any number, of any customers, in any order.

        Args:
            events: ``Event`` values, or CloudEvents as ``read_cloudevent`` takes them.

        Returns:
            What became of each: charged, charged before, or refused. One that is refused stops no other.

        Raises:
            InvalidUsage: If *events* are no list.
            StoreUnavailable: If the database cannot be used; nothing was charged then.
        """
        readable = readable_events(events)
        return self._together.record(readable)

    def agree(
        self, customer: str, contract: BillingPlan | Contract, *, restate: bool = False
    ) -> BillingPlan | Contract:
        """Agree on terms with a customer, or on the amended contract in place of the one before.

        A contract after the end of the one before follows it. Terms are kept as documents, by their content.

        Args:
            customer: Who it is; the subject of the events.
            contract: A plan, or a contract with all its amendments.
            restate: Whether what was charged in open periods is rated anew, and the difference charged.

        Raises:
            AccountMismatch: If what was charged would cost something else; it says both amounts.
            InvalidPlan: If it is no contract, or changes the boundaries of an open period.
            UnreadableInput: If a price of your own cannot be written: see ``serial.register``.
        """
        return self._run(lambda session: operations.agree(session, customer, contract, restate=restate))

    def grant(self, customer: str, grant: Grant) -> bool:
        """Add a grant to a customer's balance, once for each id; False where it was added before.

        It may come before the terms: no name of a customer is checked, and a grant waits for them.

        Raises:
            CurrencyMismatch: If it is in a currency that the customer's terms do not know.
            InvalidGrant: If another grant of the customer has its id.
        """
        return self._run(lambda session: operations.grant(session, customer, grant))

    def close(self, customer: str, period: Period | None = None, *, at: date | str | None = None) -> Bill:
        """End a period, and keep its final bill; closing it again gives the same bill.

        Args:
            customer: Whose period it is.
            period: Which one; may be left out where one is open.
            at: When the endless period of a plan without a cycle ends.

        Raises:
            InvalidPeriod: If there is no such period, or an endless one is closed without *at*.
        """
        return self._run(lambda session: operations.close(session, customer, period, at))

    def adjust(
        self,
        customer: str,
        usage: Any = NO_USAGE,
        *,
        id: str,
        at: date | str,
        reversal: Any = NO_USAGE,
        reason: str = "",
    ) -> Adjustment:
        """Correct what was used at a time, by charging more or taking back; of a closed period it is kept.

        Args:
            customer: Whose usage it is.
            usage: What was used beyond what events say.
            id: What the correction is known by; the same again changes nothing.
            at: When it was used.
            reversal: What had not been used.
            reason: Why, for the adjustment.

        Raises:
            ConflictingEvent: If another correction of the customer has its id.
            InvalidUsage: If more is taken back than was used.
            BalanceExhausted: If the plan refuses what credit does not cover.
        """
        return self._run(
            lambda session: operations.adjust(
                session, customer, usage, id=id, at=at, reversal=reversal, reason=reason
            )
        )

    def account(self, customer: str, period: Period | None = None) -> Account:
        """The account of a period; without one that of the last which is open. Its credit is that of now.

        Raises:
            InvalidAccount: If there is no such customer.
        """
        return self._look(lambda session: operations.held(session, customer, period))

    def balance(self, customer: str) -> Balance:
        """The grants of a customer, and what is left of each.

        Raises:
            InvalidAccount: If there is no such customer.
        """
        return self.account(customer).balance

    def status(self, customer: str, *, at: date | str, period: Period | None = None) -> Status:
        """What is spent, left and expected at a time; see ``watch.status``.

        A plan without a cycle is looked at by calendar months, unless *period* says otherwise.
        """
        return self._look(lambda session: operations.status(session, customer, at, period))

    def periods(self, customer: str) -> tuple[Period, ...]:
        """The open periods of a customer: those in which something was charged, until they are closed."""
        return self._look(lambda session: operations.periods(session, customer))

    def bill(self, customer: str, period: Period | None = None) -> Bill:
        """The bill of a period so far, with all its lines; it charges nothing.

        Raises:
            InvalidPeriod: If *period* is none of the customer's, or left out where not one is open.
        """
        return self._look(lambda session: operations.bill(session, customer, period))

    def bills(self, customer: str) -> tuple[Bill | Adjustment, ...]:
        """The final bills of a customer and their later adjustments, in the order in which they were made."""
        return self._look(lambda session: operations.bills(session, customer))

    def customers(self) -> tuple[str, ...]:
        """All customers, by name."""
        return self._look(customers_of)

    def verify(self, customer: str | None = None) -> Verified:
        """Replay accounts from their events, of all customers or one, and compare them to what is kept.

        Raises:
            BillMismatch: If an amount, an account or a bill comes out otherwise; it says which.
        """
        names = self.customers() if customer is None else (customer,)
        sums = [self._tried(partial(verified, customer=name), keep=False, locking=True) for name in names]
        return Verified(len(sums), sum(each.events for each in sums), sum(each.bills for each in sums))

    def _run(self, work: Work[Answer]) -> Answer:
        return self._tried(work, keep=True, locking=True)

    def _look(self, work: Work[Answer]) -> Answer:
        return self._tried(work, keep=False, locking=False)

    def _tried(self, work: Work[Answer], *, keep: bool, locking: bool) -> Answer:
        """Do work, again where another transaction was in the way, within a bound."""
        books = self._books if keep else Books(self._books.contracts)
        tries = Tries()
        while True:
            try:
                with self._engine.connect() as connection:
                    return worked(connection, books, work, keep=keep, locking=locking)
            except (TryAgain, SQLAlchemyError) as error:
                sleep(tries.pause(error))
