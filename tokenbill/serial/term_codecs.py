"""Codecs of terms that most plans write as a number, and some as more."""

from __future__ import annotations

from typing import Any

from tokenbill.core.base.inputs import is_mapping
from tokenbill.core.metering.meters import Meter
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.allowances import Allowance
from tokenbill.core.plans.limits import Limit
from tokenbill.core.plans.trial import Trial
from tokenbill.core.pricing.of import Of
from tokenbill.core.pricing.price import Price
from tokenbill.serial.coding import Codec, Listed, Number, Pairs, Text
from tokenbill.serial.records import Named, Record

__all__ = ["AmountCodec", "IncludedCodec", "LimitsCodec", "TrialCodec"]

NUMBER = Number()
PERIOD, TRIAL = Record(Period), Record(Trial)
LIMITS = Listed(Record(Limit))
UNITS = Pairs(Text(Meter), NUMBER)
ALLOWANCES = Listed(Record(Allowance))


class LimitsCodec(Codec):
    """What a plan owes at most or at least: an amount for all charges, or limits in their order."""

    def encode(self, value: Any) -> Any:
        return LIMITS.encode(value) if isinstance(value, tuple) else NUMBER.encode(value)

    def decode(self, given: Any) -> Any:
        return LIMITS.decode(given) if isinstance(given, list | dict) else NUMBER.decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [NUMBER.schema(), LIMITS.schema()]}


class IncludedCodec(Codec):
    """Free units: a number by entry, or a list of allowances where one is more than that."""

    def encode(self, value: Any) -> Any:
        is_plain = all(isinstance(each, tuple) for each in value)
        return (UNITS if is_plain else ALLOWANCES).encode(value)

    def decode(self, given: Any) -> Any:
        return (ALLOWANCES if isinstance(given, list) else UNITS).decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [UNITS.schema(), ALLOWANCES.schema()]}


class AmountCodec(Codec):
    """What is due: a number, or a table of a price or of a curve of something else."""

    def __init__(self) -> None:
        self.curve = Named("AnyCurve", lambda cls: issubclass(cls, Price) or cls is Of)

    def encode(self, value: Any) -> Any:
        return (self.curve if isinstance(value, Price | Of) else NUMBER).encode(value)

    def decode(self, given: Any) -> Any:
        return (self.curve if is_mapping(given) else NUMBER).decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [NUMBER.schema(), self.curve.schema()]}


class TrialCodec(Codec):
    """A trial: days, a period, or a table of its length and what it covers."""

    def encode(self, value: Any) -> Any:
        if isinstance(value, int):
            return value
        return (TRIAL if isinstance(value, Trial) else PERIOD).encode(value)

    def decode(self, given: Any) -> Any:
        if type(given) is int:
            return given
        return (TRIAL if is_mapping(given) and "length" in given else PERIOD).decode(given)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer"}, PERIOD.schema(), TRIAL.schema()]}
