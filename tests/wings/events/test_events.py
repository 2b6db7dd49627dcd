"""Events: read strictly, counted once, summed exactly; and what is decided before usage is summed.

Oracles: the constants of OpenTelemetry, the SDK of CloudEvents, and the schema that its npm package holds,
whose path TOKENBILL_CLOUDEVENTS_SCHEMA tells. Without one of them its test skips, and says so.
"""

import json
import os
import pickle
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Cycle,
    Flat,
    Graduated,
    Meter,
    Period,
    PerUnit,
    PriceSchedule,
    Tier,
    TokenbillError,
    Usage,
    Volume,
    events,
)
from tokenbill.errors import (
    InvalidMeter,
    InvalidName,
    InvalidNumber,
    InvalidPeriod,
    InvalidUsage,
    UnreadableInput,
)
from tokenbill.events import (
    Charged,
    ConflictingEvent,
    Event,
    Seen,
    bracket,
    by_period,
    free_window,
    gpu_seconds,
    increments,
    late,
    once,
    read_cloudevent,
    read_otel,
    rises,
    to_cloudevent,
    usage_by,
)

MOMENT = "2026-01-05T00:00:00Z"
SECRET = "the password is swordfish"
MESSAGE = {
    "specversion": "1.0",
    "id": "e1",
    "source": "svc",
    "type": "tokens",
    "subject": "cust",
    "time": MOMENT,
    "data": {"meter": "tokens", "quantity": "5"},
}


def event(key="e1", tokens=5, *, time=MOMENT, source="svc", customer="cust"):
    return Event(source, key, time, customer, Usage(tokens=tokens))


def message(**members):
    return {**MESSAGE, **members}


def with_data(**members):
    return message(data=members)


class Failing(dict):
    """A mapping that raises whatever one asks of it."""

    def items(self):
        raise RuntimeError(SECRET)

    get = __getitem__ = __iter__ = items


# An event ---------------------------------------------------------------------------------------------


def test_an_event_keeps_its_instant_in_utc():
    assert event(time="2026-01-05T08:00:00+08:00").time == datetime(2026, 1, 5, tzinfo=UTC)
    assert event(time="2026-01-05T08:00:00+08:00") == event()


@pytest.mark.parametrize("part", ["source", "key", "customer"])
@pytest.mark.parametrize("bad", ["", "x" * 256, "a\0b", "\ud800", "a\u202eb", 5, b"x", ["x"]])
def test_an_event_refuses_a_name_that_is_none(part, bad):
    with pytest.raises(InvalidName):
        event(**{part: bad})


@pytest.mark.parametrize("part", ["source", "key", "customer"])
def test_a_name_may_have_255_characters(part):
    assert event(**{part: "x" * 255})


@pytest.mark.parametrize(
    "bad",
    [
        "2026-01-05",
        date(2026, 1, 5),
        "2026-01-05T00:00:00",
        datetime(2026, 1, 5),
        datetime(9999, 1, 1, tzinfo=UTC),
        5,
        None,
    ],
)
def test_an_event_refuses_a_time_that_is_no_instant(bad):
    with pytest.raises(InvalidPeriod):
        event(time=bad)


def test_an_event_takes_a_mapping_for_its_usage_and_nothing_else():
    assert Event("svc", "e1", MOMENT, None, {"tokens": "5"}).usage == Usage(tokens=5)
    with pytest.raises(InvalidUsage):
        Event("svc", "e1", MOMENT, None, 5)


def test_an_event_survives_a_pickle():
    assert pickle.loads(pickle.dumps(event())) == event()
    assert hash(event(tokens="5.0")) == hash(event())


def test_a_digest_is_of_the_content_alone_and_the_same_in_every_process():
    assert event(key="other", source="other", tokens="5.00").digest == event().digest
    # printf '2026-01-05T00:00:00+00:00\ncust\ntokens 5' | sha256sum
    assert event().digest == "ab03c166a64176a5a7f988e9636e0a37f2e01d41d80a8b4cb9cc1582c29e3eeb"


def test_a_digest_does_not_depend_on_the_order_of_meters():
    one, other = Usage({"calls": 1, "tokens": 2}), Usage({"tokens": 2, "calls": 1})

    assert Event("svc", "e1", MOMENT, None, one).digest == Event("svc", "e1", MOMENT, None, other).digest


def test_an_event_of_zero_says_the_same_whichever_meter_it_names():
    tokens, calls = (
        read_cloudevent(with_data(quantity=0) | {"type": meter}) for meter in ("tokens", "calls")
    )

    assert tokens == calls
    assert len(once([tokens, calls])) == 1


@pytest.mark.parametrize(
    "other",
    [
        event(tokens=6),
        event(customer="other"),
        event(customer=None),
        event(time="2026-01-05T00:00:00.000001Z"),
    ],
)
def test_a_digest_tells_other_content(other):
    assert other.digest != event().digest


# CloudEvents ------------------------------------------------------------------------------------------


def test_a_cloudevent_names_its_meter_by_type_and_its_customer_by_subject():
    assert read_cloudevent(MESSAGE) == event()


def test_labels_make_the_meter_be_they_in_the_type_in_labels_or_named_by_the_caller():
    data = {"quantity": "0.50", "labels": {"cache": "read"}, "model": "m 1"}
    found = read_cloudevent(message(type="input_tokens{ttl=1h}", data=data), labels=["model"])

    assert found.usage == Usage({'input_tokens{cache=read,model="m 1",ttl=1h}': "0.5"})
    assert read_cloudevent(message(type="input_tokens{ttl=1h}", data=data), labels="model") == found


@pytest.mark.parametrize(
    "quantity", ["5", "5.0", 5, Decimal("5.00"), json.loads("5.0", parse_float=Decimal)], ids=repr
)
def test_a_quantity_is_text_an_int_or_a_decimal(quantity):
    found = read_cloudevent(with_data(quantity=quantity)).usage

    assert repr(found) == "Usage({'tokens': 5})"  # however it was spelled, bills show the same


