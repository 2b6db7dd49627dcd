"""Tables: what a database holds of customers, events, changes, periods and bills, and how it is upgraded.

Amounts are whole numbers of minor units, so that SQL adds them up exactly: ``places`` of the period says how
many decimals they have. Quantities, accounts and bills are text.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    inspect,
    select,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from tokenbill.errors import StoreUnavailable

__all__ = [
    "LATEST",
    "METADATA",
    "MIGRATIONS",
    "bills",
    "changes",
    "contracts",
    "create",
    "customers",
    "events",
    "grants",
    "periods",
    "version_of",
    "versions",
]

LATEST = 1
"""The version of the tables that this library writes."""


def name() -> TypeEngine[str]:
    """Text of up to 255 characters, of which no two spellings are the same to a database."""
    # MySQL compares without case and without spaces at the end, unless the collation is one of bytes.
    mysql_type = mysql.VARCHAR(255, charset="utf8mb4", collation="utf8mb4_0900_bin")
    maria_type = mysql.VARCHAR(255, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    return String(255).with_variant(mysql_type, "mysql").with_variant(maria_type, "mariadb")


def document() -> TypeEngine[str]:
    """Text of any length; that of MySQL ends at 64 KiB unless it is a long one."""
    long = mysql.LONGTEXT(charset="utf8mb4")
    return Text().with_variant(long, "mysql").with_variant(long, "mariadb")


METADATA = MetaData()

versions = Table(
    "tokenbill_schema", METADATA, Column("version", Integer, primary_key=True, autoincrement=False)
)
contracts = Table(
    "tokenbill_contracts",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("document", document(), nullable=False),
)
customers = Table(
    "tokenbill_customers",
    METADATA,
    Column("customer", name(), primary_key=True),
    # how many operations there were, and the ledger as it was after so many of them
    Column("seq", BigInteger, nullable=False),
    Column("snapshot_seq", BigInteger, nullable=False),
    Column("snapshot", document(), nullable=False),
)
events = Table(
    "tokenbill_events",
    METADATA,
    Column("customer", name(), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("source", name(), nullable=False),
    Column("id", name(), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("time", String(32), nullable=False),
    Column("usage", document(), nullable=False),
    Column("period", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    PrimaryKeyConstraint("customer", "seq"),
    # the last guard of "once": of two transactions that bring one event the second fails, and finds it
    Index("tokenbill_events_id", "source", "id", unique=True),
    sqlite_with_rowid=False,
)
changes = Table(
    "tokenbill_changes",
    METADATA,
    Column("customer", name(), nullable=False),
    Column("seq", BigInteger, nullable=False),
    # one operation may charge in several periods: closing an endless one does
    Column("period", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("document", document(), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    PrimaryKeyConstraint("customer", "seq", "period"),
    sqlite_with_rowid=False,
)
grants = Table(
    "tokenbill_grants",
    METADATA,
    Column("customer", name(), nullable=False),
    Column("id", name(), nullable=False),
    Column("document", document(), nullable=False),
    # what became of a grant that has left the balance, as a balance of its own; else empty
    Column("retired", document(), nullable=False),
    PrimaryKeyConstraint("customer", "id"),
    sqlite_with_rowid=False,
)
periods = Table(
    "tokenbill_periods",
    METADATA,
    Column("customer", name(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("since", String(32), nullable=False),
    Column("until", String(32), nullable=False),
    Column("currency", String(64), nullable=False),
    Column("places", Integer, nullable=False),
    # a closed period, which late usage still reaches; else empty
    Column("closed", document(), nullable=False),
    PrimaryKeyConstraint("customer", "number"),
    sqlite_with_rowid=False,
)
bills = Table(
    "tokenbill_bills",
    METADATA,
    Column("customer", name(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("period", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("document", document(), nullable=False),
    PrimaryKeyConstraint("customer", "number"),
    sqlite_with_rowid=False,
)

MIGRATIONS: dict[int, Callable[[Connection], None]] = {}
"""What makes tables of a version those of the next one."""


def version_of(connection: Connection) -> int:
    """The version of the tables; 0 where there are none."""
    if not inspect(connection).has_table(versions.name):
        return 0
    found: object = connection.scalar(select(versions.c.version)) or 0
    if not isinstance(found, int):
        raise StoreUnavailable("tables of another program", versions.name, "give a database of its own")
    return found


def create(connection: Connection) -> None:
    """Make the tables that are missing, and upgrade older ones, one version at a time.

    Raises:
        StoreUnavailable: If they are of a later version than this library knows.
    """
    version = version_of(connection)
    if version > LATEST:
        raise StoreUnavailable(
            "tables of a later version", version, f"install a tokenbill that knows more than {LATEST}"
        )
    if version == 0:
        METADATA.create_all(connection)
        connection.execute(versions.insert(), {"version": LATEST})
        return
    while version < LATEST:
        MIGRATIONS[version](connection)
        version += 1
        connection.execute(versions.update(), {"version": version})
