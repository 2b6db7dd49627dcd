"""Engines: how a store connects, how a transaction begins and ends, and which failures are tried again."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tokenbill.errors import StoreUnavailable, TokenbillError
from tokenbill.store.sessions import Books, Session

__all__ = [
    "MAKING",
    "Tries",
    "Work",
    "isolated",
    "opened",
    "refused_by",
    "worked",
    "write_ahead",
]

Answer = TypeVar("Answer")
Made = TypeVar("Made", bound=Any)
Work = Callable[[Session], Answer]

ATTEMPTS = 12
"""How often a transaction is tried that another one was in the way of."""
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.5
MAKING = (0.01, 0.05, 0.2, 0.5)
"""Seconds to wait, again and again, for another process that makes the same tables."""
BUSY = 60
"""Seconds for which SQLite waits for another writer."""
# A key that is there (23505, 1062) is passing as well: two transactions brought one event at once, and anew
# it is known, and answered as a repetition.
RETRIED = ("40001", "40P01", "23505", "55P03", "08006", "57P01")
"""SQLSTATEs of PostgreSQL that say: not now; what they name is over when the transaction begins anew."""
MYSQL_RETRIED = (1062, 1205, 1213, 2006, 2013)
"""The same of MySQL: a key that is there, a lock that took too long, a deadlock, a lost connection."""


class TryAgain(Exception):
    """A transaction that another one was in the way of."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Tries:
    """The attempts at one piece of work, and how long to wait between them."""

    def __init__(self) -> None:
        self.failed = 0

    def pause(self, error: BaseException) -> float:
        """Seconds to wait after an attempt that failed, before the next one.

        Raises:
            StoreUnavailable: If the database cannot do it, or has been busy for too long.
        """
        if isinstance(error, SQLAlchemyError):
            raise refused_by(error) from error
        if not isinstance(error, TryAgain):
            raise error
        self.failed += 1
        if self.failed >= ATTEMPTS:
            busy = StoreUnavailable("a database that is busy", f"{ATTEMPTS} attempts", "try later")
            raise busy from error.cause
        return min(FIRST_PAUSE * (1 << self.failed), LONGEST_PAUSE)


def opened(url: str, create: Callable[..., Made], driver: str = "") -> Made:
    """An engine of our own, of which each connection writes to the disk before it says so.

    Args:
        url: Where the database is.
        create: What makes an engine of a URL.
        driver: The driver of SQLite that an example names.

    Raises:
        StoreUnavailable: If the URL is none, or its driver is not installed.
    """
    options = {"connect_args": {"timeout": BUSY}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        engine = create(url, **options)
    except (ArgumentError, ImportError, SQLAlchemyError) as error:
        reason = str(error).partition("\n")[0][:80]
        way_out = f'give a URL: "sqlite{driver}:///billing.db"'
        raise StoreUnavailable("no database", reason, way_out) from None
    if engine.dialect.name == "sqlite":

        @event.listens_for(getattr(engine, "sync_engine", engine), "connect")
        def durable(connection: Any, _: object) -> None:  # pyright: ignore[reportUnusedFunction]
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.close()

    return engine


def isolated(engine: Any) -> Any:
    """An engine over the same connections, at the isolation that a store counts on."""
    # SQLAlchemy sets the isolation of SQLite by a PRAGMA, after which every statement is compiled anew: that
    # takes longer than an event does. There the store begins by itself, with all that it needs.
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def write_ahead(connection: Connection) -> None:
    """Let a file of SQLite be read while it is written.

    Raises:
        StoreUnavailable: If it is no file of SQLite.
        TryAgain: If another connection was in the way.
    """
    if connection.dialect.name != "sqlite":
        return
    try:
        with outside_transaction(connection) as cursor:
            cursor.execute("PRAGMA journal_mode = WAL")
    except Exception as error:
        if not is_of_database(error, connection.dialect):
            raise
        if is_passing(error, connection.dialect):
            raise TryAgain(error) from error
        raise refused_by(error) from error


@contextmanager
def outside_transaction(connection: Connection) -> Generator[Any, None, None]:
    """A cursor of SQLite in no transaction."""
    # With autocommit=False, which SQLAlchemy's pages advise, Python's driver has one open at all times.
    proxied: Any = connection.connection
    cursor, is_open = proxied.cursor(), getattr(proxied.dbapi_connection, "in_transaction", False)
    if is_open:
        cursor.execute("COMMIT")
    try:
        yield cursor
    finally:
        if is_open:
            cursor.execute("BEGIN")
        cursor.close()


def worked(connection: Connection, books: Books, work: Work[Answer], *, keep: bool, locking: bool) -> Answer:
    """Do work in one transaction: all of it is kept, or nothing.

    Raises:
        TryAgain: If another transaction was in the way.
        StoreUnavailable: If the database cannot do it.
    """
    transaction = on_sqlite if connection.dialect.name == "sqlite" else on_server
    try:
        with transaction(connection, keep=keep) as cursor:
            session = Session(connection.dialect, cursor, books, locking=locking)
            answer = work(session)
            if keep:
                session.save()
    except TokenbillError:
        raise
    except BaseException as error:
        if not is_of_database(error, connection.dialect):
            raise
        if is_passing(error, connection.dialect):
            raise TryAgain(error) from error
        raise refused_by(error) from error
    if keep:
        books.put(session.ledgers.values())
    return answer


@contextmanager
def on_sqlite(connection: Connection, *, keep: bool) -> Generator[Any, None, None]:
    """A transaction of SQLite, which has the one lock for writing from its beginning on.

    Python's driver begins by itself at the first write, after the reads on which it rests: too late.
    """
    with outside_transaction(connection) as cursor:
        cursor.execute("BEGIN IMMEDIATE" if keep else "BEGIN")
        try:
            yield cursor
            cursor.execute("COMMIT" if keep else "ROLLBACK")
        except BaseException:
            undo(connection, partial(cursor.execute, "ROLLBACK"))
            raise


@contextmanager
def on_server(connection: Connection, *, keep: bool) -> Generator[Any, None, None]:
    """A transaction of a server, which its driver begins with the first statement."""
    proxied = connection.connection
    cursor = proxied.cursor()
    try:
        yield cursor
        if keep:
            proxied.commit()
        else:
            proxied.rollback()
    except BaseException:
        undo(connection, proxied.rollback)
        raise
    cursor.close()


def undo(connection: Connection, roll_back: Callable[[], object]) -> None:
    """Undo what a transaction did; a connection that cannot even do that is thrown away."""
    try:
        roll_back()
    except Exception as second:
        # SQLite has rolled back by itself where the disk was full, and where a commit failed.
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
    cause: Any = error.cause if isinstance(error, TryAgain) else getattr(error, "orig", None) or error
    # A driver may tell the row that it refused, with names and texts of customers: only its class is shown.
    reason = str(cause).partition("\n")[0]
    if "no such table" in reason or "does not exist" in reason or "doesn't exist" in reason:
        return StoreUnavailable("a database without our tables", reason[:80], "make them: store.create()")
    return StoreUnavailable("the database refused", type(cause).__name__, "see the error it was raised from")
