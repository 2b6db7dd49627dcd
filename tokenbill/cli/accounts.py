"""Accounts in a database, looked at and closed from a shell."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from tokenbill.cli.options import Misuse, period_of
from tokenbill.core.base.tables import digits, text_table
from tokenbill.errors import TokenbillError
from tokenbill.serial import dumps
from tokenbill.store import Store

__all__ = ["answered"]


def answered(arguments: Namespace) -> Iterator[str]:
    """What ``store`` prints, as its action asks."""
    store, action = Store(arguments.url), arguments.action
    customer: Any = getattr(arguments, "customer", None)
    try:
        period = period_of(getattr(arguments, "period", None))
    except TokenbillError as error:
        raise Misuse(error) from None
    try:
        if action == "create":
            store.create()
        elif action == "balance":
            balance = store.balance(customer)
            rows = [
                (grant.id, digits(grant.amount), digits(balance.left(grant.id)), grant.currency.code)
                for grant in balance.grants
            ]
            yield text_table(("grant", "amount", "left", "unit"), rows, numbers=(1, 2))
        elif action == "bill":
            yield str(store.bill(customer, period))
        elif action == "close":
            yield str(store.close(customer, period, at=arguments.at))
        elif action == "verify":
            found = store.verify(customer)
            yield f"{found.customers} customers, {found.events} events and {found.bills} bills agree"
        else:
            for name in store.customers() if customer is None else (customer,):
                yield from map(dumps, store.bills(name))
    finally:
        store.engine.dispose()
