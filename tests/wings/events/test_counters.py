"""Counters, batches and look-alikes: what other engines and exporters send."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.shared_vectors import folder
from tokenbill import Period, Usage
from tokenbill.errors import InvalidNumber, InvalidPeriod, InvalidUsage, TokenbillError, UnreadableInput
from tokenbill.events import (
    Event,
    counter,
    gpu_seconds,
    once,
    read_cloudevent,
    read_cloudevents,
    repeated,
    rises,
)

RECORDS = folder().parent / "cases" / "records.md"


@pytest.mark.parametrize(
    ("readings", "prior", "total"),
    [
        ([3, 7, 2, 5], 0, 12),
        ([5, 9], 4, 5),
        ([2], 10, 2),
        (["1e+06", "1.2345678e+07"], 0, 12_345_678),
        ([7, 7, 7], 0, 7),
        ([], 5, 0),
    ],
    ids=str,
)
def test_a_counter_adds_what_it_grew_and_a_restart_begins_at_zero(readings, prior, total):
    assert sum(counter(readings, prior)) == total


@pytest.mark.parametrize("readings", [[-1], ["x"], [1.5], 5, "12"], ids=repr)
def test_what_is_no_reading_is_refused(readings):
    with pytest.raises(TokenbillError):
        counter(readings)


@given(st.lists(st.integers(0, 99)), st.lists(st.integers(0, 99)), st.integers(0, 99))
def test_a_counter_may_be_read_in_parts_and_adds_at_least_what_it_rose(early, late, prior):
    last = ([prior, *early])[-1]

    assert counter([*early, *late], prior) == (*counter(early, prior), *counter(late, last))
    assert sum(counter([*early, *late], prior)) >= sum(rises([*early, *late], prior))


def test_exponents_of_digits_are_exact_numbers():
    assert Usage(tokens="1.2345678e+07") == Usage(tokens=12_345_678)
    assert Usage(tokens="1e-05")["tokens"] == Decimal("0.00001")
    with pytest.raises(InvalidNumber):
        Usage(tokens="1e999999999")


@pytest.mark.parametrize(
    ("job", "seconds"),
    [
        ((1795948656, 1795948683, 2), 54),
        ((1795948656, 1795948683, 2, 17), 20),
        ((Decimal("1795948656.5"), 1795948683, 2), 53),
        (("2026-11-29T10:37:36Z", "2026-11-29T10:38:03Z", 2), 54),
        (("2026-11-29T10:37:36Z", 1795948683, 2, "27"), 0),
    ],
    ids=str,
)
def test_a_job_is_told_by_instants_or_seconds_of_the_epoch_and_may_have_paused(job, seconds):
    assert gpu_seconds([job]) == seconds


@pytest.mark.parametrize(
    ("job", "error"),
    [
        (("2026-11-29T10:37:36", "2026-11-29T10:38:03", 2), InvalidPeriod),
        ((1795948656, 1795948683, 2, 28), InvalidPeriod),
        ((1795948656, 1795948683, 2, -1), InvalidUsage),
        ((1795948656, 1795948683, 2, 1, 1), InvalidUsage),
        ((1795948656, 1795948683), InvalidUsage),
        ((10**18, 10**18, 2), InvalidPeriod),
        ((Decimal("0.0000001"), 1, 2), InvalidPeriod),
        ((True, 1, 2), InvalidPeriod),
        ((0.5, 1, 2), InvalidPeriod),
    ],
    ids=str,
)
def test_what_is_no_job_is_refused(job, error):
    with pytest.raises(error):
        gpu_seconds([job])


def test_a_paused_job_is_not_cut_for_nobody_knows_when_it_paused():
    period = Period("2026-11-29T10:37:40Z", "2026-11-30T00:00:00Z")

    with pytest.raises(InvalidPeriod, match="partly"):
        gpu_seconds([(1795948656, 1795948683, 2, 17)], period)
    assert gpu_seconds([(1795948656, 1795948683, 2)], period) == 46
    assert gpu_seconds([(1795948656, 1795948657, 2, 1)], period) == 0
    assert gpu_seconds([(1795948660, 1795948683, 2, 3)], period) == 40


MESSAGE = {
    "specversion": "1.0",
    "id": "r-1",
    "source": "gateway",
    "type": "prompt",
    "subject": "acme",
    "time": "2026-11-05T10:00:00Z",
}


def test_the_quantity_of_an_event_may_have_another_name():
    event = {**MESSAGE, "data": {"tokens": "123", "model": "m-1"}}
    read = read_cloudevent(event, quantity="tokens", labels=["model"])

    assert (read.customer, read.usage) == ("acme", Usage({"prompt{model=m-1}": 123}))
    with pytest.raises(UnreadableInput, match="quantity="):
        read_cloudevent(event, labels=["model"])
    with pytest.raises(UnreadableInput):
        read_cloudevent({**event, "data": {"tokens": 1, "quantity": 2}}, quantity="tokens")


def test_an_event_may_count_several_meters():
    counts = {"input_tokens": "120", "output_tokens": 30}
    event = {**MESSAGE, "data": {"usage": counts, "labels": {"model": "m-1"}}}

    assert read_cloudevent({**MESSAGE, "data": {"usage": counts}}).usage == Usage(counts)
    assert read_cloudevent(event).usage == Usage(
        {"input_tokens{model=m-1}": 120, "output_tokens{model=m-1}": 30}
    )
    assert read_cloudevent(
        {**MESSAGE, "data": {"quantity": 5, "usage": "text"}}, labels=["usage"]
    ).usage == Usage({"prompt{usage=text}": 5})


@pytest.mark.parametrize(
    ("data", "more"),
    [
        ({"usage": 5}, {}),
        ({"usage": {"input_tokens": "many"}}, {}),
        ({"usage": {"input_tokens": -1}}, {}),
        ({"usage": {"input tokens": 1}}, {}),
        ({"usage": {5: 1}}, {}),
        ({"usage": {"tokens": 1}, "quantity": 5}, {}),
        ({"quantity": 5}, {"quantity": "labels"}),
        ({"quantity": 5}, {"quantity": 5}),
    ],
    ids=str,
)
def test_what_is_no_quantity_of_an_event_is_refused(data, more):
    with pytest.raises(TokenbillError):
        read_cloudevent({**MESSAGE, "data": data}, **more)


class SdkEvent:
    """An event as the official SDK keeps it: attributes and data apart, its time a datetime."""

    def __init__(self, time):
        self.time = time

    def get_attributes(self):
        return {**MESSAGE, "type": "tokens", "time": self.time}

    def get_data(self):
        return {"quantity": "5"}


class FailingEvent(SdkEvent):
    def get_data(self):
        raise RuntimeError("no data today")


def test_an_event_of_the_sdk_is_read_as_its_parts_are():
    moment = datetime(2026, 11, 5, 10, tzinfo=UTC)
    event = SdkEvent(moment)
    read = read_cloudevent(event)

    assert (read.time, read.usage) == (moment, Usage(tokens=5))
    assert read == read_cloudevent({**event.get_attributes(), "data": event.get_data()})
    with pytest.raises(UnreadableInput, match="time of an event"):
        read_cloudevent(SdkEvent(datetime(2026, 11, 5, 10)))
    with pytest.raises(UnreadableInput, match="fails"):
        read_cloudevent(FailingEvent(moment))


@pytest.mark.skipif(find_spec("cloudevents") is None, reason="run: pip install cloudevents")
def test_an_event_that_the_sdk_made_is_read():
    from cloudevents.core.v1.event import CloudEvent

    attributes = {**MESSAGE, "type": "tokens", "time": datetime(2026, 11, 5, 10, tzinfo=UTC)}

    assert read_cloudevent(CloudEvent(attributes, {"quantity": "5"})).usage == Usage(tokens=5)


def test_a_batch_is_a_list_of_messages_or_its_text():
    batch = [
        {**MESSAGE, "id": key, "type": "tokens", "data": {"quantity": count}}
        for key, count in [("a", 123), ("b", 1)]
    ]
    batch.append(batch[0])

    assert read_cloudevents(json.dumps(batch)) == read_cloudevents(batch)
    assert sum(event.usage["tokens"] for event in once(read_cloudevents(batch))) == 124
    assert read_cloudevents([{**MESSAGE, "data": {"n": 1}}], quantity="n")[0].usage == Usage(prompt=1)


@pytest.mark.parametrize("batch", [5, "5", "[", "{}", {}, [5]], ids=repr)
def test_what_is_no_batch_is_refused(batch):
    with pytest.raises(UnreadableInput):
        read_cloudevents(batch)


def test_events_that_look_like_one_another_are_named_and_none_is_left_out():
    def event(key, second="00", tokens=5, source="s"):
        return Event(source, key, f"2026-11-05T10:00:{second}Z", "acme", Usage(tokens=tokens))

    first, second = event("r-1"), event("r-2")
    assert repeated([first, second, first, event("r-3", tokens=6)]) == ((first, second),)
    assert repeated([first, event("r-2", second="01"), event("r-2", source="t"), first]) == ()
    with pytest.raises(InvalidUsage):
        repeated([5])


@pytest.mark.skipif(not RECORDS.exists(), reason="needs shared cases: set TOKENBILL_SHARED")
def test_public_messages_are_read_as_stands_beside_them():
    page = RECORDS.read_text(encoding="utf-8")
    blocks = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.S)]
    named, several, batch = blocks[1:]

    assert read_cloudevent(named, quantity="tokens", labels=["model"]).usage.total("prompt{model=m-1}") == 123
    assert read_cloudevent(several).usage == Usage(input_tokens=120, output_tokens=30)
    assert sum(event.usage["tokens"] for event in read_cloudevents(batch)) == 124
