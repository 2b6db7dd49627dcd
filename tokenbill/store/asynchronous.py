"""The store that coroutines use."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from tokenbill.core.billing.account import Account
from tokenbill.core.billing.adjustment import Adjustment
from tokenbill.core.billing.bill import Bill
from tokenbill.core.credits.balance import Balance, Grant
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.errors import MissingExtra
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
from tokenbill.watch import Status

try:
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
except ImportError:
    raise MissingExtra("greenlet", "store") from None

__all__ = ["AsyncStore"]

Answer = TypeVar("Answer")


class AsyncStore:
    """The store for coroutines, on an asynchronous engine of SQLAlchemy; its calls are those of ``Store``.

    Args:
        engine: The URL of a database with an asynchronous driver, or an AsyncEngine of your own:
            ``sqlite+aiosqlite:///billing.db``, ``postgresql+asyncpg://…``.

    Raises:
        StoreUnavailable: If the URL is none, or its driver is not installed.

    Source: docs/how-to/billing-service.md
    """

    def __init__(self, engine: str | AsyncEngine) -> None:
        if isinstance(engine, str):
            engine = opened(engine, create_async_engine, "+aiosqlite")
        self.engine = engine
        self._engine = isolated(engine)
        self._books = Books()

    async def create(self) -> None:
        """Make the tables that are missing, and upgrade older ones; what is there stays."""
        # The workers of a service start at once, and what one of them makes is in the way of the others.
        for pause in (*MAKING, None):
            try:
                async with self.engine.connect() as connection:
                    await connection.run_sync(write_ahead)
                async with self.engine.begin() as connection:
                    await connection.run_sync(tables.create)
                return
            except (TryAgain, SQLAlchemyError) as error:
                if pause is None:
                    raise refused_by(error) from error
                await sleep(pause)

    async def record(self, events: Iterable[Any]) -> Recorded:
        """Charge events, each once: any number, of any customers, in any order."""
        readable = readable_events(events)
        [done] = await self._run(lambda session: record(session, [readable]))
        return done

    async def agree(
        self, customer: str, contract: BillingPlan | Contract, *, restate: bool = False
    ) -> BillingPlan | Contract:
        """Agree on terms with a customer, or on the amended contract in place of the one before."""
        return await self._run(lambda session: operations.agree(session, customer, contract, restate=restate))

    async def grant(self, customer: str, grant: Grant) -> bool:
        """Add a grant to a customer's balance, once for each id; False where it was added before."""
        return await self._run(lambda session: operations.grant(session, customer, grant))

    async def close(
        self, customer: str, period: Period | None = None, *, at: date | str | None = None
    ) -> Bill:
        """End a period, and keep its final bill; closing it again gives the same bill."""
        return await self._run(lambda session: operations.close(session, customer, period, at))

    async def adjust(
        self,
        customer: str,
        usage: Any = NO_USAGE,
        *,
        id: str,
        at: date | str,
        reversal: Any = NO_USAGE,
        reason: str = "",
    ) -> Adjustment:
        """Correct what was used at a time, by charging more or taking back; of a closed period it is kept."""
        return await self._run(
            lambda session: operations.adjust(
                session, customer, usage, id=id, at=at, reversal=reversal, reason=reason
            )
        )

    async def account(self, customer: str, period: Period | None = None) -> Account:
        """The account of a period; without one that of the last which is open. Its credit is that of now."""
        return await self._look(lambda session: operations.held(session, customer, period))

    async def balance(self, customer: str) -> Balance:
        """The grants of a customer, and what is left of each."""
        return (await self.account(customer)).balance

    async def status(self, customer: str, *, at: date | str, period: Period | None = None) -> Status:
        """What is spent, left and expected at a time; see ``watch.status``."""
        return await self._look(lambda session: operations.status(session, customer, at, period))

    async def periods(self, customer: str) -> tuple[Period, ...]:
        """The open periods of a customer: those in which something was charged, until they are closed."""
        return await self._look(lambda session: operations.periods(session, customer))

    async def bill(self, customer: str, period: Period | None = None) -> Bill:
        """The bill of a period so far, with all its lines; it charges nothing."""
        return await self._look(lambda session: operations.bill(session, customer, period))

    async def bills(self, customer: str) -> tuple[Bill | Adjustment, ...]:
        """The final bills of a customer and their later adjustments, in the order in which they were made."""
        return await self._look(lambda session: operations.bills(session, customer))

    async def customers(self) -> tuple[str, ...]:
        """All customers, by name."""
        return await self._look(customers_of)

    async def verify(self, customer: str | None = None) -> Verified:
        """Replay accounts from their events, of all customers or one, and compare them to what is kept."""
        names = await self.customers() if customer is None else (customer,)
        sums = [
            await self._tried(partial(verified, customer=name), keep=False, locking=True) for name in names
        ]
        return Verified(len(sums), sum(each.events for each in sums), sum(each.bills for each in sums))

    async def _run(self, work: Work[Answer]) -> Answer:
        return await self._tried(work, keep=True, locking=True)

    async def _look(self, work: Work[Answer]) -> Answer:
        return await self._tried(work, keep=False, locking=False)

    async def _tried(self, work: Work[Answer], *, keep: bool, locking: bool) -> Answer:
        """Do work, again where another transaction was in the way, within a bound."""
        books = self._books if keep else Books(self._books.contracts)
        tries = Tries()
        while True:
            try:
                async with self._engine.connect() as connection:
                    answer: Answer = await connection.run_sync(
                        worked, books, work, keep=keep, locking=locking
                    )
                    return answer
            except (TryAgain, SQLAlchemyError) as error:
                await sleep(tries.pause(error))