@given(
    *(st.integers(0, top).map("{:02}".format) for top in (13, 32, 25, 61, 61)),
    st.sampled_from(["1999", "2000", "2026", "2096", "٢٠٢٦"]),
    st.sampled_from(["", ".5", ".123456", ".1234567", ",5"]),
)
def test_the_quick_way_reads_a_time_as_the_long_one_does(month, day, hour, minute, second, year, fraction):
    text = f"{year}-{month}-{day}T{hour}:{minute}:{second}{fraction}"
    try:
        right = Event("s", "1", f"{text}+00:00", "c", {}).time
    except TokenbillError:
        with pytest.raises(UnreadableInput):
            read_cloudevent(message(time=f"{text}Z"))
    else:
        assert read_cloudevent(message(time=f"{text}Z")).time == right


@pytest.mark.parametrize("bad", ["2026-11-05T24:00:00Z", "2026-W45-4T10:00:00Z", "20261105T100000Z"])
def test_a_time_that_only_python_reads_is_none(bad):
    with pytest.raises(UnreadableInput):
        read_cloudevent(message(time=bad))


def test_extension_attributes_and_what_is_null_are_passed_over():
    extended = message(
        traceparent="00-ab", nested={"a": [1]}, subject=None, datacontenttype=None, data_base64=None
    )

    assert read_cloudevent(extended) == event(customer=None)
    assert read_cloudevent(message(datacontenttype="application/json", dataschema="urn:x")) == event()


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [MESSAGE],
        json.dumps(MESSAGE),
        Failing(MESSAGE),
        *(
            {key: value for key, value in MESSAGE.items() if key != left_out}
            for left_out in MESSAGE
            if left_out != "subject"
        ),
        *(
            message(**{key: value})
            for key in ("id", "source", "type", "specversion")
            for value in (None, "", 5, SECRET * 20)
        ),
        message(specversion="1.1"),
        message(id="\ud800"),
        message(subject=""),
        message(subject=5),
        message(type="no meter"),
        message(datacontenttype=""),
        message(dataschema=5),
        message(data_base64="eyJxdWFudGl0eSI6IDV9"),
        *(message(time=time) for time in (1767571200, None, "", "2026-01-05", "2026-01-05T00:00:00", SECRET)),
        *(
            message(time=f"2026-01-05T{clock}")
            for clock in ("24:00:00Z", "23:59:60Z", "00:00:00Z[Asia/Shanghai]")
        ),
        message(time="9999-12-31T23:59:59Z"),
        *(
            message(data=data)
            for data in (None, 5, "5", '{"quantity": 5}', [{"quantity": 5}], {}, Failing(quantity=5))
        ),
        *(
            with_data(quantity=bad)
            for bad in (None, True, 0.1, -5, "-5", "1e30", "NaN", SECRET, [5], 10**30, "٥")
        ),
        with_data(quantity=5, meter="other"),
        with_data(quantity=5, meter=None),
        with_data(quantity=5, model=SECRET),
        with_data(quantity=5, labels=[("model", "m-1")]),
        with_data(quantity=5, labels={"model": 1}),
        with_data(quantity=5, labels={"model": None}),
        with_data(quantity=5, labels={"no label": "x"}),
        with_data(quantity=5, labels={5: "x"}),
        {**MESSAGE, "data": {"quantity": 5, 5: "x"}},
        message(type="tokens{model=a}", data={"quantity": 5, "labels": {"model": "b"}}),
    ],
)
def test_a_message_that_is_no_event_is_refused_without_a_word_of_its_text(bad):
    with pytest.raises(TokenbillError) as refusal:
        read_cloudevent(bad)

    assert "swordfish" not in f"{refusal.value}{refusal.value!r}"


@pytest.mark.parametrize("key", ["specversion", "id", "source", "type", "time", "data"])
def test_what_an_event_lacks_is_named(key):
    without = {name: value for name, value in MESSAGE.items() if name != key}

    with pytest.raises(UnreadableInput, match=f"^an event without: '{key}';"):
        read_cloudevent(without)


def test_an_error_shows_no_text_of_what_only_looks_like_plain_text_or_a_number():
    class Text(str):
        def __getitem__(self, *key):
            raise RuntimeError(SECRET)

        __len__ = __str__ = __getitem__

    class Number(int):
        def __repr__(self):
            return SECRET

    for time in (Text("1e5"), Text(SECRET), Number(5)):
        with pytest.raises(UnreadableInput) as refusal:
            read_cloudevent(message(time=time))
        assert "swordfish" not in str(refusal.value)


def test_a_label_is_given_once():
    with pytest.raises(UnreadableInput, match="a label given twice"):
        read_cloudevent(with_data(quantity=5, model="a", labels={"model": "a"}), labels=["model"])


def test_the_names_of_labels_are_a_list():
    with pytest.raises(UnreadableInput, match="no names of labels"):
        read_cloudevent(MESSAGE, labels=5)


events_of_one_meter = st.builds(
    Event,
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=255),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]), min_size=1, max_size=20),
    st.datetimes(
        datetime(1970, 1, 2),
        datetime(9998, 12, 30),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
    ),
    st.sampled_from([None, "acme", "Ünïcode ☃"]),
    st.builds(
        lambda meter, labels, quantity: Usage({Meter(meter, labels): quantity}),
        st.sampled_from(["tokens", "com.example.gpu-hours"]),
        st.dictionaries(st.sampled_from(["model", "gpu"]), st.sampled_from(["a", "b c", '"=,}'])),
        st.one_of(st.integers(1, 10**30 - 1), st.decimals("0.000001", 10**9, places=6)),
    ),
)


@given(events_of_one_meter)
def test_what_is_written_is_read_as_it_was(event):
    assert read_cloudevent(json.loads(json.dumps(to_cloudevent(event)))) == event


