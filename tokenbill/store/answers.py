"""Answers: what became of each event that was recorded, and what checking a database found."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen

from tokenbill.core.base.values import Value, draft_of
from tokenbill.errors import BalanceExhausted, TokenbillError
from tokenbill.events import Event

__all__ = ["Charged", "Recorded", "Refused", "Verified", "charged_of"]


@frozen(repr=False)
class Charged(Value):
    """An event that was charged, once.

    Args:
        event: What was used, and when.
        total: What the period's bill grew by, in *currency*; by events it adds up to the bill.
        due: What of it is left to pay, after grants and the credit balance.
        currency: The code of the currency of both.
    """

    event: Event
    total: Decimal
    due: Decimal
    currency: str

    @property
    def customer(self) -> str | None:
        """Whose event it is."""
        return self.event.customer

    @property
    def source(self) -> str:
        """Who sent the event."""
        return self.event.source

    @property
    def id(self) -> str:
        """The id of the event within its source."""
        return self.event.id


_Draft = draft_of(Charged)


def charged_of(event: Event, total: Decimal, due: Decimal, currency: str) -> Charged:
    """What became of an event that was charged; a batch makes many."""
    charged = _Draft()
    charged.event, charged.total, charged.due, charged.currency = event, total, due, currency
    charged.__class__ = Charged
    found: Charged = charged
    return found


@frozen(repr=False)
class Refused(Value):
    """An event of which nothing was charged or kept; it may come again.

    Args:
        place: Which of the recorded events it is, from 0 on.
        event: The event; None where it could not be read.
        error: Why: ``BalanceExhausted``, ``ConflictingEvent``, or whatever is wrong with it.
    """

    place: int
    event: Event | None
    # Exceptions are equal to themselves alone; two refusals are equal where they say the same.
    error: TokenbillError = field(eq=lambda error: (type(error), str(error)))

    @property
    def customer(self) -> str | None:
        """Whose event it is, where it could be read."""
        return None if self.event is None else self.event.customer

    @property
    def id(self) -> str | None:
        """The id of the event, where it could be read."""
        return None if self.event is None else self.event.id

    @property
    def code(self) -> str:
        """The stable code of the error, such as ``balance_exhausted``."""
        return self.error.code

    @property
    def short(self) -> Decimal | None:
        """What the balance lacks for the event, in the plan's currency; None if that is not why."""
        return self.error.short if isinstance(self.error, BalanceExhausted) else None


@frozen(repr=False)
class Recorded(Value):
    """What became of events, each in one of three, in the order in which they were given.

    Args:
        charged: Events that were charged now.
        repeated: Events that had been charged before, each with the answer that it had then.
        refused: Events of which nothing was charged.
    """

    charged: tuple[Charged, ...]
    repeated: tuple[Charged, ...]
    refused: tuple[Refused, ...]


@frozen(repr=False)
class Verified(Value):
    """How much was replayed and agreed: customers, their events, and their kept bills."""

    customers: int
    events: int
    bills: int
