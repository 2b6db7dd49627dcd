"""CloudEvents: what one message says was used, read strictly, and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of, name
from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import number
from tokenbill.core.periods.instants import spelled
from tokenbill.errors import InvalidUsage, UnreadableInput
from tokenbill.shared.foreign_data import instant, members_of, readable, telling, text_of

__all__ = ["Event", "read_cloudevent", "to_cloudevent"]

REQUIRED: Final = ("specversion", "id", "source", "type", "time", "data")
"""What a message must have to be billed."""
OF_DATA: Final = ("meter", "quantity", "labels")
"""The keys of an event's data that are no labels."""


def _source(value: object) -> str:
    return name(value, what="source")


def _id(value: object) -> str:
    return name(value, what="id")


def _customer(value: object) -> str | None:
    return None if value is None else name(value, what="customer")


def _usage(value: Any) -> Usage:
    return value if type(value) is Usage else Usage(value)


@frozen
class Event:
    """What a customer used at one time, as one message of one source says.

    Two deliveries of one event have the same source and id, and are equal as values.

    Args:
        source: Who sent it, 1 to 255 characters.
        id: Its name, unique within the source; both are compared character by character.
        time: When it happened, an aware datetime or its RFC 3339 text; kept in UTC.
        customer: Whose usage it is, or None where the message does not say.
        usage: What was used.

    Raises:
        InvalidName: If *source*, *id* or *customer* is no text of 1 to 255 fit characters.
        InvalidPeriod: If *time* is no instant.
        InvalidUsage: If *usage* is none.

    >>> event = Event("gateway", "r-17", "2026-11-05T10:00:00+08:00", "acme", Usage(api_calls=1))
    >>> event.time.isoformat()
    '2026-11-05T02:00:00+00:00'
    """

    source: str = field(converter=_source)
    id: str = field(converter=_id)
    time: datetime = field(converter=instant)
    customer: str | None = field(converter=_customer)
    usage: Usage = field(converter=_usage)

    @property
    def digest(self) -> str:
        """SHA-256 of what the event says, in hex: its time, customer and usage, however they are spelled.

        Zero is no usage: two events of zero say the same, whichever meters they name.

        >>> moment, meter = "2026-11-05T10:00:00Z", "gpu_hours"
        >>> one, other = (Event("s", "1", moment, "acme", {meter: hours}) for hours in ("5", "5.0"))
        >>> one.digest == other.digest
        True
        """
        counted = sorted(self.usage.counted.items())
        lines = [f"{meter} {shortest(Decimal(quantity))}" for meter, quantity in counted]
        # no name and no meter holds a line break, so that no two contents make one text
        return sha256("\n".join([self.time.isoformat(), self.customer or "", *lines]).encode()).hexdigest()


def read_cloudevent(event: Mapping[str, Any], labels: Iterable[str] = ()) -> Event:
    """The event of a CloudEvents 1.0 message, given as the mapping that its JSON is.

    ``type`` names the meter, ``subject`` the customer, and ``data`` is a quantity with its labels:
    ``{"quantity": "5", "labels": {"model": "m-1"}}``. A quantity is text, an int or a Decimal, so
    read JSON with ``json.loads(text, parse_float=Decimal)``. Extension attributes are ignored.

    Args:
        event: The message in structured mode.
        labels: Further keys of ``data`` that are labels; any other key is refused.

    Raises:
        UnreadableInput: If an attribute is missing or unfit, or ``data`` is no such object; ``time``
            is required, with its offset, since the time of arrival may lie in another period.
        InvalidMeter: If the type and the labels make no meter.
        InvalidUsage: If the quantity is negative.

    Source: CloudEvents 1.0, JSON event format.

    >>> read_cloudevent({
    ...     "specversion": "1.0", "id": "r-17", "source": "gateway", "type": "tokens", "subject": "acme",
    ...     "time": "2026-11-05T10:00:00Z", "data": {"quantity": "5", "labels": {"model": "m-1"}},
    ... }).usage
    Usage({'tokens{model=m-1}': 5})
    """
    members = members_of(event, "event")
    for attribute in REQUIRED:
        if attribute not in members:
            raise UnreadableInput("an event without", attribute, f"send all of {', '.join(REQUIRED)}")
    if text_of(members, "specversion") != "1.0":
        raise UnreadableInput("specversion of an event", telling(members["specversion"]), 'write "1.0"')
    source, identity, kind = (text_of(members, attribute) for attribute in ("source", "id", "type"))
    customer = None if members.get("subject") is None else text_of(members, "subject")
    _check_rest(members)
    data = members_of(members.get("data"), "data of an event")
    given = _labels(data, kind, _named(labels))
    meter = Meter(kind, given) if given else Meter(kind)
    return Event(source, identity, _time(members), customer, Usage({meter: _quantity(data)}))