@pytest.mark.parametrize("usage", [Usage(), Usage(tokens=1, calls=1)])
def test_only_an_event_of_one_meter_can_be_written(usage):
    with pytest.raises(InvalidUsage):
        to_cloudevent(Event("svc", "e1", MOMENT, "cust", usage))
    with pytest.raises(InvalidUsage):
        to_cloudevent(usage)


def test_a_quantity_is_written_as_text():
    assert to_cloudevent(event(tokens="0.10")) == {
        "specversion": "1.0",
        "id": "e1",
        "source": "svc",
        "type": "tokens",
        "subject": "cust",
        "time": "2026-01-05T00:00:00Z",
        "datacontenttype": "application/json",
        "data": {"quantity": "0.1"},
    }


@given(events_of_one_meter)
def test_the_cloudevents_sdk_reads_what_is_written_and_writes_what_is_read(event):
    sdk = pytest.importorskip(
        "cloudevents.core.formats.json", reason="THE SDK WAS NOT ASKED: pip install cloudevents==2.2.0"
    )
    text = json.dumps(to_cloudevent(event)).encode()

    theirs = sdk.JSONFormat().read(None, text)
    again = json.loads(sdk.JSONFormat().write(theirs))

    assert (theirs.get_id(), theirs.get_source(), theirs.get_subject()) == (
        event.id,
        event.source,
        event.customer,
    )
    assert theirs.get_time() == event.time
    assert read_cloudevent(again) == event


@pytest.fixture(scope="module")
def schema():
    """A validator by the official schema: a JSON file, or the line of the npm package that holds it."""
    jsonschema = pytest.importorskip(
        "jsonschema", reason="THE SCHEMA WAS NOT ASKED: pip install jsonschema rfc3339-validator"
    )
    pytest.importorskip("rfc3339_validator", reason="THE SCHEMA WAS NOT ASKED: pip install rfc3339-validator")
    path = os.environ.get("TOKENBILL_CLOUDEVENTS_SCHEMA")
    if path is None:
        pytest.skip(
            "THE SCHEMA WAS NOT ASKED: npm pack cloudevents, unpack it, and set TOKENBILL_CLOUDEVENTS_SCHEMA"
            " to its package/dist/schema/v1.js"
        )
    text = Path(path).read_text(encoding="utf-8")
    held = re.search(r'^const \w+ = (\{ "\$schema": .*\});$', text, re.MULTILINE)
    rules = json.loads(held[1] if held else text)
    return jsonschema.Draft7Validator(rules, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)


@given(event=events_of_one_meter)
def test_what_is_written_is_valid_by_the_official_schema(schema, event):
    assert list(schema.iter_errors(to_cloudevent(event))) == []


@pytest.mark.parametrize(
    "bad", [{"id": None}, {"id": ""}, {"subject": 5}, {"time": 1767571200}, {"time": "2026-01-05T00:00:00"}]
)
def test_the_official_schema_refuses_some_of_what_is_refused(schema, bad):
    assert list(schema.iter_errors(message(**bad)))


odd = st.sampled_from(
    [
        None,
        "",
        5,
        -1,
        0.5,
        True,
        "x",
        "1.0",
        "5",
        MOMENT,
        "2026-01-05",
        [],
        {},
        {"quantity": "5"},
        Decimal("5.0"),
    ]
)
odd_messages = st.dictionaries(
    st.sampled_from([*MESSAGE, "data_base64", "datacontenttype", "dataschema", "x"]), odd, max_size=3
)


def told_of(given):
    """The event of a message, or what is said against it."""
    try:
        return read_cloudevent(given)
    except TokenbillError as refusal:
        return refusal


@given(odd_messages)
def test_an_odd_message_is_an_event_or_an_error_of_ours(members):
    found = told_of(message(**members))

    assert isinstance(found, Event) or len(str(found)) < 500


@given(odd=odd_messages)
def test_what_is_read_is_valid_by_the_official_schema(schema, odd):
    read = isinstance(told_of(message(**odd)), Event)

    assert not read or list(schema.iter_errors(message(**odd))) == []


# OpenTelemetry ----------------------------------------------------------------------------------------


def span(**counts):
    return {f"gen_ai.usage.{name.replace('__', '.')}": count for name, count in counts.items()}


FULL = span(
    input_tokens=500,
    cache_read__input_tokens=300,
    cache_creation__input_tokens=50,
    output_tokens=80,
    reasoning__output_tokens=30,
)


def test_the_tokens_of_a_span_are_counted_in_one_meter_each():
    assert read_otel(FULL) == Usage(
        {
            "input_tokens": 150,  # 500 − 300 − 50
            "input_tokens{cache=read}": 300,
            "input_tokens{cache=write}": 50,
            "output_tokens": 50,  # 80 − 30
            "output_tokens{kind=reasoning}": 30,
        }
    )


def test_the_model_that_answered_and_the_provider_are_labels():
    asked, answered = {"gen_ai.request.model": "m"}, {"gen_ai.response.model": "m-2026"}
    old, new = {"gen_ai.system": "old"}, {"gen_ai.provider.name": "new"}

    assert [*read_otel(span(input_tokens=1) | asked)] == ["input_tokens{model=m}"]
    assert [*read_otel(span(input_tokens=1) | answered | asked)] == ["input_tokens{model=m-2026}"]
    assert [*read_otel(span(output_tokens=1) | old)] == ["output_tokens{provider=old}"]
    assert [*read_otel(span(output_tokens=1) | old | new | asked)] == ["output_tokens{model=m,provider=new}"]


def test_the_old_names_serve_where_only_they_are_there():
    assert read_otel(span(prompt_tokens=7, completion_tokens=3)) == Usage(input_tokens=7, output_tokens=3)


