"""CloudEvents: what one message says was used, read strictly, and written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from attrs import field, frozen

from tokenbill.core.base.inputs import listed_of, name
from tokenbill.core.base.tables import shortest
from tokenbill.core.base.values import slot_setters
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import number
from tokenbill.core.periods.instants import iso_text
from tokenbill.errors import InvalidUsage, UnreadableInput
from tokenbill.shared.foreign_data import instant, members_of, readable, telling, text_of
from tokenbill.shared.strict_json import NotJson, decoded

__all__ = ["Event", "read_cloudevent", "read_cloudevents", "to_cloudevent"]

REQUIRED: Final = ("specversion", "id", "source", "type", "time", "data")
"""What a message must have to be billed."""
ALL_REQUIRED: Final = frozenset(REQUIRED)
OF_DATA: Final = ("meter", "labels")
"""The keys of an event's data that are no labels, beside its quantity."""
USAGE: Final = "usage"
"""The key of quantities of several meters."""
NO_LABELS: Final[tuple[Any, ...]] = ()
QUANTITY: Final = "quantity"
"""The key of one quantity, unless said otherwise."""
# Python's own reader of times is ten times as fast as ours, and takes weeks and, in later versions, 24:00 as
# well. It is given this plain form alone, so that which of the two reads an event never shows.
IN_UTC: Final = re.compile(
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z"
)
"""The time of almost every event."""
FEW_DIGITS: Final = 18
"""Most digits of a quantity that is read as an int at once."""


def source_of(value: object) -> str:
    """A name of who sends events."""
    return name(value, what="source")


def id_of(value: object) -> str:
    """The id of an event."""
    return name(value, what="id")


def customer_of(value: object) -> str | None:
    """The name of a customer, or None."""
    return None if value is None else name(value, what="customer")