def to_cloudevent(event: Event) -> dict[str, Any]:
    """An event of one meter as a CloudEvents 1.0 message, which ``read_cloudevent`` reads.

    The quantity is written as text, so that no JSON reader makes a float of it.

    Raises:
        InvalidUsage: If the event counts no meter, or several: a message has one quantity.

    >>> to_cloudevent(Event("gateway", "r-17", "2026-11-05T10:00:00Z", "acme", Usage(tokens=5)))["data"]
    {'quantity': '5'}
    """
    if not isinstance(event, Event):
        raise InvalidUsage("not an event", event, "give an Event")
    if len(event.usage) != 1:
        raise InvalidUsage("an event of other than one meter", list(event.usage), "make an event for each")
    ((meter, quantity),) = event.usage.items()
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": meter.name,
        **({} if event.customer is None else {"subject": event.customer}),
        "time": spelled(event.time),
        "datacontenttype": "application/json",
        "data": {"quantity": shortest(quantity), **({"labels": dict(meter.labels)} if meter.labels else {})},
    }


def _check_rest(members: dict[Any, Any]) -> None:
    """Refuse what would be read wrongly, or not at all."""
    if members.get("data_base64") is not None:
        raise UnreadableInput("binary data of an event", "data_base64", "send data as a JSON object")
    for attribute in ("datacontenttype", "dataschema"):
        value = members.get(attribute)
        if value is not None and not (isinstance(value, str) and value):
            raise UnreadableInput(f"{attribute} of an event", telling(value), "give text, or leave it out")


def _named(labels: Any) -> tuple[Any, ...]:
    named = (labels,) if isinstance(labels, str) else listed_of(labels)
    if named is None:
        raise UnreadableInput("no names of labels", labels, 'give a list: labels=["model"]')
    return named


def _labels(data: dict[Any, Any], kind: str, named: tuple[Any, ...]) -> dict[Any, str]:
    """The labels of an event's data, those that lie beside the quantity included."""
    meter = data.get("meter", kind)
    if not (isinstance(meter, str) and meter == kind):
        raise UnreadableInput("a meter that is not the type", telling(meter), "leave it out of data")
    given = data.get("labels")
    found = {} if given is None else dict(members_of(given, "labels of an event"))
    for key, value in data.items():
        if key in OF_DATA:
            continue
        if key not in named:
            raise UnreadableInput("an unknown key of data", key, "name it if it is a label: labels=[…]")
        if key in found:
            raise UnreadableInput("a label given twice", key, "give it in data or in its labels")
        found[key] = value
    return {label: text_of(found, label) for label in found}


def _quantity(data: dict[Any, Any]) -> int | Decimal:
    """A quantity without needless decimals: which of two deliveries is read must not show on a bill."""
    quantity = readable(
        number, data.get("quantity"), "quantity of an event", 'write it as text: "5" or "0.5"'
    )
    whole = int(quantity)
    return whole if whole == quantity else Decimal(shortest(quantity))


def _time(members: dict[Any, Any]) -> datetime:
    value = members.get("time")
    way_out = 'write RFC 3339 with an offset: "2026-01-05T00:00:00Z"'
    text = str.__str__(value) if isinstance(value, str) else ""
    if not text or "[" in text:
        raise UnreadableInput("time of an event", telling(value), way_out)
    return readable(instant, text, "time of an event", way_out)