def test_a_total_must_be_the_sum_and_a_cost_is_no_usage():
    assert read_otel({**FULL, **span(total_tokens=580, cost=0.1)}) == read_otel(FULL)
    with pytest.raises(UnreadableInput):
        read_otel({**FULL, **span(total_tokens=630)})


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        "gen_ai.usage.input_tokens",
        Failing(FULL),
        {},
        {"gen_ai.request.model": "m"},
        span(total_tokens=5),
        span(input_tokens=300, cache_read__input_tokens=301),
        span(input_tokens=300, cache_read__input_tokens=200, cache_creation__input_tokens=101),
        span(output_tokens=30, reasoning__output_tokens=31),
        span(cache_read__input_tokens=1),
        span(input_tokens=1, cache_read__input_tokens=-1),
        span(prompt_tokens=1, input_tokens=1),
        span(prompt_tokens=1, output_tokens=1),
        span(completion_tokens=1, reasoning__output_tokens=2),
        span(input_tokens=1, details__cache_write_tokens=2),
        span(input_tokens=1, audio_tokens=1),
        *(
            span(input_tokens=bad)
            for bad in (
                None,
                True,
                1.5,
                -1,
                "1.0",
                "500 tokens",
                SECRET,
                [1],
                10**30,
                10**5000,
                Decimal("1.5"),
            )
        ),
        span(input_tokens=1) | {"gen_ai.response.model": ""},
        span(input_tokens=1) | {"gen_ai.provider.name": [SECRET]},
    ],
)
def test_a_span_that_does_not_add_up_is_refused_without_a_word_of_its_text(bad):
    with pytest.raises(UnreadableInput) as refusal:
        read_otel(bad)

    assert "swordfish" not in f"{refusal.value}{refusal.value!r}"


@given(*[st.integers(0, 10**6)] * 5)
def test_splitting_keeps_the_number_of_tokens(fresh, read, written, told, reasoning):
    usage = read_otel(
        span(
            input_tokens=fresh + read + written,
            cache_read__input_tokens=read,
            cache_creation__input_tokens=written,
            output_tokens=told + reasoning,
            reasoning__output_tokens=reasoning,
        )
    )

    assert usage.total("input_tokens") == fresh + read + written
    assert usage.total("output_tokens") == told + reasoning
    assert usage["input_tokens"] == fresh


def test_the_attributes_are_those_of_the_conventions():
    names = pytest.importorskip(
        "opentelemetry.semconv._incubating.attributes.gen_ai_attributes",
        reason="THE CONVENTIONS WERE NOT ASKED: pip install opentelemetry-semantic-conventions==0.66b2",
    )
    counts = {value for name, value in vars(names).items() if name.startswith("GEN_AI_USAGE_")}
    labels = {
        "gen_ai.response.model": names.GEN_AI_RESPONSE_MODEL,
        "gen_ai.request.model": names.GEN_AI_REQUEST_MODEL,
        "gen_ai.provider.name": names.GEN_AI_PROVIDER_NAME,
        "gen_ai.system": names.GEN_AI_SYSTEM,
    }

    assert counts == {*FULL, *span(prompt_tokens=1, completion_tokens=1)}
    assert list(labels) == list(labels.values())


# Once -------------------------------------------------------------------------------------------------


def test_an_event_that_comes_twice_counts_once_in_one_batch_and_in_two():
    first = once([event(), event(tokens="5.0")])
    second = once([event(), event("e2")], first.seen)

    assert list(first) == [event()]
    assert list(second) == [event("e2")]
    assert len(second) == 1
    assert second.seen == {**first.seen, **second.added}
    assert list(second.added) == [("svc", "e2")]


def test_an_id_belongs_to_its_source_and_is_compared_character_by_character():
    keys = [("b", "c"), ("bc", ""), ("B", "c"), ("b", "C"), ("b", "e\u0301"), ("b", "\u00e9")]
    events = [event(key or "x", source=source) for source, key in keys]

    assert len(once(events)) == len(events)


@pytest.mark.parametrize(
    "other",
    [
        event(tokens=6),
        event(customer="other"),
        event(time="2026-01-05T00:00:01Z"),
        Event("svc", "e1", MOMENT, "cust", {"calls": 5}),
    ],
)
def test_other_content_is_an_error_whichever_comes_first_and_leaves_what_was_seen(other):
    for one, two in [(event(), other), (other, event())]:
        before = once([one]).seen
        with pytest.raises(ConflictingEvent) as conflict:
            once([event("e2"), two], before)
        with pytest.raises(ConflictingEvent):
            once([one, two])
        assert before == {("svc", "e1"): one.digest}
        assert (conflict.value.source, conflict.value.id, conflict.value.code) == (
            "svc",
            "e1",
            "conflicting_event",
        )


def test_what_was_seen_is_stored_as_rows_of_text():
    seen = once([event("e2"), event("e1")]).seen
    rows = json.loads(json.dumps(seen.rows()))

    assert rows == [["svc", "e1", event().digest], ["svc", "e2", event().digest]]
    assert Seen(rows) == seen == Seen(dict(seen)) == pickle.loads(pickle.dumps(seen))
    assert hash(Seen(rows)) == hash(seen)
    assert repr(seen) == "<Seen: 2 events>"
    assert seen["svc", "e1"] == event().digest
    assert len(once([event("e1"), event("e2")], rows)) == 0


@pytest.mark.parametrize("nothing", [(), [], {}, set(), Seen()])
def test_nothing_seen_may_be_any_empty_list(nothing):
    assert len(once([event()], nothing)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        None,
        5,
        "rows",
        [("svc", "e1")],
        [5],
        [("svc", "e1", "")],
        [("svc", "e1", "5" * 63)],
        [("svc", "e1", "5" * 65)],
        [("svc", "e1", None)],
        [("svc", "", event().digest)],
        [("\ud800", "e1", event().digest)],
        {"ab": event().digest},
        {5: event().digest},
        {("svc", "e1", "x"): event().digest},
        Failing(),
        [("svc", "e1", event().digest), ("svc", "e1", event(tokens=6).digest)],
    ],
)
def test_what_was_never_seen_is_refused(bad):
    with pytest.raises(TokenbillError):
        once([], bad)


