"""Documents: what is written is read again the same, and what is no document is refused in words."""

import json
import os
import random
import stat
import subprocess
import sys
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.documents import Window, bills_of_a_life, values
from tests.support.strategies import prices
from tests.vectors.shared_vectors import ROOT
from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Graduated,
    Grant,
    PerUnit,
    Price,
    PriceSchedule,
    Tax,
    Tier,
    TokenbillError,
    Usage,
)
from tokenbill.errors import MissingExtra, UnreadableField, UnreadableInput
from tokenbill.serial import LENGTHS, VERSION, dump, dumps, load, loads, register, schema

SCHEMA = ROOT / "tokenbill" / "schema.json"
PLAN = BillingPlan.subscription(
    "99",
    PriceSchedule(
        {
            "gpu_hours": Graduated([Tier(100, "0.90"), Tier(None, "0.60")]),
            "api_calls": PerUnit("0.01").after(50),
        },
        currency="EUR",
    ),
    included={"api_calls": 1000},
    taxes=[Tax("VAT", 19)],
)
USED = {"gpu_hours": "120.5", "api_calls": 2000}


def bill():
    """A bill of several lines, on which a grant paid."""
    opening = Account(balance=[Grant("gift", 10, "EUR", kind="promotional"), Grant("paid", 50, "EUR")])
    return Bill.of(USED, PLAN, opening=opening, about={"customer": "acme"})


