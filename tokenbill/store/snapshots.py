"""Snapshots: a ledger, and a closed period, as the text that a table keeps, and back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

from attrs import evolve

from tokenbill.core.billing.account import NEW, Account
from tokenbill.core.billing.zone_rules import in_period
from tokenbill.core.periods.instants import iso_text, moment
from tokenbill.core.periods.period import Period
from tokenbill.core.periods.zone_rules import by_rules_at_hand
from tokenbill.core.plans.commitments import CommitmentMet
from tokenbill.errors import InvalidAccount, TokenbillError
from tokenbill.serial import dumps, loads
from tokenbill.shared.strict_json import NotJson, canonical_json, decoded
from tokenbill.store.ledger import Archive, Ledger
from tokenbill.store.parts import OWN, Agreed, FinalStep, Part, Terms, warmed
from tokenbill.store.texts import edited, time_of

__all__ = ["part_of", "part_text", "restore", "snapshot", "span_written"]

Contracts = Callable[[str], Agreed]
"""The terms of a hash."""


def snapshot(ledger: Ledger) -> str:
    """All that a ledger carries; its closed periods, and grants that left the balance, lie elsewhere."""
    holder = ledger.holder
    return canonical_json(
        {
            "next": ledger.next_number,
            "terms": [[each.hash, _optional(each.start)] for each in ledger.terms],
            "purse": "" if holder is not None or ledger.purse is NEW else dumps(ledger.purse),
            "holder": 0 if holder is None else holder.number,
            "parts": [_table_of(part, ledger.terms.index(part.terms)) for part in ledger.parts.values()],
            "met": [[iso_text(since), dumps(met)] for since, met in ledger.met],
        }
    )


def restore(customer: str, seq: int, text: str, archive: Archive, contracts: Contracts) -> Ledger:
    """The ledger of a snapshot, as it was after *seq* operations.

    Raises:
        InvalidAccount: For text that is no snapshot.
        UnreadableField: If an account in it was edited.
    """
    ledger = Ledger(customer, archive)
    ledger.seq, ledger.stored_length = seq, len(text)
    try:
        table = decoded(text)
        ledger.next_number = table["next"]
        ledger.terms = [Terms(contracts(hash), hash, _moment(start)) for hash, start in table["terms"]]
        ledger.purse = loads(table["purse"], longest=OWN) if table["purse"] else NEW
        tables: list[dict[str, Any]] = table["parts"]
        parts = [_part(each, ledger.terms[int(each["terms"])]) for each in tables]
        ledger.parts = {part.number: part for part in parts}
        ledger.holder = ledger.parts[table["holder"]] if table["holder"] else None
        # a snapshot that was written before this has none
        found: list[Any] = table.get("met", [])
        ledger.met = [(time_of(since), _of_today(loads(met, longest=OWN))) for since, met in found]
    except (NotJson, LookupError, TypeError, ValueError, ArithmeticError) as error:
        if isinstance(error, TokenbillError):
            raise
        raise InvalidAccount(
            "not the snapshot of a ledger", customer, "store.verify() says what its events come to"
        ) from None
    # The text holds no sums of how the account came about: one bill of the whole period brings them back.
    if ledger.holder is not None:
        ledger.holder.account = warmed(ledger.holder.account, ledger.holder)
    return ledger


def part_text(part: Part) -> str:
    """A closed period, which no ledger carries: its own terms among what is written."""
    # Terms may be replaced after a period was closed, which keeps those that it was billed under.
    terms = {"hash": part.terms.hash, "start": _optional(part.terms.start)}
    return canonical_json({**_table_of(part, 0), "terms": terms})


def span_written(text: str) -> Period:
    """The span of a closed period, without its account, which takes longer to read."""
    try:
        start, end = decoded(text)["span"]
        return Period(start, end)
    except (NotJson, LookupError, TypeError, ValueError) as error:
        if isinstance(error, TokenbillError):
            raise
        raise edited(text) from None


def part_of(text: str, contracts: Contracts) -> Part:
    """The closed period of a text."""
    try:
        table = decoded(text)
        terms = table["terms"]
        return _part(table, Terms(contracts(terms["hash"]), terms["hash"], _moment(terms["start"])))
    except (NotJson, LookupError, TypeError, ValueError, ArithmeticError) as error:
        if isinstance(error, TokenbillError):
            raise
        raise edited(text) from None


def _table_of(part: Part, terms: int) -> dict[str, Any]:
    table: dict[str, Any] = {
        "number": part.number,
        "span": [iso_text(part.span.start), iso_text(part.span.end)],
        "terms": terms,
        "account": dumps(part.account),
        "due": format(part.due, "f"),
    }
    final = part.final
    if final is not None:
        draws = [[id, format(amount, "f")] for id, amount in final.draws]
        table["final"] = [*(format(each, "f") for each in (final.total, final.due, final.credit)), draws]
    return table


def _part(table: Any, terms: Terms) -> Part:
    start, end = table["span"]
    account = cast(Account, loads(table["account"], longest=OWN))
    final = table.get("final")
    step = None
    if final is not None:
        total, due, credit = map(Decimal, final[:3])
        step = FinalStep(total, due, tuple((id, Decimal(amount)) for id, amount in final[3]), credit)
    part = Part(table["number"], Period(start, end), terms, account, Decimal(table["due"]), step)
    # the days of its amendments begin by the rules of today, which may not be those of the text
    part.account = in_period(account, part.span, part.agreed)
    if account.commitments:
        met = [_of_today(each) for each in account.commitments]
        part.account = evolve(part.account, commitments=met)
    return part


def _of_today(met: CommitmentMet) -> CommitmentMet:
    """What was met, of a term that begins by the rules of its zone that are at hand."""
    return evolve(met, start=by_rules_at_hand(met.start))


def _optional(at: Any) -> str | None:
    return None if at is None else iso_text(at)


def _moment(text: Any) -> Any:
    return None if text is None else moment(text)