@pytest.mark.parametrize("bad", [None, 5, "events", {}, event(), [MESSAGE], [event(), None]])
@pytest.mark.parametrize("takes", ["once", "usage_by", "by_period"])
def test_what_are_no_events_is_refused(takes, bad):
    arguments = {"once": [], "usage_by": ["id"], "by_period": [Cycle.monthly()]}[takes]
    with pytest.raises(InvalidUsage):
        getattr(events, takes)(bad, *arguments)


spellings = st.sampled_from(
    [str, int, Decimal, lambda number: f"{number}.0", lambda number: Decimal(f"{number}.00")]
)


@st.composite
def deliveries(draw):
    """Events, and what becomes of them on the way: shuffled, doubled, respelled, cut into batches."""
    contents = draw(
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 250), st.sampled_from("ab")), max_size=8)
    )
    sent = [
        event(str(i), tokens, time=f"2026-01-{1 + day % 28:02}T00:00:00Z", customer=who)
        for i, (day, tokens, who) in enumerate(contents)
    ]
    came = draw(st.permutations(sent + draw(st.lists(st.sampled_from(sent), max_size=8)) if sent else []))
    came = [
        event(e.id, draw(spellings)(int(e.usage["tokens"])), time=e.time, customer=e.customer) for e in came
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(came)), max_size=4)))
    return sent, [came[start:end] for start, end in zip([0, *cuts], [*cuts, len(came)], strict=True)]


PLAN = BillingPlan.on_demand(PriceSchedule(tokens=Graduated([Tier(100, "0.335"), Tier(None, "0.1")])))


@given(deliveries())
def test_shuffling_doubling_and_batching_events_changes_neither_usage_nor_bill(delivered):
    sent, batches = delivered
    seen, accounts, totals, kept = Seen(), {}, Counter(), []
    for batch in batches:
        new = once(batch, seen)
        seen = new.seen
        kept += new
        for customer, usage in usage_by(new, "customer").items():
            bill = Bill.of(usage, PLAN, opening=accounts.get(customer, Account()), final=False)
            accounts[customer] = bill.closing
            totals[customer] += bill.total

    whole = usage_by(sent, "customer")
    assert usage_by(kept, "customer") == whole
    assert totals == {customer: Bill.of(usage, PLAN).total for customer, usage in whole.items()}
    assert repr(sorted(usage_by(kept, "id").items())) == repr(
        sorted(usage_by(once(chain.from_iterable(batches)), "id").items())
    )


@given(deliveries(), st.data())
def test_a_conflict_is_found_wherever_it_comes(delivered, data):
    _, batches = delivered
    came = [*chain.from_iterable(batches), event("x", 5)]
    came.insert(data.draw(st.integers(0, len(came))), event("x", 6))
    cut = data.draw(st.integers(0, len(came)))

    with pytest.raises(ConflictingEvent):
        once(came[cut:], once(came[:cut]).seen)


# Groups and periods -----------------------------------------------------------------------------------


def test_usage_is_summed_by_an_attribute_or_by_whatever_a_function_tells():
    events = [event("1", 1), event("2", "0.5"), event("3", 2, customer="other")]

    assert usage_by(events, "customer") == {"cust": Usage(tokens="1.5"), "other": Usage(tokens=2)}
    assert usage_by(events, lambda e: (e.customer, e.time.date())) == {
        ("cust", date(2026, 1, 5)): Usage(tokens="1.5"),
        ("other", date(2026, 1, 5)): Usage(tokens=2),
    }
    assert usage_by([], "customer") == {}


@pytest.mark.parametrize("key", ["colour", None, 5, ["customer"], lambda e: [e.customer]])
def test_a_key_that_makes_no_group_is_refused(key):
    with pytest.raises(InvalidUsage):
        usage_by([event()], key)


def test_a_sum_out_of_bounds_is_refused_and_no_digit_of_one_within_is_lost():
    huge = 10**30 - 1
    with localcontext(prec=3):
        assert usage_by([event("1", huge - 1), event("2", "0.5"), event("3", "0.25")], "source") == {
            "svc": Usage(tokens=f"{huge - 1}.75")
        }
    with pytest.raises(InvalidNumber):
        usage_by([event("1", huge), event("2", 1)], "source")


def test_the_sum_of_many_meters_takes_time_by_their_number_only():
    events = [Event("svc", str(i), MOMENT, "cust", {f"tokens{{request={i}}}": 1}) for i in range(5000)]

    assert usage_by(events, "customer")["cust"].total("tokens") == 5000


def test_the_time_of_an_event_decides_its_period_on_the_clock_of_the_cycle():
    cycle = Cycle.monthly(tz="Asia/Shanghai")
    last, first = event("1", time="2026-01-31T15:59:59.999999Z"), event("2", time="2026-01-31T16:00:00Z")
    found = by_period([first, last, event("0", time="2026-01-31T16:00:00Z")], cycle)

    assert list(found) == [cycle.containing("2026-01-15T00:00:00Z"), cycle.containing("2026-02-15T00:00:00Z")]
    assert [[e.id for e in events] for events in found.values()] == [["1"], ["0", "2"]]


@given(
    st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 6, 1), timezones=st.just(UTC)), max_size=10)
)
def test_each_event_is_in_the_one_period_that_holds_its_time(times):
    cycle = Cycle.weekly(tz="America/New_York")
    events = [event(str(i), time=time) for i, time in enumerate(times)]
    found = by_period(events, cycle)

    assert sorted(e.id for those in found.values() for e in those) == sorted(e.id for e in events)
    assert all(
        e.time in period and period == cycle.containing(e.time)
        for period, those in found.items()
        for e in those
    )


