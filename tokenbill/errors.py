"""Every error tokenbill raises: what is wrong, the offending value, the way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from tokenbill.core.base.quoting import listed, quoted, tail

__all__ = [
    "AccountMismatch",
    "BalanceExhausted",
    "BillMismatch",
    "ConflictingEvent",
    "CurrencyMismatch",
    "InexactAmount",
    "InvalidAccount",
    "InvalidCurrency",
    "InvalidGrant",
    "InvalidHold",
    "InvalidMeter",
    "InvalidName",
    "InvalidNumber",
    "InvalidPeriod",
    "InvalidPlan",
    "InvalidPrice",
    "InvalidRounding",
    "InvalidSchedule",
    "InvalidUsage",
    "MissingExtra",
    "QuantityOverflow",
    "QuotaExhausted",
    "StoreUnavailable",
    "TokenbillError",
    "UnpricedUsage",
    "UnpricedVariant",
    "UnreadableField",
    "UnreadableInput",
    "UnreadableRow",
]


class TokenbillError(Exception):
    """Base of every error of the library; ``code`` is stable, the text is not."""

    code = "tokenbill_error"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else self.code  # KeyError would show the repr

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(cls: type[TokenbillError], args: tuple[Any, ...], state: dict[str, Any]) -> TokenbillError:
    """An error out of a pickle: made without the constructor, whose arguments are gone."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class _Invalid(TokenbillError, ValueError):
    """A value that may not exist: *what* it is, its *value*, and the *way out*."""

    def __init__(self, what: str, value: object, way_out: str) -> None:
        self.value = quoted(value)
        super().__init__(f"{what}: {self.value}; {way_out}")


class InvalidNumber(_Invalid):
    """A number that is a float, not finite, malformed, or beyond the limits."""

    code = "invalid_number"


class InvalidName(_Invalid):
    """A name, id or text that is empty, too long, or holds control characters."""

    code = "invalid_name"


class InvalidCurrency(_Invalid):
    """A currency that is not a code of ISO 4217 and gives no places of its own."""

    code = "invalid_currency"


class InvalidRounding(_Invalid):
    """A rounding whose places, mode, stage or tax policy does not exist."""

    code = "invalid_rounding"


class InvalidMeter(_Invalid):
    """A meter that cannot be read as ``name{label=value,...}``."""

    code = "invalid_meter"


class InvalidUsage(_Invalid):
    """Usage that is negative, or not a mapping from meters to quantities."""

    code = "invalid_usage"


class InvalidPrice(_Invalid):
    """A price whose parts contradict each other, or that answers with a wrong amount."""

    code = "invalid_price"


class InvalidSchedule(_Invalid):
    """A schedule with entries that are no prices, or that tie for some meter."""

    code = "invalid_schedule"


class InvalidPlan(_Invalid):
    """A plan whose terms contradict each other, or a bill asked of something else."""

    code = "invalid_plan"


class InvalidPeriod(_Invalid):
    """A period, cycle, zone or instant that does not exist or mixes kinds."""

    code = "invalid_period"


class InvalidGrant(_Invalid):
    """A grant or balance whose parts contradict each other."""

    code = "invalid_grant"


class InvalidHold(_Invalid):
    """A reservation that is none, or an id of one that is not open or is taken."""

    code = "invalid_hold"


class InvalidAccount(_Invalid):
    """An account whose parts contradict each other."""

    code = "invalid_account"


class UnreadableInput(_Invalid):
    """Text, a file or a payload that cannot be read as what it should be."""

    code = "unreadable_input"


class UnreadableRow(UnreadableInput):
    """A row that cannot be read: ``file``, ``line``, ``column`` and ``value`` say where and what."""

    code = "unreadable_row"

    def __init__(
        self, problem: object, value: object, *, file: str, line: int, column: str | None = None
    ) -> None:
        self.file, self.line, self.column, self.value = file, line, column, quoted(value)
        cell = "" if column is None else f", column {quoted(column)}"
        TokenbillError.__init__(self, f"{tail(file)}, line {line}{cell}: {problem}")


class UnreadableField(UnreadableInput):
    """A field of a document that cannot be read: ``path`` and ``value`` say where and what."""

    code = "unreadable_field"

    def __init__(self, problem: object, value: object, *, path: str) -> None:
        self.path, self.value = path, quoted(value)
        TokenbillError.__init__(self, f"{tail(path)}: {problem}")


class InexactAmount(TokenbillError, ArithmeticError):
    """A price's ``amount`` lost a digit: return a Fraction where a division does not end."""

    code = "inexact_amount"

    def __init__(self, price: object) -> None:
        super().__init__(
            f"amount of {quoted(price)} needs more digits than a Decimal can hold;"
            " return a fractions.Fraction"
        )


class CurrencyMismatch(TokenbillError, ValueError):
    """Two currencies where one is due."""

    code = "currency_mismatch"

    def __init__(self, one: object, other: object) -> None:
        self.one, self.other = str(one), str(other)
        super().__init__(f"{quoted(self.one)} and {quoted(self.other)} do not mix; convert one of them first")


