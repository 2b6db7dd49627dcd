"""Answers on the command line: each row of a log at the price of the model that gave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from tokenbill.cli.options import Misuse, Request
from tokenbill.cli.row_reader import lengths_of
from tokenbill.cli.usage_by_time import Billed, Groups, dated
from tokenbill.core.base.inputs import name
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import is_before
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import InvalidName, TokenbillError, UnpricedUsage, UnreadableInput, UnreadableRow
from tokenbill.events import bracket
from tokenbill.payloads import Log, Record, read_log
from tokenbill.shared.model_names import known_as
from tokenbill.shared.rows import Source

__all__ = ["answered"]

REQUESTS: Final = "api_calls"
OF_ANSWERS: Final = ("model", "provider")
"""What an answer says of itself, which rows may be grouped by even where they have no such member."""


def answered(
    source: Source, request: Request, watched: Mapping[str, Any], tell: Callable[[str], object]
) -> tuple[Billed, BillingPlan]:
    """The usage of the answers in a file, each once, and what it is priced by.

    Raises:
        UnreadableRow: For a row of a model that has no price, with its line.
        TokenbillError: For what the file holds.
    """
    log = read_log(source, None if request.kind == "log" else request.kind, **watched)
    for count, what in (
        (log.repeated, "of answers that another row counts"),
        (log.summaries, "of spans that sum up others"),
        (log.others, "of other kinds, or of no answer"),
    ):
        if count:
            tell(f"passed over {count} {'row' if count == 1 else 'rows'} {what}")
    if not log.records:
        raise UnreadableInput("no answer to bill in", log.file, "say what its rows are by --as")
    if request.contract is not None:
        return _dated_answers(log, request), request.terms
    prices = _OwnPrices(request, log) if request.plan is None else _GivenPrices(request.plan, log)
    groups: Groups = {}
    for record in log:
        key, usage = _group(record, request.by), prices.usage(record)
        groups[key] = groups[key] + usage if key in groups else usage
    return dict(sorted(groups.items())), prices.plan


def _dated_answers(log: Log, request: Request) -> Billed:
    """The usage of answers by time, each under the names of the version that holds then."""
    prices = [_GivenPrices(plan, log) for plan in request.plans]
    versions = cast(Contract, request.contract).versions(cast(Period, request.period))
    starts = [version.period.start for version in versions]
    groups: Groups = {}
    for record in log:
        if record.at is None:
            raise _bad(log, record, "a row that has no time, and terms that change within the period")
        key = (*_group(record, request.by), record.at.isoformat())
        ((_, found),) = dated({key: Usage()}, request).items()
        (when,) = found
        place = max((i for i, start in enumerate(starts) if not is_before(when, start)), default=0)
        usage = prices[place].usage(record)
        groups[key] = groups[key] + usage if key in groups else usage
    return dated(dict(sorted(groups.items())), request)


def _group(record: Record, by: tuple[str, ...]) -> tuple[str, ...]:
    found = list[str]()
    for column in by:
        own = {"model": record.model, "provider": record.provider}.get(column)
        value = record.row.get(column, own)
        if value is None:
            raise InvalidName("no such member", column, "name one that every row has")
        found.append(name(value, what=column))
    return tuple(found)


def _bad(log: Log, record: Record, what: object) -> UnreadableRow:
    return UnreadableRow(what, record.model, file=log.file, line=record.line)


class _GivenPrices:
    """The prices of a plan; where they know models, each row is priced as its own, or refused."""

    def __init__(self, plan: BillingPlan, log: Log) -> None:
        self.plan, self._log = plan, log
        keys = list(plan.prices) if isinstance(plan.prices, PriceSchedule) else []
        self._models = {key.labels["model"]: None for key in keys if "model" in key.labels}
        self._labels = {label for key in keys for label in key.labels}
        self._over = lengths_of(plan)
        # A list that others keep charges by the request: its fee, its length and its hour, in a plan too.
        self._listed = plan.prices if getattr(plan.prices, "source", None) is not None else None

    def usage(self, record: Record) -> Usage:
        """The usage of an answer under the names of the plan."""
        known = dict[str, str]()
        pairs = list[tuple[Meter, Any]]()
        for meter, quantity in record.usage.items():
            labels = dict(meter.labels)
            model = labels.get("model")
            if self._models and "tool" not in labels:
                if model is None:
                    raise _bad(self._log, record, "a row that names no model, and prices by model")
                known[model] = known.get(model) or self._known(model, record)
                labels["model"] = known[model]
            # What no price tells apart would only make lines of their own.
            kept = {
                label: each
                for label, each in labels.items()
                if label not in OF_ANSWERS or label in self._labels
            }
            pairs.append((Meter(meter.name, kept), quantity))
        usage = Usage(pairs)
        if self._listed is not None:
            from tokenbill import catalog

            try:
                usage = catalog.request(usage, cast(PriceSchedule, self._listed), record.at)
            except TokenbillError as error:
                raise _bad(self._log, record, error) from None
            return _priced(self.plan, usage, record, self._log)
        usage = _priced(self.plan, usage, record, self._log)
        return bracket(usage, over=self._over) if self._over else usage

    def _known(self, model: str, record: Record) -> str:
        found = known_as(model, self._models)
        if found is None:
            names = ", ".join(list(self._models)[:5])
            raise _bad(
                self._log,
                record,
                f"a row of model {model!r}, and prices of {names}; price it, or bill it apart",
            )
        return found


def _priced(plan: BillingPlan, usage: Usage, record: Record, log: Log) -> Usage:
    """Usage of which every meter has a price; how many requests a report counts charges nothing by itself."""
    free = list[Meter]()
    for meter in usage:
        try:
            plan.prices.match(meter)
        except UnpricedUsage as error:
            if meter.name != REQUESTS:
                raise _bad(log, record, error) from None
            free.append(meter)
    return Usage([(meter, usage[meter]) for meter in usage if meter not in free]) if free else usage


class _OwnPrices:
    """The prices of the models that answered, or of those that were named, out of a catalogue."""

    def __init__(self, request: Request, log: Log) -> None:
        from tokenbill import catalog

        self._catalog, self._request, self._log = catalog, request, log
        self._map = request.price_map
        self._names = dict[str, str]()
        wanted = dict.fromkeys(
            self._name(model, record) for record in log for model in _models(record, request)
        )
        prices = self._prices(list(wanted))
        self._source: PriceSchedule | PriceBook = prices
        self.plan = BillingPlan.on_demand(
            catalog.by_version(prices) if isinstance(prices, PriceBook) else prices
        )

    def usage(self, record: Record) -> Usage:
        """The usage of an answer as its model's prices charge it, at its own instant."""
        pairs = list[tuple[Meter, Any]]()
        alone = self._request.models[0] if len(self._request.models) == 1 else None
        for meter, quantity in record.usage.items():
            model = meter.labels.get("model", alone)
            labels = {key: each for key, each in meter.labels.items() if key not in OF_ANSWERS}
            if model is not None:
                labels["model"] = self._name(model, record)
            pairs.append((Meter(meter.name, labels), quantity))
        try:
            usage = self._catalog.request(Usage(pairs), self._source, self._request.at or record.at)
        except TokenbillError as error:
            raise _bad(self._log, record, error) from None
        return _priced(self.plan, usage, record, self._log)

    def _name(self, model: str, record: Record) -> str:
        """The name by which a model is priced; one that was not asked for is an error."""
        if model not in self._names:
            asked = self._request.models
            found = known_as(model, asked) or (None if asked else model)
            if found is None:
                found = next((each for each in asked if self._same(model, each)), None)
            if found is None:
                what = f"usage of another model: {model!r}; its prices are not those of {', '.join(asked)}"
                raise _bad(self._log, record, f"{what}: name it too, or leave --model out")
            self._names[model] = found if self._map is None else self._in_map(found, record)
        return self._names[model]

    def _in_map(self, model: str, record: Record) -> str:
        names: Mapping[str, Any] = self._map if self._map is not None else {}
        found = model if model in names else known_as(model, names)
        if found is None:
            raise _bad(self._log, record, f"no price for model {model!r} in the map")
        return found

    def _same(self, model: str, other: str) -> bool:
        """Whether the catalogue takes two names for one model."""
        if self._map is not None:
            return False
        try:
            one, another = (self._catalog.schedule(each, self._request.provider) for each in (model, other))
        except TokenbillError:
            return False
        return one == another

    def _prices(self, models: list[str]) -> PriceSchedule | PriceBook:
        if self._map is not None:
            return self._catalog.from_price_map(self._map, model=models, ignore=self._request.ignore)
        for model in models:
            try:
                self._catalog.schedule(model, self._request.provider)
            except UnreadableInput as error:
                line = next(
                    (
                        record
                        for record in self._log
                        if model in [self._names.get(each, each) for each in _models(record, self._request)]
                    ),
                    None,
                )
                raise error if line is None else _bad(self._log, line, error) from None
        return self._catalog.schedule(models, self._request.provider, self._request.at)


def _models(record: Record, request: Request) -> list[str]:
    """The models of an answer: that which gave it, and those that worked for it."""
    found = [meter.labels["model"] for meter in record.usage if "model" in meter.labels]
    if found or len(request.models) == 1:
        return found or [request.models[0]]
    if not record.usage:
        return []
    raise Misuse(f"line {record.line} names no model: give its name by --model")