def test_what_happened_before_the_open_period_is_late():
    january = Period("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    times = ["2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2025-11-01T00:00:00Z", "2026-03-01T00:00:00Z"]

    assert [e.id for e in late([event(str(i), time=time) for i, time in enumerate(times)], january)] == [
        "2",
        "1",
    ]


def test_periods_of_events_are_of_instants():
    with pytest.raises(InvalidPeriod):
        late([event()], Period("2026-01-01", "2026-02-01"))
    with pytest.raises(InvalidPeriod):
        late([], "2026-01")
    with pytest.raises(InvalidPeriod):
        by_period([event()], "month")


# Contexts ---------------------------------------------------------------------------------------------

LONG = PriceSchedule(
    {
        "input_tokens": PerUnit(3, per=1_000_000),
        "output_tokens": PerUnit(15, per=1_000_000),
        "input_tokens{context=200000}": PerUnit(6, per=1_000_000),
        "output_tokens{context=200000}": PerUnit("22.50", per=1_000_000),
    }
)


@pytest.mark.parametrize(
    ("tokens", "inclusive", "cost"),
    [
        (199_999, False, "0.629997"),  # 0.599997 + 0.03
        (200_000, False, "0.63"),  # 0.60 + 0.03
        (200_000, True, "1.245"),  # 1.20 + 0.045
        (200_001, False, "1.245006"),
        (250_000, False, "1.545"),  # 1.50 + 0.045
    ],
)
def test_a_threshold_switches_the_whole_request(tokens, inclusive, cost):
    request = bracket({"input_tokens": tokens, "output_tokens": 2_000}, inclusive=inclusive)

    assert Bill.of(request, BillingPlan.on_demand(LONG)).exact == Fraction(cost)


def test_a_bare_name_counts_all_its_labels_and_every_meter_of_the_request_is_labelled():
    request = {"input_tokens": 1, "input_tokens{cache=read}": 200_000, "output_tokens": 5, "web_searches": 1}

    assert bracket(request) == Usage(
        {
            "input_tokens{context=200000}": 1,
            "input_tokens{cache=read,context=200000}": 200_000,
            "output_tokens{context=200000}": 5,
            "web_searches{context=200000}": 1,
        }
    )


def test_a_meter_that_two_names_include_is_counted_once():
    by = ["input_tokens", "input_tokens{cache=read}"]

    assert bracket({"input_tokens{cache=read}": 6}, by, [10]) == Usage({"input_tokens{cache=read}": 6})


def test_the_meters_of_several_names_are_summed():
    request = {"images": 6, "input_tokens": 5, "pages": 99}

    assert bracket(request, ["images", "input_tokens"], 11) == Usage(request)
    assert bracket(request, ["images", "input_tokens"], 10)["pages{context=10}"] == 99


def test_the_highest_threshold_passed_is_the_label_in_plain_digits():
    over = ["200000.0", Decimal("1E+6"), 32_000]

    assert [*bracket({"t": 1_000_001}, "t", over)] == ["t{context=1000000}"]
    assert [*bracket({"t": 1_000_000}, "t", over, "step")] == ["t{step=200000}"]
    assert [*bracket({"t": 33_000}, ("t",), 32_000)] == ["t{context=32000}"]
    assert [*bracket({"t": 32_000}, ("t",), over)] == ["t"]


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (InvalidMeter, {"label": "no label"}),
        (InvalidMeter, {"label": None}),
        (InvalidMeter, {"by": ["no meter"]}),
        (InvalidMeter, {"by": [5]}),
        (InvalidUsage, {"by": None}),
        (InvalidUsage, {"over": [-1]}),
        (InvalidNumber, {"over": [0.5]}),
        (InvalidUsage, {"over": 200_000.0}),
        (InvalidNumber, {"over": ["many"]}),
        (InvalidUsage, {"usage": 5}),
        (InvalidMeter, {"usage": {"input_tokens{context=200000}": 300_000}}),
    ],
)
def test_a_bracket_that_means_nothing_is_refused(error, arguments):
    with pytest.raises(error):
        bracket(**{"usage": {"input_tokens": 1}, **arguments})


requests = st.dictionaries(
    st.sampled_from(
        ["input_tokens", "input_tokens{cache=read}", "output_tokens", "output_tokens{kind=reasoning}"]
    ),
    st.integers(1, 400_000),
    max_size=4,
).map(Usage)


@given(requests, st.lists(st.integers(0, 500_000), max_size=3), st.booleans())
def test_a_bracket_moves_no_token_to_another_name_and_labels_all_or_nothing(request, over, inclusive):
    labelled = bracket(request, over=over, inclusive=inclusive)
    contexts = {meter.labels.get("context") for meter in labelled}

    assert {name: labelled.total(name) for name in ("input_tokens", "output_tokens")} == {
        name: request.total(name) for name in ("input_tokens", "output_tokens")
    }
    assert len(contexts) <= 1
    assert len(labelled) == len(request)


# Readings, payments, jobs, increments -----------------------------------------------------------------


def test_a_reading_adds_what_it_rises_above_the_highest_before():
    assert rises([3, 5, "4.5", 8]) == (3, 2, 0, 3)
    assert rises([3, 9], prior=8) == (0, 1)
    assert rises([]) == ()