def usage_of(value: Any) -> Usage:
    """Usage, as it is or out of quantities by meter."""
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

    >>> event = Event(
    ...     "gateway", "r-17", "2026-11-05T10:00:00+08:00", "acme", Usage(api_calls=1)
    ... )
    >>> event.time.isoformat()
    '2026-11-05T02:00:00+00:00'
    """

    source: str = field(converter=source_of)
    id: str = field(converter=id_of)
    time: datetime = field(converter=instant)
    customer: str | None = field(converter=customer_of)
    usage: Usage = field(converter=usage_of)

    @property
    def digest(self) -> str:
        """SHA-256 of what the event says, in hex: its time, customer and usage, however they are written.

        Zero is no usage: two events of zero say the same, whichever meters they name.

        >>> moment, meter = "2026-11-05T10:00:00Z", "gpu_hours"
        >>> one, other = (
        ...     Event("s", "1", moment, "acme", {meter: hours}) for hours in ("5", "5.0")
        ... )
        >>> one.digest == other.digest
        True
        """
        counted = self.usage.counted
        lines = [self.time.isoformat(), self.customer or ""]
        for meter in sorted(counted) if len(counted) > 1 else counted:
            quantity = counted[meter]
            lines.append(f"{meter} {quantity if type(quantity) is int else shortest(Decimal(quantity))}")
        # no name and no meter holds a line break, so that no two contents make one text
        return sha256("\n".join(lines).encode()).hexdigest()


set_source, set_id, set_time, set_customer, set_usage = slot_setters(Event)


def read_cloudevent(event: Any, labels: Iterable[str] = NO_LABELS, *, quantity: str = QUANTITY) -> Event:
    """The event of a CloudEvents 1.0 message: the mapping that its JSON is, or an event of the official SDK.

    ``type`` names the meter, ``subject`` the customer, and ``data`` is a quantity with its labels:
    ``{"quantity": "5", "labels": {"model": "m-1"}}``; or the quantities of several meters:
    ``{"usage": {"input_tokens": "120", "output_tokens": "30"}}``. A quantity is text, an int or a Decimal,
    so read JSON with ``json.loads(text, parse_float=Decimal)``. Extension attributes are ignored.

    Args:
        event: The message in structured mode.
        labels: Further keys of ``data`` that are labels; any other key is refused.
        quantity: The key of ``data`` that holds the quantity, where it has another name.

    Raises:
        UnreadableInput: If an attribute is missing or unfit, or ``data`` is no such object; ``time``
            is required, with its offset, since the time of arrival may lie in another period.
        InvalidMeter: If the type and the labels make no meter.
        InvalidUsage: If the quantity is negative.

    Source: CloudEvents 1.0, JSON event format.

    >>> read_cloudevent(
    ...     {
    ...         "specversion": "1.0",
    ...         "id": "r-17",
    ...         "source": "gateway",
    ...         "type": "prompt",
    ...         "subject": "acme",
    ...         "time": "2026-11-05T10:00:00Z",
    ...         "data": {"tokens": "5", "model": "m-1"},
    ...     },
    ...     labels=["model"],
    ...     quantity="tokens",
    ... ).usage
    Usage({'prompt{model=m-1}': 5})
    """
    # a plain dict runs no code of its own, so that it is read as it is
    kind_of: Any = type  # narrowed by it a value would be of no known type to pyright
    members: dict[Any, Any] = event if kind_of(event) is dict else members_of_message(event)
    if not members.keys() >= ALL_REQUIRED:
        lacking = next(attribute for attribute in REQUIRED if attribute not in members)
        raise UnreadableInput("an event without", lacking, f"send all of {', '.join(REQUIRED)}")
    version: object = members["specversion"]
    if (version if type(version) is str else text_of(members, "specversion")) != "1.0":
        raise UnreadableInput("specversion of an event", telling(members["specversion"]), 'write "1.0"')
    source, identity, kind = text_of(members, "source"), text_of(members, "id"), text_of(members, "type")
    customer = None if members.get("subject") is None else text_of(members, "subject")
    # What would be read wrongly, or not at all, is refused: a sender that is told so can mend it.
    if members.get("data_base64") is not None:
        raise UnreadableInput("binary data of an event", "data_base64", "send data as a JSON object")
    # Neither is read, but a broken one says that the message is not what it seems.
    for attribute in ("datacontenttype", "dataschema"):
        value = members.get(attribute)
        if value is not None and not (isinstance(value, str) and value):
            raise UnreadableInput(f"{attribute} of an event", telling(value), "give text, or leave it out")
    said: Any = members["data"]
    data: dict[Any, Any] = said if kind_of(said) is dict else members_of(said, "data of an event")
    key = QUANTITY if quantity is QUANTITY else checked_key(quantity)
    names = names_of_labels(labels)
    # a quantity alone, as of almost every event without labels, is all there is to read
    given = () if len(data) == 1 and key in data else labels_of(data, kind, names, key)
    # Engines that meter models send one event for a request, and a request has several meters.
    if USAGE in data and key not in data:
        counts = members_of(data[USAGE], "usage of an event")
        counted = {
            labelled(text_of({"meter": meter}, "meter"), given): quantity_of(each)
            for meter, each in counts.items()
        }
    else:
        counted = {labelled(kind, given): quantity_of(data.get(key))}
    return checked_event(source, identity, time_of(members), customer, Usage(counted))


def checked_event(source: str, id: str, time: datetime, customer: str | None, usage: Usage) -> Event:
    """An event of parts that were checked one by one, each with an error of its own."""
    event = Event.__new__(Event)
    set_source(event, source)
    set_id(event, id)
    set_time(event, time)
    set_customer(event, customer)
    set_usage(event, usage)
    return event


def read_cloudevents(
    batch: Any, labels: Iterable[str] = (), *, quantity: str = "quantity"
) -> tuple[Event, ...]:
    """The events of a batch: a list of messages, as ``application/cloudevents-batch+json`` is.

    An event that is in it twice comes twice; ``once`` counts it once.

    Args:
        batch: The list that its JSON is, or its text.
        labels: As of ``read_cloudevent``.
        quantity: As of ``read_cloudevent``.

    Raises:
        UnreadableInput: If it is no list, or holds what is no event.
    """
    try:
        given = decoded(batch) if isinstance(batch, str) else batch
    except NotJson as problem:
        told = f"text of {len(batch)} characters"
        raise UnreadableInput(f"a batch that is {problem}", told, problem.way_out) from None
    messages = listed_of(given)
    if messages is None:
        raise UnreadableInput("not a batch of events", telling(given), "give a list of messages")
    names = names_of_labels(labels)
    return tuple(read_cloudevent(message, names, quantity=quantity) for message in messages)


def members_of_message(event: Any) -> dict[Any, Any]:
    """The attributes of a message and its data, as the SDK's own event holds them apart."""
    attributes, data = (getattr(event, each, None) for each in ("get_attributes", "get_data"))
    if isinstance(event, Mapping) or not (callable(attributes) and callable(data)):
        return members_of(event, "event")
    try:
        held, said = attributes(), data()
    except Exception:  # a foreign object may raise anything
        raise UnreadableInput("an event that fails", telling(event), "give its mapping") from None
    return {**members_of(held, "event"), "data": said}