FEWER = settings(max_examples=settings.default.max_examples // 5)
"""For laws of which each example takes long: it is a whole life, or is validated bit by bit."""

# Law 11 -----------------------------------------------------------------------------------------------


@given(values)
def test_a_value_is_the_same_after_it_was_written_and_read(value):
    text = dumps(value)

    again = loads(text)

    assert (again, type(again)) == (value, type(value))
    assert dumps(again) == text
    assert loads(text.encode()) == value


@FEWER
@given(values)
def test_a_value_is_the_same_after_it_was_written_and_read_as_toml(value):
    pytest.importorskip("tomli_w", reason="TOML WAS NOT WRITTEN: pip install tomli-w")
    text = dumps(value, format="toml")

    again = loads(text, format="toml", longest=10**8)

    assert again == value
    assert dumps(again, format="toml") == text
    assert dumps(again) == dumps(value)


@FEWER
@given(st.integers(0, 10**6))
def test_a_bill_keeps_every_byte_of_what_it_says(seed):
    for sent in bills_of_a_life(seed):
        text = dumps(sent)

        again = loads(text)

        assert again == sent
        assert told(again) == told(sent)
        assert dumps(again) == text
        again.verify()


def told(bill):
    """All that a bill says, in the digits in which it says it."""
    exact = [line.exact for line in bill.lines]
    settled = [
        bill.total,
        bill.due,
        bill.delta.accrued,
        bill.draws,
        bill.closing,
        bill.exact,
        bill.final,
        bill.period,
        bill.about,
    ]
    return (
        repr([*settled, exact, bill.request]),
        str(bill),
        bill.explain(),
        bill.to_rows(),
        bill._repr_html_(),
    )


@FEWER
@given(st.integers(0, 10**6))
def test_a_period_goes_on_from_an_account_that_was_stored(seed):
    for sent in bills_of_a_life(seed):
        usage, plan, opening, final, less, about, period, at, *_ = sent.request
        opening = loads(dumps(opening))

        again = Bill.of(
            usage, plan, period=period, opening=opening, final=final, at=at, reversal=less, about=dict(about)
        )

        assert told(again) == told(sent)


def test_two_bills_of_a_correction_are_subtracted_after_they_were_stored():
    sent, right = bill(), Bill.of({**USED, "api_calls": 1500}, PLAN, opening=bill().opening)
    change = right - sent

    assert loads(dumps(right)) - loads(dumps(sent)) == change
    assert loads(dumps(change)) == change
    assert str(loads(dumps(change))) == str(change)


@given(values, st.integers(0, 10**6))
def test_the_order_of_keys_and_white_space_mean_nothing(value, seed):
    order = random.Random(seed)
    text = dumps(value)
    again = json.dumps(
        shuffled(json.loads(text), order), indent=order.randrange(4), ensure_ascii=order.random() < 0.5
    )

    assert dumps(loads(f"\ufeff\n {again}\t")) == text


def shuffled(node, order):
    if isinstance(node, dict):
        keys = sorted(node, key=lambda _: order.random())
        return {key: shuffled(node[key], order) for key in keys}
    return [shuffled(item, order) for item in node] if isinstance(node, list) else node


@FEWER
@given(values)
def test_documents_are_the_canonical_json_that_another_library_writes(value):
    document = json.loads(dumps(value))

    plain = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert dumps(value) == plain  # no key of ours lies beyond U+FFFF, where UTF-16 sorts otherwise
    assert no_number_is_rounded(document)


def no_number_is_rounded(node):
    if isinstance(node, dict | list):
        return all(map(no_number_is_rounded, node.values() if isinstance(node, dict) else node))
    return not isinstance(node, float) and (not isinstance(node, int) or abs(node) < 2**53)


@given(prices)
def test_a_plan_with_prices_of_users_has_the_same_terms_after_it_was_stored(price):
    plan = BillingPlan.on_demand(PriceSchedule({"a": price}))

    assert loads(dumps(plan)).fingerprint() == plan.fingerprint()
    assert loads(dumps(plan.prices)).content_hash() == plan.prices.content_hash()


def test_a_price_that_nests_as_deep_as_prices_may_is_written_and_read():
    price = PerUnit("0.10")
    for _ in range(15):
        price = (price + PerUnit(1)) * "0.9"  # two levels of prices, three of tables and lists
    plan = BillingPlan.on_demand(PriceSchedule({"a": price.each("x")}))
    sent = Bill.of({"a": 2}, plan)

    assert loads(dumps(sent)) == sent
    with pytest.raises(TokenbillError):
        price.after(1).after(1)


@frozen
class Deep(Price):
    """A price of fractions that nest."""

    def amount(self, quantity):
        return Fraction(quantity) / 7**1500 + Fraction(1, 3)


register(Deep)


def test_amounts_of_a_thousand_digits_are_written_to_the_last_one():
    sent = Bill.of({"a": 10**29}, BillingPlan.on_demand(PriceSchedule({"a": Deep()})))

    again = loads(dumps(sent))

    assert again.exact == sent.exact == Fraction(10**29, 7**1500) + Fraction(1, 3)
    again.verify()


def test_what_could_not_be_read_again_is_not_written():
    numbers = [
        Fraction(1, 7**6000),
        Decimal("NaN"),
        Decimal("1E+5000"),
        Decimal("1E-5000"),
        0.1,
        "x",
        True,
        None,
    ]
    for number in numbers:
        with pytest.raises(UnreadableInput, match="no document can hold"):
            dumps(Half(number))


@register
@frozen
class Half:
    """A user's value, of whatever it is given."""

    worth: Fraction


# Documents that people write --------------------------------------------------------------------------


def test_a_plan_written_by_hand_is_read():
    text = """
    #:schema schema.json
    type = "BillingPlan"
    version = 1
    name = "Team"
    currency = "EUR"

    [[fees]]
    amount = "99"

    [prices]
    currency = "EUR"

    [prices.entries]
    api_calls = 0.010
    "gpu_hours{gpu=H100}" = { type = "Graduated", tiers = [{ up_to = 100, rate = "0.9" }, { rate = "0.6" }] }

    [included]
    api_calls = 1_000

    [cycle]
    unit = "month"
    anchor = 31
    tz = "Asia/Shanghai"

    [trial]
    start = 2026-01-01
    end = 2026-02-01
    """
    entries = {
        "api_calls": "0.010",
        "gpu_hours{gpu=H100}": Graduated([Tier(100, "0.9"), Tier(None, "0.6")]),
    }

    plan = loads(text, format="toml")

    assert plan.prices == PriceSchedule(entries, currency="EUR")
    assert (plan.cycle.anchor.day, plan.cycle.tz, str(plan.trial)) == (
        31,
        "Asia/Shanghai",
        "2026-01-01/2026-02-01",
    )
    assert (plan.fees[0].amount, plan.included) == (99, (("api_calls", 1000),))
    assert str(plan.prices["api_calls"].rate) == "0.010"  # 0.01 + 0.000 as a float would not show


def test_a_schedule_that_was_a_document_may_stand_in_a_plan():
    prices = PriceSchedule(a="0.10")
    text = '{"type": "BillingPlan", "version": 1, "prices": ' + dumps(prices) + "}"

    assert loads(text) == BillingPlan.on_demand(prices)


def test_one_may_stand_for_a_list_of_one_and_null_for_what_is_absent():
    text = """{"$schema": "schema.json", "type": "BillingPlan", "version": 1, "minimum": null,
    "taxes": {"name": "VAT", "percent": 19},
    "prices": {"currency": "USD", "entries": {"a": {"type": "Volume", "tiers": {"up_to": null}}}}}"""

    plan = loads(text)

    assert plan.taxes == (Tax("VAT", 19),)
    assert plan.minimum is None


ENTRY = '{"type": "BillingPlan", "version": 1, "prices": {"currency": "USD", "entries": {"gpu_hours": %s}}}'

MISTAKES = [
    (ENTRY % '{"type": "Graduated", "tiers": [{"up_to": 5, "rate": 1}, {"rat": 1}]}',
     "BillingPlan.prices.entries.gpu_hours.tiers[1]: unknown key of Tier: 'rat'; did you mean 'rate'?"),
    (ENTRY % '{"type": "Graduatd"}',
     "BillingPlan.prices.entries.gpu_hours: unknown type: 'Graduatd'; did you mean 'Graduated'?"),
    (ENTRY % '{"rate": 1}',
     "BillingPlan.prices.entries.gpu_hours: no 'type'; give one of 'After', 'AtLeast', 'Capped'"),
    (ENTRY % '{"type": "Tax", "name": "VAT", "percent": 1}',
     "BillingPlan.prices.entries.gpu_hours: unknown type: 'Tax'; give one of 'After', 'AtLeast', 'Capped'"),
    (ENTRY % "true", 'BillingPlan.prices.entries.gpu_hours: no number: True; write its digits as text'),
    (ENTRY % '"-0.01"', "BillingPlan.prices.entries.gpu_hours: rate is negative: -0.01; give zero or more"),
    ('{"type": "BillingPlan", "version": 1}', "BillingPlan: no 'prices', which BillingPlan needs"),
    ('{"type": "BillingPlan"}', "no version: {'type': 'BillingPlan'}; write version = 2 at its top"),
    ('{"type": "Plan", "version": 1}',
     "Plan: unknown type: 'Plan'; give one of"),
    ('{"version": 1}', "document: no 'type'; give one of"),
    ('{"version": 2, "prices": {}}', "document: no 'type'; write type = \"BillingPlan\" at its top"),
    ('{"version": 2, "plan": {}}', "document: no 'type'; write type = \"Contract\" at its top"),
    ('{"type": "Period", "version": 1, "start": 5, "end": "2026-01-31"}',
     'Period.start: no date or time: 5; write "2026-01-31" or "2026-01-31T00:00:00Z"'),
    ('{"type": "Tax", "version": 1, "name": "VAT", "percent": 1, "inclusive": "yes"}',
     "Tax.inclusive: neither true nor false: 'yes'; write one"),
    ('{"type": "Fee", "version": 1, "amount": 1, "due": "now"}',
     "Fee.due: no such choice: 'now'; choose one of advance, arrears"),
    ('{"type": "Tax", "version": 1, "name": "VAT"', "not JSON, expecting ',' delimiter at character 44: "),
    ('{"type": "Tax", "type": "Tax"}', "a name that is there twice: "),
    ('{"type": "Tax", "version": NaN}', "NaN, which is not JSON: "),
    ("[]", "no document: []; give a table with type and version"),
    ('{"type": "BillingPlan", "version": 3, "prices": 1}',
     "BillingPlan: unknown version: 3; write 2, or install a tokenbill that knows this one"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_the_way_out(text, message):
    with pytest.raises(UnreadableInput) as found:
        loads(text)

    assert str(found.value).startswith(message)


def test_the_place_of_a_mistake_is_kept_apart_from_its_message():
    with pytest.raises(UnreadableField) as found:
        loads(ENTRY % '{"type": "Flat", "amount": "x"}')

    assert (found.value.path, found.value.value) == ("BillingPlan.prices.entries.gpu_hours.amount", "'x'")


# What comes from strangers ----------------------------------------------------------------------------

LONGEST_MESSAGE = 500
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        ["", "1/3", "1/0", "-1", "1e5", "2026-02-30", "PerUnit", "Each", "a{b=", "\ud800", "\x00", "USD"]
    ),
)
JUNK = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "version", "__class__", "\x00", "price", "a", ""]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
SAMPLES = [*map(dumps, [PLAN, bill(), bill().opening, bill() - bill(), Usage(USED), PLAN.prices])]