@given(st.lists(st.decimals(0, 1000, places=3), max_size=8), st.integers(0, 1000), st.integers(0, 8))
def test_rises_sum_to_the_peak_however_the_readings_are_cut(readings, prior, cut):
    steps = Volume([Tier(100, fee=10), Tier(500, fee=30), Tier(None, fee=100)])
    plan = BillingPlan.on_demand(PriceSchedule(seats=steps))
    account, total = Account(), Decimal()
    for part in (readings[:cut], readings[cut:]):
        usage = Usage(("seats", rise) for rise in rises(part, prior=account.used["seats"]))
        bill = Bill.of(usage, plan, opening=account, final=False)
        account, total = bill.closing, total + bill.total

    assert sum(rises(readings, prior)) == max([*readings, prior]) - prior
    assert total == Bill.of(Usage(seats=max(readings, default=0)), plan).total


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (InvalidUsage, [[-1]]),
        (InvalidUsage, [[1], -1]),
        (InvalidNumber, [[0.5]]),
        (InvalidUsage, ["12"]),
        (InvalidUsage, [5]),
    ],
)
def test_readings_that_are_none_are_refused(error, arguments):
    with pytest.raises(error):
        rises(*arguments)


PAYMENTS = {"volume": PerUnit("1.5", per=100), "payments": "0.30"}


def aggregated(charged):
    usage = Usage(("volume", part.amount) for part in charged) + Usage(
        payments=sum(part.pays_fee for part in charged)
    )
    return Bill.of(usage, BillingPlan.on_demand(PriceSchedule(PAYMENTS))).total


@pytest.mark.parametrize(
    ("amounts", "policy", "total"),
    [
        ([40, 40, 80], {"free_events": 1, "free_amount": 100}, "2.40"),  # 0 + 0.90 + 1.50
        ([40, 40, 80], {"free_events": 1, "free_amount": 100, "exact_fit": "charged"}, "2.40"),
        (
            [40, 40, 80],
            {"free_events": 1, "free_amount": 100, "ends": "amount"},
            "1.20",
        ),  # 0 + 0 + 60 × 1.5 % + 0.30
        ([40, 60, 80], {"free_amount": 100}, "1.50"),  # 0 + 0 + 1.50
        ([40, 60, 80], {"free_amount": 100, "exact_fit": "charged"}, "1.80"),  # 0 + 0.30 + 1.50
        ([40, 60, 80], {"free_amount": 100, "exact_fit": "charged", "ends": "amount"}, "1.80"),
        ([40, 60, 80], {"free_events": 2, "ends": "amount"}, "1.50"),
        ([40, 60, 80], {"free_events": 2, "exact_fit": "charged"}, "1.50"),
        ([40, 70, 80], {"free_amount": 100}, "1.95"),  # 10 and 80: 1.35 + 0.60
        ([40, 60, 80], {"free_events": 5, "free_amount": 100}, "1.50"),
        ([40, 60, 80], {"free_events": 0, "free_amount": 100}, "3.60"),  # 180: 2.70 + 0.90
        ([40, 60, 80], {"free_events": 9, "free_amount": 0}, "3.60"),
        ([40, 60, 80], {}, "3.60"),
        ([0, 100], {"free_amount": 100, "exact_fit": "charged"}, "0.30"),
        ([], {"free_events": 1}, "0.00"),
    ],
)
def test_the_free_window_of_payments_as_in_the_rules(amounts, policy, total):
    assert aggregated(free_window(amounts, **policy)) == Decimal(total)


def test_a_wholly_free_payment_is_left_out_so_that_no_minimum_charges_it():
    price = (PerUnit("2.5", per=100) + Flat("0.50")).at_least(1).capped(20).each("event")
    charged = free_window([90, 20, 80, 5000], free_amount=100)
    used = {
        Meter("volume", {"event": str(i)}): part.amount for i, part in enumerate(charged) if part.pays_fee
    }

    assert charged[:2] == (Charged(Decimal(0), pays_fee=False), Charged(Decimal(10), pays_fee=True))
    # 10 of 20: 0.75 lifted to 1.00; 80: 2.00 + 0.50; 5000: 125.50 capped at 20
    assert Bill.of(used, BillingPlan.on_demand(PriceSchedule(volume=price))).total == Decimal("23.50")


@given(
    st.lists(st.decimals(0, 200, places=2), max_size=8),
    st.none() | st.integers(0, 5),
    st.none() | st.decimals(0, 400, places=2),
    st.sampled_from(["first", "amount"]),
)
def test_a_free_window_gives_away_no_more_than_it_may_and_only_at_the_beginning(
    amounts, events, amount, ends
):
    charged = free_window(amounts, free_events=events, free_amount=amount, ends=ends)
    free = [given - part.amount for given, part in zip(amounts, charged, strict=True)]
    paying = [part.pays_fee for part in charged]

    assert all(part >= 0 for part in free)
    assert amount is None or sum(free) <= amount
    assert events is None or (ends == "amount" and amount is not None) or paying.count(False) <= events
    assert paying == sorted(paying)
    assert [given for given, gift in zip(amounts, free, strict=True) if not gift and given] == [
        part.amount for part, gift in zip(charged, free, strict=True) if not gift and part.amount
    ]


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (InvalidUsage, {"amounts": [-1]}),
        (InvalidNumber, {"amounts": [0.5]}),
        (InvalidUsage, {"amounts": "12"}),
        (InvalidUsage, {"free_events": -1}),
        (InvalidUsage, {"free_events": "1.5"}),
        (InvalidNumber, {"free_events": True}),
        (InvalidUsage, {"free_amount": -1}),
        (InvalidUsage, {"ends": "last"}),
        (InvalidUsage, {"ends": ["first"]}),
        (InvalidUsage, {"exact_fit": None}),
    ],
)
def test_a_free_window_that_means_nothing_is_refused(error, arguments):
    with pytest.raises(error):
        free_window(**{"amounts": [1], **arguments})


NOVEMBER = Period("2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00")


