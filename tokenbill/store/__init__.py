"""Store: accounts, events and bills in the user's own database, each event charged once.

It needs SQLAlchemy 2, and knows SQLite, PostgreSQL, MySQL and MariaDB. It holds no rule of billing.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from tokenbill.errors import MissingExtra

if find_spec("sqlalchemy") is None:  # every module of this wing needs it
    raise MissingExtra("sqlalchemy", "store")

from tokenbill.store.answers import Charged, Recorded, Refused, Verified
from tokenbill.store.synchronous import Store

if TYPE_CHECKING:
    from tokenbill.store.asynchronous import AsyncStore

__all__ = ["AsyncStore", "Charged", "Recorded", "Refused", "Store", "Verified"]


def __getattr__(name: str) -> object:
    # SQLAlchemy's asynchronous engines need a package that it does not bring; most services do without.
    if name == "AsyncStore":
        from tokenbill.store import asynchronous

        return asynchronous.AsyncStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
