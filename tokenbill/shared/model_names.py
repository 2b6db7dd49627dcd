"""Model names: which of the names that a price list knows a dated snapshot of a model belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["known_as", "undated"]

DATED: Final = r"[-@:](\d{4}-\d\d-\d\d|\d{8}|\d{6}|\d{4}|latest|\d{3}|v\d+(:\d+)?)$"
"""How makers name the snapshots of a model: by a date, a number of four or three digits, or as the latest."""
PLACE: Final = r"^(us|eu|apac|global|jp|au)\."
"""What a host puts before a model that it serves in one part of the world."""


def undated(model: str) -> str:
    """The name of a model without the date of its snapshot.

    >>> (
    ...     undated("gpt-4o-2024-08-06"),
    ...     undated("claude-sonnet-4-5@20250929"),
    ...     undated("gpt-4o-mini"),
    ... )
    ('gpt-4o', 'claude-sonnet-4-5', 'gpt-4o-mini')
    """
    return re.sub(DATED, "", model)


def known_as(model: str, names: Iterable[str]) -> str | None:
    """The name among *names* that a model goes by: its own, or that without its date or its maker's path.

    >>> (
    ...     known_as("gpt-4o-2024-08-06", ["gpt-4o", "gpt-4o-mini"]),
    ...     known_as("gpt-4o-audio", ["gpt-4o"]),
    ... )
    ('gpt-4o', None)
    """
    every = {name.lower(): name for name in names}
    bare = model.lower()
    for form in (bare, bare.rpartition("/")[2], re.sub(PLACE, "", bare)):
        for spelled in (form, undated(form)):
            if spelled in every:
                return every[spelled]
    return None