@pytest.mark.parametrize(
    ("jobs", "period", "expected"),
    [
        ([("2026-11-05T10:00:00Z", "2026-11-05T11:30:00Z", 8)], None, "43200"),  # 5400 s × 8
        ([("2026-11-05T10:00:00Z", "2026-11-05T11:30:00Z", 8)] * 2, NOVEMBER, "86400"),
        ([("2026-10-31T15:00:00Z", "2026-10-31T16:30:00Z", 2)], NOVEMBER, "3600"),  # from 16:00Z on
        ([("2026-11-30T15:30:00Z", "2026-12-30T00:00:00Z", 1)], NOVEMBER, "1800"),  # up to 16:00Z
        ([("2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z", 1)], NOVEMBER, "2592000"),  # 30 days
        ([("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", 1)], NOVEMBER, "0"),
        ([("2026-10-01T00:00:00Z", "2026-10-31T16:00:00Z", 1)], NOVEMBER, "0"),
        ([("2026-11-05T10:00:00Z", "2026-11-05T10:00:00Z", 1)], None, "0"),
        ([("2026-11-05T10:00:00.000001Z", "2026-11-05T10:00:01Z", "0.5")], None, "0.4999995"),
        ([(datetime(2026, 11, 5, tzinfo=UTC), "2026-11-05T00:00:10+00:00", 3)], None, "30"),
        (
            [("2026-11-01T05:30:00Z[America/New_York]", "2026-11-01T06:30:00Z[America/New_York]", 1)],
            None,
            "3600",
        ),
        ([], NOVEMBER, "0"),
    ],
)
def test_gpu_seconds_are_what_the_intervals_say_cut_at_the_period(jobs, period, expected):
    assert gpu_seconds(jobs, period) == Decimal(expected)


def test_gpu_seconds_keep_every_digit_under_any_context_and_show_no_needless_ones():
    begin = datetime(1970, 1, 2, tzinfo=UTC)
    with localcontext(prec=3):
        found = gpu_seconds([(begin, begin + timedelta(days=2_900_000, microseconds=1), "1000000.1")])

    # 250560000000.000001 × 1000000.1
    assert str(found) == "250560025056000001.0000001"
    assert str(gpu_seconds([("2026-11-05T10:00:00Z", "2026-11-05T10:00:10Z", "1.0")])) == "10"


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 64)), max_size=5),
    st.integers(0, 2 * 10**9),
)
def test_gpu_seconds_of_the_parts_of_a_period_sum_to_those_of_the_whole(jobs, cut):
    def at(microseconds):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)

    rows = [(at(start), at(start + length), gpus) for start, length, gpus in jobs]
    whole, parts = Period(at(0), at(2 * 10**9)), [Period(at(0), at(cut)), Period(at(cut), at(2 * 10**9))]

    assert sum(gpu_seconds(rows, part) for part in parts) == gpu_seconds(rows, whole) == gpu_seconds(rows)
    assert gpu_seconds(rows) * 10**6 == sum(length * gpus for _, length, gpus in jobs)


@pytest.mark.parametrize(
    ("error", "jobs"),
    [
        (InvalidPeriod, [("2026-11-05T10:00:01Z", "2026-11-05T10:00:00Z", 1)]),
        (InvalidPeriod, [("2026-11-05", "2026-11-06", 1)]),
        (InvalidPeriod, [("2026-11-05T10:00:00", "2026-11-05T11:00:00", 1)]),
        (InvalidUsage, [("2026-11-05T10:00:00Z", "2026-11-05T11:00:00Z", -1)]),
        (InvalidNumber, [("2026-11-05T10:00:00Z", "2026-11-05T11:00:00Z", True)]),
        (InvalidUsage, [("2026-11-05T10:00:00Z", "2026-11-05T11:00:00Z")]),
        (InvalidUsage, [5]),
        (InvalidUsage, "job"),
        (InvalidUsage, None),
    ],
)
def test_jobs_that_are_none_are_refused(error, jobs):
    with pytest.raises(error):
        gpu_seconds(jobs)


@pytest.mark.parametrize("period", [Period("2026-11-01", "2026-12-01"), "2026-11"])
def test_a_period_that_does_not_say_its_instants_is_refused(period):
    with pytest.raises(InvalidPeriod):
        gpu_seconds([], period)


@pytest.mark.parametrize(
    ("quantities", "step", "at_least", "expected"),
    [
        (["59.2", 61, "90.001"], 1, 60, "212"),  # 60 + 61 + 91
        ([1, 60, 61], 60, 0, "240"),  # 60 + 60 + 120
        ([100], 60, 90, "120"),
        ([10], 60, 90, "120"),  # 90, and that in whole steps
        ([10, 0, "0.0"], 1, 60, "60"),  # what was not used is not billed
        (["2.1"], "0.3", 0, "2.1"),  # 7 steps; 8 by floats
        (["0.1", "0.1"], "0.5", 0, "1"),
        ([], 1, 60, "0"),
    ],
)
def test_increments_round_each_up_before_they_are_summed(quantities, step, at_least, expected):
    assert increments(quantities, step, at_least) == Decimal(expected)


@given(
    st.lists(st.decimals(0, 10**6, places=4), max_size=6),
    st.decimals("0.001", 100, places=3),
    st.integers(0, 100),
)
def test_an_increment_is_whole_steps_at_most_one_above_what_was_used(quantities, step, least):
    for quantity in quantities:
        billed = Fraction(increments([quantity], step, least))
        assert (billed / Fraction(step)).denominator == 1
        assert billed == 0 if not quantity else 0 <= billed - Fraction(max(quantity, least)) < Fraction(step)
    assert increments(quantities, step, least) == sum(
        increments([quantity], step, least) for quantity in quantities
    )


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (InvalidUsage, [[-1], 1]),
        (InvalidUsage, [[1], 0]),
        (InvalidUsage, [[1], -1]),
        (InvalidUsage, [[1], 1, -1]),
        (InvalidNumber, [[0.5], 1]),
        (InvalidNumber, [[1], 0.5]),
        (InvalidUsage, ["12", 1]),
        (InvalidUsage, [5, 1]),
    ],
)
def test_increments_that_mean_nothing_are_refused(error, arguments):
    with pytest.raises(error):
        increments(*arguments)
