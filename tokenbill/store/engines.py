"""Engines: how a store connects, how a transaction begins and ends, and which failures are tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, event
from sqlalchemy.exc import SQLAlchemyError

from tokenbill.errors import StoreUnavailable, TokenbillError
from tokenbill.store.sessions import Books, Session

__all__ = ["ATTEMPTS", "TryAgain", "connect_options", "isolated", "pause", "prepared", "refused_by", "worked"]

Answer = TypeVar("Answer")
Work = Callable[[Session], Answer]

ATTEMPTS = 12
"""How often a transaction is tried that another one was in the way of."""
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.5
BUSY = 60
"""Seconds for which SQLite waits for another writer."""
RETRIED = ("40001", "40P01", "23505", "55P03", "08006", "57P01")
"""SQLSTATEs of PostgreSQL that say: not now; what they name is over when the transaction begins anew."""
MYSQL_RETRIED = (1062, 1205, 1213, 2006, 2013)
"""The same of MySQL: a key that is there, a lock that took too long, a deadlock, a lost connection."""


class TryAgain(Exception):
    """A transaction that another one was in the way of."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def connect_options(url: str) -> dict[str, Any]:
    """What an engine of our own is made with."""
    return {"connect_args": {"timeout": BUSY}} if url.startswith("sqlite") else {"pool_pre_ping": True}


def prepared(engine: Any) -> None:
    """Let each connection of an engine of our own write to the disk before it says so."""
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def durable(connection: Any, _: object) -> None:  # pyright: ignore[reportUnusedFunction]
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.close()


def isolated(engine: Any) -> Any:
    """An engine over the same connections, at the isolation that a store counts on.

    With SQLite the store says itself when a transaction begins, for Python's driver begins too late: at the
    first write, after the reads on which it rests.
    """
    level = "AUTOCOMMIT" if engine.dialect.name == "sqlite" else "READ COMMITTED"
    return engine.execution_options(isolation_level=level)


def worked(connection: Connection, books: Books, work: Work[Answer], *, keep: bool, locking: bool) -> Answer:
    """Do work in one transaction: all of it is kept, or nothing.

    Raises:
        TryAgain: If another transaction was in the way.
        StoreUnavailable: If the database cannot do it.
    """
    dialect, session = connection.dialect, None
    is_sqlite = dialect.name == "sqlite"
    try:
        proxied = connection.connection
        session = Session(connection, books, locking=locking)
        if is_sqlite:
            session.cursor.execute("BEGIN IMMEDIATE" if keep else "BEGIN")
        answer = work(session)
        if keep:
            session.save()
        if is_sqlite:
            session.cursor.execute("COMMIT" if keep else "ROLLBACK")
        elif keep:
            proxied.commit()
        else:
            proxied.rollback()
    except BaseException as error:
        _roll_back(connection, session, error)
        if isinstance(error, TokenbillError) or not is_of_database(error, dialect):
            raise
        if is_passing(error, dialect):
            raise TryAgain(error) from error
        raise refused_by(error) from error
    if keep:
        books.put(session.ledgers.values())
    session.cursor.close()
    return answer


def _roll_back(connection: Connection, session: Session | None, error: BaseException) -> None:
    """Undo what a transaction did; a connection that cannot even do that is thrown away."""
    try:
        if session is not None and connection.dialect.name == "sqlite":
            session.cursor.execute("ROLLBACK")
        else:
            connection.connection.rollback()
    except Exception as second:
        if "no transaction" not in str(second):
            connection.invalidate()


def is_of_database(error: BaseException, dialect: Dialect) -> bool:
    """Whether an error is one of the driver or of SQLAlchemy."""
    driver: Any = dialect.loaded_dbapi
    return isinstance(error, SQLAlchemyError | driver.Error | OSError)


def is_passing(error: BaseException, dialect: Dialect) -> bool:
    """Whether a transaction that failed may succeed when it begins anew."""
    driver: Any = dialect.loaded_dbapi
    cause: Any = getattr(error, "orig", None) or error
    if dialect.name == "sqlite":
        busy = "locked" in str(cause) or "busy" in str(cause)
        return busy or isinstance(cause, driver.IntegrityError)
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state is not None:
        return state in RETRIED
    code = cause.args[0] if getattr(cause, "args", None) else None
    return code in MYSQL_RETRIED or isinstance(cause, driver.IntegrityError)


def refused_by(error: BaseException) -> StoreUnavailable:
    """What a user is told of a failure of the database; no text of an event is in it."""
    cause: Any = getattr(error, "orig", None) or error
    reason = str(cause).partition("\n")[0]
    if "no such table" in reason or "does not exist" in reason or "doesn't exist" in reason:
        return StoreUnavailable("a database without our tables", reason[:80], "make them: store.create()")
    return StoreUnavailable("the database refused", type(cause).__name__, "see the error it was raised from")


def pause(attempt: int) -> float:
    """Seconds to wait before the next attempt."""
    return min(FIRST_PAUSE * (1 << attempt), LONGEST_PAUSE)