class UnpricedUsage(TokenbillError, KeyError):
    """Usage names a meter for which the schedule has no price."""

    code = "unpriced_usage"

    def __init__(self, meter: str, priced: Iterable[str] = ()) -> None:
        self.meter, self.priced = meter, tuple(priced)
        super().__init__(
            f"no price for meter {quoted(meter)}; the schedule prices {listed(self.priced)};"
            " write 0 for a free meter"
        )


class UnpricedVariant(UnpricedUsage):
    """Tokens of a variant that may be dearer, for which a price list names no price; ``label`` says which."""

    code = "unpriced_variant"

    def __init__(self, meter: str, label: str, priced: Iterable[str] = ()) -> None:
        self.meter, self.label, self.priced = meter, label, tuple(priced)
        Exception.__init__(
            self,
            f"no price of {label} for {quoted(meter)}; the price list has only {listed(self.priced)}:"
            " price the variant by an entry of its own",
        )


class AccountMismatch(TokenbillError, ValueError):
    """An opening account of another period, other terms, or edited by hand."""

    code = "account_mismatch"

    def __init__(self, what: str, account: object, bill: object, way_out: str = "") -> None:
        self.account, self.bill = quoted(account), quoted(bill)
        way_out = way_out or "close the one period before the next begins"
        super().__init__(
            f"{what} of the opening account: {self.account}, of the bill: {self.bill}; {way_out}"
        )


class BillMismatch(TokenbillError, ValueError):
    """A bill that today's code, plan and usage do not give; ``line`` says where."""

    code = "bill_mismatch"

    def __init__(self, line: str, stored: object, computed: object) -> None:
        self.line, self.stored, self.computed = line, quoted(stored), quoted(computed)
        super().__init__(
            f"{quoted(line)} reads {self.stored} but comes out as {self.computed};"
            " bill the usage again, or find what changed"
        )


class BalanceExhausted(TokenbillError, ValueError):
    """A prepaid plan refuses usage that the balance does not cover; ``short`` is missing."""

    code = "balance_exhausted"

    def __init__(self, short: Any, currency: str) -> None:
        self.short, self.currency = short, currency
        super().__init__(f"the balance is short of {short:f} {currency}; add a grant or bill the overage")


class QuotaExhausted(BalanceExhausted):
    """A quota of a plan has no room for usage; ``quota`` says which, ``free_at`` when it has, None for never.

    ``short`` is what goes beyond it, in ``currency``: a code, or ``units``.
    """

    code = "quota_exhausted"

    def __init__(self, quota: str, short: Any, currency: str, free_at: Any) -> None:
        super().__init__(short, currency)
        self.quota, self.free_at = quota, free_at
        when = "ask for less" if free_at is None else f"ask again at {free_at.isoformat()}"
        self.args = (f"the quota {quoted(quota)} is exceeded by {short:f} {currency}; {when}",)


class ConflictingEvent(TokenbillError, ValueError):
    """An event whose source and id were seen with other content; ``source`` and ``id`` say which."""

    code = "conflicting_event"

    def __init__(self, source: str, id: str) -> None:
        self.source, self.id = source, id
        super().__init__(
            f"event {quoted(id)} of {quoted(source)} came with other content before;"
            " send a correction under an id of its own"
        )


class QuantityOverflow(TokenbillError, OverflowError):
    """A quantity of a column whose amount no fixed decimal holds: ``meter``, ``group``, and the ``most``."""

    code = "quantity_overflow"

    def __init__(
        self, meter: str, group: object, quantity: object, most: object, *, scale: int | None = None
    ) -> None:
        self.meter, self.group, self.quantity, self.most = meter, group, quoted(quantity), quoted(most)
        where = f" of {quoted(group)}" if group else ""
        way_out = "give quantities or rates with fewer decimals" if scale is None else f"write scale={scale}"
        super().__init__(
            f"{quoted(meter)}{where}: {self.quantity} is more than {self.most}, up to which columns"
            f" are exact; {way_out}, or bill it with Bill.of"
        )


class StoreUnavailable(TokenbillError, RuntimeError):
    """A database that a store cannot use now, or not at all: ``reason`` is the database's own word for it."""

    code = "store_unavailable"

    def __init__(self, what: str, reason: object, way_out: str) -> None:
        self.reason = quoted(reason)
        super().__init__(f"{what}: {self.reason}; {way_out}")


class MissingExtra(TokenbillError, ImportError):
    """A wing needs a ``package`` that is not installed; ``extra`` names all that the wing needs."""

    code = "missing_extra"
    # Packages by extra, as in pyproject.toml. The advice names them and never this library: whoever reads
    # it has the library already, and another project bears the name `tokenbill` on the package index.
    _packages: ClassVar = {
        "progress": "tqdm",
        "toml": "tomli-w",
        "parquet": "pyarrow",
        "plots": "matplotlib",
        "pdf": "weasyprint",
        "genai-prices": "'genai-prices<0.3'",
        "pandas": "pandas numpy pyarrow",
        "arrow": "pyarrow numpy",
        "polars": "polars numpy pyarrow",
        "duckdb": "duckdb pyarrow numpy",
        "spark": "pyspark pyarrow numpy",
        "dask": "'dask[dataframe]' pandas numpy pyarrow",
        "store": "'sqlalchemy[asyncio]>=2'",
        "test": "pytest pytest-xdist hypothesis iso4217",
    }

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{package} is not installed; run: pip install {self._packages.get(extra, package)}")
