"""Usage by version: what was used under each of the terms of an open period."""

from __future__ import annotations

from datetime import date
from typing import Any

from attrs import field, frozen

from tokenbill.core.base.values import Value
from tokenbill.core.billing.account_fields import usage
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import moment
from tokenbill.errors import InvalidAccount

__all__ = ["VersionUsage", "versions_of"]


@frozen(repr=False)
class VersionUsage(Value):
    """What was used under one version of a contract, in the open period of an account.

    Args:
        start: When the version begins.
        used: What was used in it.
    """

    start: date = field(converter=moment)
    used: Usage = field(converter=usage)


def versions_of(value: Any) -> tuple[VersionUsage, ...]:
    """*value* as the usage of versions."""
    # in the order given: a contract's versions follow one another in time
    found = tuple(value)
    for item in found:
        if not isinstance(item, VersionUsage):
            raise InvalidAccount("not the usage of a version", item, "give VersionUsage(start, used)")
    return found
