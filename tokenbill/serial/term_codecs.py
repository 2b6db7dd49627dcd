"""Codecs of terms that most plans write as a number, and some as more."""

from __future__ import annotations

from typing import Any

from tokenbill.core.plans.limits import Limit
from tokenbill.serial.coding import Codec, Listed, Number
from tokenbill.serial.records import Record

__all__ = ["LimitsCodec"]

NUMBER = Number()
LIMITS = Listed(Record(Limit))


class LimitsCodec(Codec):
    """What a plan owes at most or at least: an amount for all charges, or limits in their order."""

    def encode(self, value: Any) -> Any:
        return LIMITS.encode(value) if isinstance(value, tuple) else NUMBER.encode(value)

    def decode(self, given: Any) -> Any:
        return LIMITS.decode(given) if isinstance(given, list | dict) else NUMBER.decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [NUMBER.schema(), LIMITS.schema()]}
