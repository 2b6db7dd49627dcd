"""Store: accounts, events and bills in the user's own database, each event charged once.

It needs SQLAlchemy 2, and knows SQLite, PostgreSQL, MySQL and MariaDB. It holds no rule of billing.
"""

from __future__ import annotations

try:
    import sqlalchemy  # noqa: F401  # every module of this wing needs it
except ImportError:
    from tokenbill.errors import MissingExtra

    raise MissingExtra("sqlalchemy", "store") from None

from tokenbill.store.answers import Charged, Recorded, Refused, Verified
from tokenbill.store.synchronous import Store

__all__ = ["Charged", "Recorded", "Refused", "Store", "Verified"]
