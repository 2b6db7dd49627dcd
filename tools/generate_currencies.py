"""Write ``tokenbill/core/money/iso4217.py`` from the table that the PyPI package ``iso4217`` carries.

A code that was withdrawn stays: what the module knew before is kept.

Run ``python tools/generate_currencies.py`` after an amendment of ISO 4217.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

TARGET = Path(__file__).parents[1] / "tokenbill" / "core" / "money" / "iso4217.py"

MODULE = '''"""Minor units of ISO 4217 as of {published}, written by ``tools/generate_currencies.py``."""

from __future__ import annotations

__all__ = ["MINOR_UNITS"]

_CODES = {{
{rows}
}}

MINOR_UNITS = {{code: places for places, codes in _CODES.items() for code in codes.split()}}
"""Decimals of an amount, by code; what has none, such as gold, is left out."""
'''


def module(minor_units: Mapping[str, int], published: str) -> str:
    """The text of the generated module."""
    rows = "\n".join(
        row(places, sorted(code for code in minor_units if minor_units[code] == places))
        for places in sorted(set(minor_units.values()))
    )
    return MODULE.format(rows=rows, published=published)


def row(places: int, codes: list[str]) -> str:
    """The codes that share their number of places, in lines that fit."""
    lines = fill(" ".join(codes), 108, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return f'    {places}: """\n{lines}\n    """,'


def main() -> None:
    """Read the installed package and rewrite the module, which keeps every code that it had."""
    import iso4217

    from tokenbill.core.money.iso4217 import MINOR_UNITS

    published = {item.code: item.exponent for item in iso4217.Currency if item.exponent is not None}
    # a bill stored in a currency that was withdrawn since is still read, corrected and exported
    minor_units = {**MINOR_UNITS, **published}
    TARGET.write_text(module(minor_units, str(iso4217.__published__)), encoding="utf-8")


if __name__ == "__main__":
    main()