def is_answered(text, **how):
    """Whether text is taken, or refused in few words of ours."""
    try:
        loads(text, **how)
    except TokenbillError as error:
        return len(str(error)) <= LONGEST_MESSAGE
    return True


@given(st.sampled_from(SAMPLES), st.integers(0, 10**6), JUNK, st.integers(1, 3))
def test_a_document_with_any_part_replaced_is_taken_or_refused(text, seed, junk, times):
    document, chance = json.loads(text), random.Random(seed)
    for _ in range(times):
        damage(document, chance, junk)

    assert is_answered(json.dumps(document))


def damage(node, chance, junk):
    """Replace, leave out or double one node, at any depth."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = chance.choice(keys)
    if isinstance(node[key], dict | list) and chance.random() < 0.8:
        damage(node[key], chance, junk)
    elif chance.random() < 0.2:
        del node[key]
    elif isinstance(node, list) and chance.random() < 0.3:
        node.append(deepcopy(node[key]))
    elif isinstance(node, dict) and chance.random() < 0.2:
        node[f"{key}x"] = deepcopy(node[key])
    else:
        node[key] = deepcopy(junk)


@given(JUNK)
def test_any_json_is_taken_or_refused(junk):
    assert is_answered(json.dumps(junk))
    assert is_answered(json.dumps({"type": "Bill", "version": 1, "usage": junk, "plan": junk}))


@given(st.text() | st.binary())
def test_any_text_is_taken_or_refused(text):
    assert is_answered(text)
    assert is_answered(text, format="toml")


@given(st.sampled_from(SAMPLES), st.integers(0, 10**6), st.binary(max_size=3))
def test_any_bytes_in_the_midst_of_a_document_are_taken_or_refused(text, place, noise):
    data = text.encode()
    place %= len(data)

    assert is_answered(data[:place] + noise + data[place + len(noise) :])
    assert is_answered(data[:place])


ODD = [
    *["1" * 10**6, "1e400", "-Infinity", "1E-999", "1e99999", "-0", "1.", "0x1", '"1_000"', '"１"', '"1/3"'],
    *['{"rate": 1}', "[1]", "null", '"\\ud800"', '"\\u0000"', '{"__class__": "os.system"}', '"1\\n"'],
]


@pytest.mark.parametrize("rate", ODD, ids=lambda it: it[:20])
def test_what_is_no_rate_is_refused(rate):
    text = '{"type": "PerUnit", "version": 1, "rate": ' + rate + "}"
    if rate == "-0":
        assert str(loads(text).rate) == "0"
        return

    with pytest.raises(TokenbillError):
        loads(text)


def test_a_number_of_json_is_read_by_its_digits():
    assert loads('{"type": "PerUnit", "version": 1, "rate": 0.1}').rate == Decimal("0.1")
    assert loads('{"type": "PerUnit", "version": 1, "rate": 1e5}').rate == 100_000
    assert loads('type = "PerUnit"\nversion = 1\nrate = 0.1', format="toml").rate == Decimal("0.1")


HOSTILE_TOML = {
    "a key of many parts": ".".join(["a"] * 100_000) + " = 1",
    "quoted parts": ".".join(['"a"'] * 100_000) + " = 1",
    "parts within": "x = {" + " . ".join(["a"] * 100_000) + " = 1}",
    "a header of many parts": "[[" + ".".join(["a"] * 100_000) + "]]",
    "arrays": "a = " + "[" * 100_000,
    "tables": "a = " + "{a = " * 100_000,
    "a huge integer": 'type = "PerUnit"\nversion = 1\nrate = 0x' + "f" * 500_000,
    "a huge whole number": 'type = "Currency"\nversion = 1\ncode = "T"\nplaces = 0x' + "f" * 500_000,
    "a huge decimal": 'type = "PerUnit"\nversion = 1\nrate = 1.' + "1" * 500_000,
    "not a number": 'type = "PerUnit"\nversion = 1\nrate = nan',
    "infinity": 'type = "PerUnit"\nversion = 1\nrate = -inf',
    "a time": 'type = "PerUnit"\nversion = 1\nrate = 07:32:00',
    "no such date": 'type = "PerUnit"\nversion = 1\nrate = 2026-02-30',
    "a table twice": "[a]\n[a]",
    "deep": "[" + ".".join(["a"] * 90) + "]\nb = {" + "c={" * 20 + "}" * 20 + "}",
    "many": "a = [" + "1," * 60_000 + "]",
}


@pytest.mark.parametrize("name", HOSTILE_TOML)
def test_hostile_toml_is_refused(name):
    with pytest.raises(UnreadableInput) as found:
        loads(HOSTILE_TOML[name], format="toml")

    assert len(str(found.value)) <= LONGEST_MESSAGE


def test_a_toml_text_of_escaped_quotes_is_read_in_one_go():
    """Were each quote taken for the beginning of a key, this would take an hour."""
    text = 'a = "' + '\\"' * 100_000 + '"'

    with pytest.raises(UnreadableInput, match="no version"):
        loads(text, format="toml")


@pytest.mark.parametrize("longest", ["5", -1, 0, True, 5.0])
def test_longest_is_a_length(longest):
    with pytest.raises(UnreadableInput, match="longest is no length"):
        loads("{}", longest=longest)


def test_a_document_has_limits_that_say_how_to_raise_them():
    text = dumps(Usage({f"m{i}": i for i in range(1, 1000)}))

    with pytest.raises(UnreadableInput, match="longest="):
        loads(text, longest=len(text) - 1)
    assert len(loads(text, longest=len(text))) == 999
    dense = '{"type":"Usage","version":1,"quantities":{' + ",".join(f'"m{i}":1' for i in range(50_000)) + "}}"
    assert len(dense) < LENGTHS["json"]
    with pytest.raises(UnreadableInput, match=r"crowded.*longest="):
        loads(dense)
    with pytest.raises(UnreadableInput, match="deep"):
        loads('{"type":"Usage","version":1,"quantities":' + '{"a":' * 100 + "1" + "}" * 101)


def entries_of(*meters):
    inner = ",".join(f'"{meter}":"1.25"' for meter in meters)
    return f'{{"type":"PriceSchedule","version":2,"currency":"USD","entries":{{{inner}}}}}'


def tables_of_toml(line):
    head = "[" + ".".join(["a"] * 70) + "]\n"
    lines = (line.format(place) for place in range(LENGTHS["toml"]))
    text = head + "".join(lines)
    return text[: text.rindex("\n", 0, LENGTHS["toml"])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "text", "entries"),
    [
        ("json", entries_of(*(f"m{place}" for place in range(49_990))), 49_990),
        ("json", entries_of(*(f"m{{a={place}}}" for place in range(49_990))), 49_990),
        ("toml", tables_of_toml("b{}=1\n"), None),
        ("toml", tables_of_toml(".".join(["b"] * 70) + ".c{}=1\n"), None),
    ],
    ids=["meters", "labels", "keys below a long header", "long keys below a long header"],
)
def test_the_largest_documents_are_read_or_refused(format, text, entries):
    if entries is None:
        with pytest.raises(UnreadableInput):
            loads(text, format=format)
    else:
        assert len(list(loads(text, format=format))) == entries


@pytest.mark.parametrize("text", [None, 5, ["{}"], bytearray(b"{}"), Path("plan.json")], ids=repr)
def test_what_is_no_text_is_refused(text):
    with pytest.raises(UnreadableInput, match="no text"):
        loads(text)


def test_another_format_is_refused():
    for format in ("yaml", None, "JSON"):
        with pytest.raises(UnreadableInput, match="unknown format"):
            dumps(PLAN, format=format)
        with pytest.raises(UnreadableInput, match="unknown format"):
            loads("{}", format=format)


def test_without_its_writer_toml_is_refused_by_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "tomli_w", None)

    with pytest.raises(MissingExtra, match="pip install tomli-w"):
        dumps(PLAN, format="toml")


# Files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plan.json", "plan.toml", "plan", "plan.JSON", "a.toml.bak"])
def test_a_file_is_written_and_read(tmp_path, name):
    if name.endswith(".toml"):
        pytest.importorskip("tomli_w", reason="TOML WAS NOT WRITTEN: pip install tomli-w")
    path = tmp_path / name

    dump(PLAN, path)

    assert load(path) == PLAN
    assert [it.name for it in tmp_path.iterdir()] == [name]
    assert path.read_text(encoding="utf-8").startswith("type" if name.endswith(".toml") else "{")


def test_a_file_keeps_who_may_read_it_and_where_it_is_linked_from(tmp_path):
    kept, link = tmp_path / "kept.json", tmp_path / "link.json"
    kept.write_text("old", encoding="utf-8")
    kept.chmod(0o600)
    link.symlink_to(kept)

    dump(PLAN, link)

    assert load(kept) == PLAN
    assert (stat.S_IMODE(kept.stat().st_mode), link.is_symlink()) == (0o600, True)


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "plan.json"
    dump(PLAN, path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tokenbill.serial.fsync", full)
    with pytest.raises(UnreadableInput, match=r"cannot write: .*; no space left"):
        dump(PLAN.prices, path)
    with pytest.raises(UnreadableInput, match="no class that documents know"):
        dump(object(), path)

    assert load(path) == PLAN
    assert [it.name for it in tmp_path.iterdir()] == ["plan.json"]


def test_a_file_that_is_none_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.json", tmp_path / "a\0b", tmp_path / "missing" / "plan.json"):
        with pytest.raises(UnreadableInput, match="cannot read"):
            load(path)
    for path in (tmp_path, tmp_path / "a\0b", tmp_path / "missing" / "plan.json"):
        with pytest.raises(UnreadableInput, match="cannot write"):
            dump(PLAN, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read and write every file"
)
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = tmp_path / "plan.json"
    dump(PLAN, path)
    path.chmod(0)

    with pytest.raises(UnreadableInput, match="permission denied"):
        load(path)


class Odd(os.PathLike):
    def __fspath__(self):
        return 5


@pytest.mark.parametrize(
    "path", ["plan.json", b"plan.json", None, 5, Odd()], ids=lambda it: type(it).__name__
)
def test_a_path_is_never_given_as_text(path):
    with pytest.raises(UnreadableInput, match="no path"):
        load(path)
    with pytest.raises(UnreadableInput, match="no path"):
        dump(PLAN, path)


def test_a_file_longer_than_it_may_be_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "plan.json"
    dump(PLAN, path)

    with pytest.raises(UnreadableInput, match="too long"):
        load(path, longest=10)


# Classes of users -------------------------------------------------------------------------------------


def test_a_class_is_known_by_every_name_it_had_and_written_by_its_first():
    @frozen
    class Renamed(Price):
        rate: int

        def amount(self, quantity):
            return self.rate * quantity

    assert register(Renamed, "tests.New") is Renamed
    register(Renamed, "tests.Old")
    text = dumps(BillingPlan.on_demand(PriceSchedule(a=Renamed(3))))

    assert '"type":"tests.New"' in text
    assert loads(text) == loads(text.replace("tests.New", "tests.Old"))
    assert loads('{"type": "tests.Old", "version": 1, "rate": 3}') == Renamed(3)


def test_a_name_is_given_to_one_class_only():
    register(Window)  # once more changes nothing

    @frozen
    class PerUnit(Price):
        rate: int

        def amount(self, quantity):
            return self.rate * quantity

    with pytest.raises(UnreadableInput, match="a name that another class has: 'PerUnit'"):
        register(PerUnit)
    assert loads('{"type": "PerUnit", "version": 1, "rate": 3}').per == 1
    register(PerUnit, "tests.PerUnit")
    assert loads(dumps(PerUnit(3))) == PerUnit(3)


def test_a_class_that_is_not_registered_is_not_written():
    @frozen
    class Unknown(Price):
        def amount(self, quantity):
            return quantity

    for value in (
        Unknown(),
        BillingPlan.on_demand(PriceSchedule(a=Unknown() + Unknown())),
        object(),
        5,
        None,
    ):
        with pytest.raises(
            UnreadableInput, match=r"no class that documents know: .*serial\.register\(YourClass\)"
        ):
            dumps(value)


def test_a_value_of_a_narrower_class_is_not_written_as_one_of_the_wider():
    @frozen
    class Special(Tax):
        pass

    plan = BillingPlan.on_demand(PriceSchedule(a=1), taxes=[Special("VAT", 19)])

    with pytest.raises(UnreadableInput, match="no document can hold as a Tax"):
        dumps(plan)


def test_a_class_that_documents_cannot_hold_is_refused_when_it_is_registered():
    class Plain:
        pass

    @frozen
    class Mapped:
        amounts: dict[str, Decimal]

    @frozen
    class Bare:
        amount = field()

    @frozen
    class Typed:
        type: str

    @frozen
    class Absent:
        amount: Decimal | None = Decimal(5)

    @frozen
    class Numbered:
        pairs: tuple[tuple[int, str], ...]

    @frozen
    class Forward:
        amount: "Nowhere"  # noqa: F821

    @frozen
    class Inner:
        pass

    @frozen
    class Outer:
        inner: Inner

    for cls in (Plain, Mapped, Bare, Typed, Absent, Numbered, Forward, Outer):
        with pytest.raises(UnreadableInput):
            register(cls)
    register(Inner, "tests.Inner")
    register(Outer, "tests.Outer")
    assert loads(dumps(Outer(Inner()))) == Outer(Inner())


def test_what_a_class_of_users_raises_is_told_as_a_wrong_field():
    @frozen
    class Failing(Price):
        rate: int

        def __attrs_post_init__(self):
            raise KeyError("x" * 10_000)

        def amount(self, quantity):
            return quantity

    register(Failing, "tests.Failing")

    with pytest.raises(UnreadableField, match=r"tests\.Failing: KeyError\('xxx") as found:
        loads('{"type": "tests.Failing", "version": 1, "rate": 1}')
    assert len(str(found.value)) <= LONGEST_MESSAGE


def test_a_field_that_holds_another_kind_of_value_is_not_written():
    window = Window("today", "now", Fraction(1), Fraction(1), 1)

    with pytest.raises(UnreadableInput, match="no document can hold as day: 'today'"):
        dumps(window)


def test_a_class_that_is_defined_anew_takes_the_place_of_what_it_was():
    first, second = (cell() for _ in range(2))

    assert first is not second
    assert type(loads(dumps(first(3)))) is second
    assert [it for it in schema()["anyOf"] if it["$ref"].endswith("Cell")] == [{"$ref": "#/$defs/Cell"}]


def cell():
    """What a cell of a notebook does, as often as it is run."""

    @register
    @frozen
    class Cell:
        rate: int

    return Cell


def test_a_default_that_depends_on_the_value_is_always_written():
    @frozen
    class Doubled:
        one: int
        two: int = field()
        many: tuple[int, ...] = field(factory=tuple)

        @two.default
        def _two(self):
            return 2 * self.one

    register(Doubled, "tests.Doubled")

    assert dumps(Doubled(1)) == '{"one":1,"two":2,"type":"tests.Doubled","version":2}'
    assert loads(dumps(Doubled(1, 5, (1, 2)))) == Doubled(1, 5, (1, 2))


# The schema -------------------------------------------------------------------------------------------


@cache
def validator():
    """A validator of the schema, with the classes that the tests registered."""
    jsonschema = pytest.importorskip("jsonschema", reason="THE SCHEMA WAS NOT TESTED: pip install jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_the_schema_that_ships_is_up_to_date():
    program = (
        "import sys; from tokenbill.serial import schema; import json; print(json.dumps(schema(), indent=1))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    now = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )

    assert SCHEMA.read_text(encoding="utf-8") == now.stdout


@FEWER
@given(values)
def test_every_document_fits_the_schema(value):
    validator().validate(json.loads(dumps(value)))


def test_every_bill_fits_the_schema():
    for seed in range(20):
        for sent in bills_of_a_life(seed):
            validator().validate(json.loads(dumps(sent)))


@FEWER
@given(st.sampled_from(SAMPLES), st.integers(0, 10**6), JUNK)
def test_what_the_reader_takes_fits_the_schema(text, seed, junk):
    document = json.loads(text)
    damage(document, random.Random(seed), junk)

    assert validator().is_valid(document) or not is_taken(json.dumps(document))


def is_taken(text):
    try:
        loads(text)
    except TokenbillError:
        return False
    return True


SHAPES = st.sampled_from(["extra key", "missing key", "another kind"])


@FEWER
@given(st.sampled_from(SAMPLES), SHAPES, st.integers(0, 10**6))
def test_what_has_another_shape_is_refused_by_schema_and_reader_alike(text, shape, seed):
    document, chance = json.loads(text), random.Random(seed)
    table = chance.choice(records(document, []))
    if shape == "extra key":
        table["tpye"] = "x"
    elif shape == "missing key":
        del table[chance.choice([key for key in NEEDED if key in table])]
    else:
        key = chance.choice(sorted(table))
        table[key] = [[]]

    assert not validator().is_valid(document)
    with pytest.raises(UnreadableInput):
        loads(json.dumps(document))


NEEDED = ("total", "plan", "prices", "entries", "currency", "amount", "tiers", "quantities", "lines")


def records(node, found):
    """The tables of a document whose keys are fields, not names."""
    names = (
        "entries",
        "usage",
        "used",
        "draws",
        "included",
        "about",
        "less",
        "quantities",
        "closing",
        "opening",
    )
    if isinstance(node, list):
        for item in node:
            records(item, found)
    elif isinstance(node, dict):
        if any(key in node for key in NEEDED):
            found.append(node)
        for key, item in node.items():
            if key == "entries":
                records(list(item.values()), found)
            elif key not in names:
                records(item, found)
    return found


def test_version_and_classes_are_named_by_the_schema():
    told = schema()

    assert told["$defs"]["BillingPlan"]["properties"]["version"] == {"const": VERSION}
    assert {"$ref": "#/$defs/Window"} in told["anyOf"]
