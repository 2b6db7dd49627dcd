"""Costs: what a provider says itself that a request cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from tokenbill.core.money.decimals import EXACT, number
from tokenbill.errors import InvalidNumber, UnreadableInput
from tokenbill.payloads.log_pieces import instant_of
from tokenbill.payloads.objects import first_of, is_object, listed_in, members_of, text_of
from tokenbill.payloads.reading import located
from tokenbill.shared.foreign_data import telling

__all__ = ["read_cost", "read_costs"]

TICK: Final = Decimal("1e-10")
"""What xAI counts its costs in: a part of a dollar."""
CENT: Final = Decimal("0.01")
TOTALS: Final = ("total_cost", "total_cost_usd")
KEYS: Final = ("cost", "estimated_cost", "total_cost_usd", "response_cost", "spend")
TICKS: Final = ("cost_in_usd_ticks", "costInUsdTicks")


def read_cost(payload: Any) -> Decimal | None:
    """What the provider says that the request cost, in its own currency; None where it does not say.

    Where the key of a customer at another provider was used, that is what the other one charged, with
    the fee for it. It is no usage and is not billed, for it may hold fees outside every count: compare a
    bill with it.

    Raises:
        UnreadableInput: If it is a float, which is not exact, or no amount of 0 or more.

    >>> import json
    >>> text = (
    ...     '{"usage": {"prompt_tokens": 31, "completion_tokens": 80, "cost": 0.00216775}}'
    ... )
    >>> read_cost(json.loads(text, parse_float=Decimal))
    Decimal('0.00216775')
    """
    usage, response = located(payload)
    for members in (usage, response):
        # ticks are whole numbers and exact; the cost beside them may be a float
        for key in TICKS:
            if members.get(key) is not None:
                return EXACT.multiply(_amount(members[key]), TICK)
        for key in KEYS:
            if members.get(key) is not None:
                return _charged(members[key], members)
    return None


def read_costs(report: Any) -> list[dict[str, Any]]:
    """The amounts of a cost report of OpenAI or Anthropic, as ``catalog.reconcile`` compares them.

    Each row has ``amount`` and ``currency``, and where the report says so ``time``, the start of its
    bucket, ``model`` and ``description``.

    Raises:
        UnreadableInput: If it is no report, or an amount is a float, which is not exact, or below 0.

    >>> result = {"amount": "100.5", "currency": "USD", "model": "claude-sonnet-4-6"}
    >>> [row] = read_costs(
    ...     {"data": [{"starting_at": "2026-11-01T00:00:00Z", "results": [result]}]}
    ... )
    >>> row["amount"], row["model"]  # Anthropic's amounts are in cents
    (Decimal('1.005'), 'claude-sonnet-4-6')
    """
    rows = list[dict[str, Any]]()
    for bucket in listed_in(members_of(report, "report").get("data"), "data"):
        held = members_of(bucket, "data")
        for one in listed_in(held.get("results"), "results"):
            result = members_of(one, "results")
            amount = result.get("amount")
            # OpenAI writes an object in dollars, Anthropic a text in cents
            if is_object(amount):
                priced = members_of(amount, "amount")
                value, currency = _amount(priced.get("value")), priced.get("currency")
            else:
                value, currency = EXACT.multiply(_amount(amount), CENT), result.get("currency")
            named = {
                "time": instant_of(held),
                "model": text_of(result.get("model")),
                "description": text_of(first_of(result, "description", "line_item")),
                "currency": text_of(currency).upper(),
            }
            rows.append({"amount": value, **{key: each for key, each in named.items() if each}})
    return rows


def _charged(cost: Any, members: Mapping[str, Any]) -> Decimal:
    if is_object(cost):
        held = members_of(cost, "cost")
        total = next((held[key] for key in TOTALS if held.get(key) is not None), None)
        return _amount(total)
    amount = _amount(cost)
    details = members.get("cost_details")
    # With a key of the customer's own the cost is the fee alone; else the upstream's is inside it.
    if members.get("is_byok") is True and is_object(details):
        upstream = members_of(details, "cost_details").get("upstream_inference_cost")
        amount = amount if upstream is None else EXACT.add(amount, _amount(upstream))
    return amount


def _amount(cost: object) -> Decimal:
    try:
        amount = number(cost)
    except InvalidNumber:
        way_out = "a cost is an amount of 0 or more"
        # the digits of a float are not those that the provider wrote
        if isinstance(cost, float):
            what, way_out = "not an exact cost", "parse the JSON with json.loads(…, parse_float=Decimal)"
            raise UnreadableInput(what, telling(cost), way_out) from None
        raise UnreadableInput("not a cost", telling(cost), way_out) from None
    if amount < 0:
        raise UnreadableInput("a negative cost", amount, "a cost is an amount of 0 or more")
    return amount