def to_cloudevent(event: Event) -> dict[str, Any]:
    """An event of one meter as a CloudEvents 1.0 message, which ``read_cloudevent`` reads.

    The quantity is written as text, so that no JSON reader makes a float of it.

    Raises:
        InvalidUsage: If the event counts no meter, or several: a message has one quantity.

    >>> to_cloudevent(
    ...     Event("gateway", "r-17", "2026-11-05T10:00:00Z", "acme", Usage(tokens=5))
    ... )["data"]
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
        "time": iso_text(event.time),
        "datacontenttype": "application/json",
        "data": {"quantity": shortest(quantity), **({"labels": dict(meter.labels)} if meter.labels else {})},
    }


@lru_cache(4096)
def labelled(kind: str, labels: tuple[tuple[str, str], ...]) -> Meter:
    """The meter of a type and labels; millions of events name the same few thousand."""
    return Meter(kind, dict(labels)) if labels else Meter(kind)


def names_of_labels(labels: Any) -> tuple[Any, ...]:
    """The keys of data that are labels, of which one may be given without a list."""
    if labels is NO_LABELS:  # of almost every event
        return ()
    named = (labels,) if isinstance(labels, str) else listed_of(labels)
    if named is None:
        raise UnreadableInput("no names of labels", labels, 'give a list: labels=["model"]')
    return named


def checked_key(quantity: object) -> str:
    """The name of the member that holds the quantity."""
    if not isinstance(quantity, str) or quantity in (*OF_DATA, USAGE):
        raise UnreadableInput(
            "not the key of a quantity", telling(quantity), 'give a name: quantity="tokens"'
        )
    return quantity


def labels_of(
    data: dict[Any, Any], kind: str, named: tuple[Any, ...], quantity: str
) -> tuple[tuple[str, str], ...]:
    """The labels of an event's data, those that lie beside the quantity included."""
    # Some engines repeat the meter in data; another one there would be two answers to what was used.
    meter = data.get("meter", kind)
    if not (isinstance(meter, str) and meter == kind):
        raise UnreadableInput("a meter that is not the type", telling(meter), "leave it out of data")
    given = data.get("labels")
    found = {} if given is None else members_of(given, "labels of an event")
    for key, value in data.items():
        if key == quantity or key in OF_DATA or (key == USAGE and quantity not in data):
            continue
        # Dropped in silence, a label would leave its event at the price of those without it.
        if key not in named:
            way_out = "name it if it is a label: labels=[…]; or if it is the quantity: quantity=…"
            raise UnreadableInput("an unknown key of data", key, way_out)
        if key in found:
            raise UnreadableInput("a label given twice", key, "give it in data or in its labels")
        found[key] = value
    return tuple([(label, text_of(found, label)) for label in found]) if found else ()


def quantity_of(value: Any) -> int | Decimal:
    """A quantity without needless decimals: which of two deliveries is read must not show on a bill."""
    # Almost every quantity is a few digits; isdigit alone takes those of other scripts, too.
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= FEW_DIGITS:
        return int(value)
    quantity = readable(number, value, "quantity of an event", 'write it as text: "5" or "0.5"')
    whole = int(quantity)
    return whole if whole == quantity else Decimal(shortest(quantity))


def time_of(members: dict[Any, Any]) -> datetime:
    """When an event happened; where it was received may have another period open."""
    value = members.get("time")
    if type(value) is str and IN_UTC.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:  # a day that no calendar has: the error below says so
            pass
    if isinstance(value, datetime):  # as the SDK reads it; one without offset is refused
        return readable(instant, value, "time of an event", "give it an offset")
    way_out = 'write RFC 3339 with an offset: "2026-01-05T00:00:00Z"'
    text = str.__str__(value) if isinstance(value, str) else ""
    if not text or "[" in text:
        raise UnreadableInput("time of an event", telling(value), way_out)
    return readable(instant, text, "time of an event", way_out)
