"""The public corpus of bad and odd inputs: each is refused by an error of ours, or taken exactly.

What the answers, targets and checks mean stands in the header of the file.
"""

import csv
import html
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from copy import copy, deepcopy
from decimal import Decimal
from fractions import Fraction
from functools import cache, reduce
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO, StringIO
from operator import or_, sub
from time import process_time

import pytest
from attrs import evolve, fields_dict
from attrs.exceptions import FrozenInstanceError

from tests.support.edits import edited
from tests.support.reference_bill import NAMES
from tests.vectors.payload_shapes import shape_of_api
from tests.vectors.shared_vectors import ROOT, shared_vectors, vector_id
from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Graduated,
    Grant,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tier,
    TokenbillError,
    Usage,
    Volume,
    payloads,
    serial,
)
from tokenbill.events import once, read_cloudevent, usage_by
from tokenbill.files import read_usage, to_csv, to_json
from tokenbill.frames import rate, rate_rows

SECONDS = 2
LONGEST_MESSAGE = 500
EXTRAS = {"np": "numpy", "pd": "pandas", "pl": "polars"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
PRICES = PriceSchedule(tokens="1.00")
PLAN = BillingPlan.on_demand(PRICES)


# Inputs -----------------------------------------------------------------------------------------------


class JsonToken(str):
    """Raw JSON text, put in a document as it is."""

    __slots__ = ()


@cache
def names():
    """What an expression of the corpus may name."""
    installed = {short: import_module(package) for short, package in EXTRAS.items() if find_spec(package)}
    base_event = shared_vectors("bad_inputs.json", "base_event")
    return {**NAMES, **installed, "base_event": base_event, "JsonToken": JsonToken}


def evaluated(value):
    """An input, its expressions worked out; one that needs a package we lack is not run, and says so."""
    if isinstance(value, list):
        return [evaluated(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"python"}:
        return {key: evaluated(item) for key, item in value.items()}
    try:
        return eval(value["python"], dict(names()))  # noqa: S307
    except NameError as error:
        pytest.skip(f"not run without {EXTRAS[error.name]}: {value['python']}")


# Doors: each takes an input and its case, and gives what it was taken for and where that shows ------------


def used(given, _):
    return Usage({"tokens": given})["tokens"], None


def used_in_pairs(given, _):
    return Usage([("tokens", given)])["tokens"], None


def used_by_keyword(given, _):
    return Usage(tokens=given)["tokens"], None


def used_on_a_curve(given, _):
    return PerUnit(1)(given), None


def used_on_a_bill(given, _):
    return Bill.of({"tokens": given}, PLAN).exact, None


def priced_by_unit(given, _):
    return PerUnit(**quoted(given)).exact(1), None


def priced_by_tier(given, _):
    rate = quoted(given)
    return Volume([Tier(None, rate["rate"])], per=rate.get("per", 1)).exact(1), None


def priced_in_a_schedule(given, _):
    rate = quoted(given)
    prices = {"tokens": PerUnit(**rate) if "per" in rate else given}
    return Bill.of({"tokens": 1}, BillingPlan.on_demand(PriceSchedule(prices))).exact, None


def quoted(given):
    """A rate, and the units that it is quoted for."""
    whole = isinstance(given, dict) and {"amount", "per"} == set(given)
    return {"rate": given["amount"], "per": given["per"]} if whole else {"rate": given}


def tiered(given, case, kinds=(Graduated, Volume)):
    prices = {kind.__name__.lower(): kind(rows(given)) for kind in kinds}
    return {mode: price.exact(case["at"]) for mode, price in prices.items() if "at" in case}, None


def rows(given):
    """Pairs as tiers, one by one; what is no list of pairs stays what it is."""
    if not isinstance(given, list):
        return given
    return (Tier(*row) if isinstance(row, list) and len(row) == 2 else row for row in given)


def tiered_by_volume_first(given, case):
    return tiered(given, case, kinds=(Volume, Graduated))


def in_currency(given, _):
    """A schedule in the currency; or two bills compared, or the prices of two schedules in one."""
    if not isinstance(given, dict):
        return PriceSchedule({"tokens": 1}, currency=given).currency.code, None
    ((operation, amounts),) = given.items()
    schedules = [PriceSchedule({f"m{i}": amount}, currency=code) for i, (amount, code) in enumerate(amounts)]
    if operation == "compare":
        bills = [Bill.of(dict.fromkeys(prices, 1), BillingPlan.on_demand(prices)) for prices in schedules]
        return reduce(sub, bills).total, None
    mixed = reduce(or_, schedules)
    return Bill.of(dict.fromkeys(mixed, 1), BillingPlan.on_demand(mixed)).exact, None


def rounded(given, case):
    """An amount by the policy given, or by each mode that is expected; what is no policy is a mode."""
    if not isinstance(given, dict):
        return Rounding(mode=given), None
    policy = {key: value for key, value in given.items() if key not in ("amount", "currency")}
    rounding, places = Rounding(**policy), Currency(given.get("currency", "USD")).places
    if "amount" not in given:
        return rounding, None
    if isinstance(modes := case.get("expect"), dict):
        return {mode: evolve(rounding, mode=mode)(given["amount"], places) for mode in modes}, None
    return rounding(given["amount"], places), None


def allocated(given, _):
    parts = Rounding(places=0).allocate(given["cents"], given["weights"])
    return {"sum": sum(parts), "count": len(parts), "parts": list(parts)}, None


def in_time(given, _):
    """A cycle, or a period, and whether an event lies in it."""
    if "unit" in given:
        anchor = given.get("anchor_day", given["anchor"])
        return Cycle(given["unit"], anchor, given.get("count", 1), given.get("tz", "UTC")).period(0), None
    period = Period(given["start"], given["end"])
    return {True: "included", False: "excluded"}.get("event" in given and given["event"] in period), None


def drawn(given, _):
    """What a balance pays, leaves unpaid, and has let expire."""
    balance = Balance(
        list(map(granted, given["grants"])) if isinstance(given["grants"], list) else given["grants"]
    )
    draw = balance.draw(given.get("draw", 0), given.get("at"))
    expired = balance.expired(given.get("at"))
    return {"drawn": sum(amount for _, amount in draw.by_grant), "due": draw.short, "expired": expired}, None


def granted(row):
    key, amount, expires, *currency = row
    return Grant(key, amount, *(currency or ["USD"]), expires=expires)


def drawn_on_a_bill(given, _):
    """The same as a bill of what is drawn, settled to more places than any amount has."""
    balance = Account(balance=list(map(granted, given["grants"])) if given["grants"] else given["grants"])
    plan = BillingPlan.prepaid(PriceSchedule(tokens=given.get("draw", 0)), rounding=Rounding(places=30))
    bill = Bill.of(Usage(tokens=1), plan, opening=balance, at=given.get("at"))
    expired = balance.balance.expired(given.get("at"))
    return {"drawn": sum(amount for _, amount in bill.draws), "due": bill.due, "expired": expired}, None


def naming_a_plan(given, _):
    plan = BillingPlan.on_demand(PRICES, name=given)
    return plan.name, Bill.of(Usage(tokens=1), plan)


def naming_a_customer(given, _):
    bill = Bill.of(Usage(tokens=1), PLAN, about={"customer": given})
    return bill.about["customer"], bill


def in_csv(given, case):
    ((what, content),) = given.items()
    return {"import_text": imported, "export_amount": exported_amount, "export_name": exported_name}[what](
        content, case
    )


def imported(text, case):
    usage = read_usage(BytesIO(text) if isinstance(text, bytes) else StringIO(text, newline=""))
    return dict(usage) if isinstance(case.get("expect"), dict) else sum(usage.values()), None


def exported_name(text, _):
    bill = Bill.of(Usage(tokens=1), BillingPlan.on_demand(PRICES, name=text))
    return json.loads(to_json(bill))[0]["plan"], first_row(bill)["plan"]


def exported_amount(text, _):
    """One unit at this amount; a negative one is what a correction takes back."""
    plan = BillingPlan.on_demand(PriceSchedule(tokens=text.removeprefix("-")))
    bill = Bill.of(Usage(tokens=1), plan, final=False)
    if text.startswith("-"):
        bill = Bill.of(Usage(), plan, opening=bill.closing, reversal=Usage(tokens=1), final=False)
    cell = first_row(bill)["amount"]
    return Decimal(cell), cell


def first_row(bill):
    return next(csv.DictReader(StringIO(to_csv(bill), newline="")))


def happened(given, _):
    """One event, and how many tokens it counts."""
    return read_cloudevent(given).usage["tokens"], None


def all_happened(given, _):
    """Events, each counted once, and their tokens in all."""
    return usage_by(once(map(read_cloudevent, given)), "customer")["cust"]["tokens"], None


def all_happened_in_two_batches(given, _):
    first = once(map(read_cloudevent, given[:1]))
    second = once(map(read_cloudevent, given[1:]), first.seen)
    return sum(map(usage_of, (*first, *second)), Usage())["tokens"], None


def usage_of(event):
    return event.usage


def paid_by_payload(given, case):
    """A provider's usage object, by its shape; that of OpenAI's chats where neither names nor case tell."""
    is_told = "provider" in case or (isinstance(given, dict) and "input_tokens" in given)
    told = shape_of_api(case["provider"], case["api"]) if "provider" in case else None
    return billed_tokens(payloads.read_usage(given, told if is_told else "openai.chat"))


def paid_by_payload_of_any_shape(given, _):
    return billed_tokens(payloads.read_usage(given))


def billed_tokens(usage):
    return {"input": usage.total("input_tokens"), "output": usage.total("output_tokens")}, None


def read_as_a_plan(given, _):
    text = edited(serial.dumps(PLAN), given, ("prices", "entries", "tokens"))
    return serial.loads(text).prices["tokens"].rate, None


def read_as_a_plan_of_any_kind(given, _):
    plan = BillingPlan.subscription("0.99", PRICES, included={"tokens": 5})
    text = edited(serial.dumps(plan), given, ("fees", 0, "amount"))
    return serial.loads(text.encode() if isinstance(text, str) else text).fees[0].amount, None


def read_as_a_bill(given, _):
    """A bill of three lines, of which a grant pays a part."""
    prices = PriceSchedule(gpu_hours="0.30", tokens="1.00")
    opening = Account(balance=[Grant("gift", "1.50", "USD")])
    bill = Bill.of(Usage(gpu_hours=7, tokens=1), BillingPlan.prepaid(prices), opening=opening)
    text = edited(serial.dumps(bill), given, ("lines", 0, "amount"))
    return serial.loads(text).lines[0].amount, None


def framed(given, _):
    """The quantity that a bill of the frame shows, where every unit costs one."""
    return sum(row["quantity"] for row in records(rate(given, units_of(given)))), None


def framed_by_row(given, _):
    return sum(row["amount"] for row in records(rate_rows(given, units_of(given)))), None


def units_of(frame):
    """A plan where each meter that a frame names costs one."""
    meters = {meter for meter in frame["meter"] if isinstance(meter, str)} if "meter" in frame else {"a"}
    return BillingPlan.on_demand(PriceSchedule(dict.fromkeys(meters, 1)))


def records(frame):
    """The rows of a frame."""
    return frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_dict("records")


DOORS = {
    "quantity": (used, used_in_pairs, used_by_keyword, used_on_a_curve, used_on_a_bill),
    "price": (priced_by_unit, priced_by_tier, priced_in_a_schedule),
    "tiers": (tiered, tiered_by_volume_first),
    "currency": (in_currency,),
    "rounding": (rounded,),
    "allocation": (allocated,),
    "period": (in_time,),
    "credits": (drawn, drawn_on_a_bill),
    "plan_name": (naming_a_plan, naming_a_customer),
    "csv": (in_csv,),
    "json_plan": (read_as_a_plan, read_as_a_plan_of_any_kind),
    "json_bill": (read_as_a_bill,),
    "usage_payload": (paid_by_payload, paid_by_payload_of_any_shape),
    "event": (happened,),
    "event_batch": (all_happened, all_happened_in_two_batches),
    "dataframe": (framed, framed_by_row),
}


# Answers ----------------------------------------------------------------------------------------------

CHECKS = {
    "csv_safe": lambda _, cell: not cell.lstrip(" ").startswith(FORMULA),
    "csv_roundtrip": lambda text, cell: cell == text,
    "csv_number": lambda text, cell: Decimal(cell) == Decimal(text),
    "html_escaped": lambda text, bill: shows_escaped(text, bill._repr_html_()),
    "no_control": lambda _, bill: not any(map(controls, str(bill) + repr(bill))),
    "literal": lambda text, bill: text in bill.to_rows()[0].values(),
}

NOT_IN_ERROR = "not_in_error:"
"""Before what no error may tell."""


def shows_escaped(text, page):
    escaped = html.escape(text, quote=True)
    return escaped in page and (escaped == text or text not in page)


def controls(character):
    code = ord(character)
    return character != "\n" and (code < 0x20 or 0x7F <= code < 0xA0 or character in DIRECTIONS)


def complaint(case, door, log):
    """What is wrong with the answer to a case; nothing if it is right. Foreign errors come through."""
    given, error, start = evaluated(case["input"]), None, process_time()
    try:
        value, shown = door(given, case)
    except TokenbillError as refusal:
        error = refusal
    seconds = process_time() - start
    if seconds > case.get("time_limit_s", SECONDS) and sys.gettrace() is None:  # tracing doubles it
        return f"took {seconds:.1f} s"
    if error is not None:
        return complaint_about_refusal(case, error, log)
    if case["must"] == "reject":
        return f"taken as {value!r}"
    checks = [check for check in case.get("check", []) if not check.startswith(NOT_IN_ERROR)]
    if unknown := set(checks) - CHECKS.keys():
        return f"checks that nobody here knows: {sorted(unknown)}"
    failed = [check for check in checks if not CHECKS[check](case["expect"], shown)]
    return f"failed {failed}" if failed else None if equal(value, case["expect"]) else f"{value!r} is wrong"


def complaint_about_refusal(case, error, log):
    if case["must"] != "reject":
        return f"refused: {error}"
    told = "\n".join([str(error), repr(error), log.text])
    checks = [check for check in case.get("check", []) if check.startswith(NOT_IN_ERROR)]
    secrets = [check.removeprefix(NOT_IN_ERROR) for check in checks]
    leaked = any(secret in told for secret in secrets)
    if leaked or not error.code or len(str(error)) >= LONGEST_MESSAGE:
        return f"a poor error: {error!r}"
    return None


def equal(value, expected):
    """Exactly equal: a number as a Decimal, Fraction or int, and never as a float."""
    if isinstance(expected, Mapping):
        return all(equal(value[key], item) for key, item in expected.items())
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(equal, value, expected))
    if type(value) in (Decimal, Fraction, int):
        return Fraction(value) == Fraction(expected)
    return value == expected


def cases(targets):
    return [case for case in shared_vectors("bad_inputs.json", "cases") if case["target"] in targets]


def through_every_door():
    pairs = [(case, door) for case in cases(DOORS) for door in doors_of(case)]
    return [pytest.param(case, door, id=f"{case['id']}-{door.__name__}") for case, door in pairs]


def doors_of(case):
    """Every door of a target; one for what may take long, so that all tests run in three minutes."""
    return DOORS[case["target"]][: 1 if case.get("time_limit_s", 0) > 10 else None]


@pytest.mark.parametrize(("case", "door"), through_every_door())
def test_an_input_is_refused_or_taken_exactly(case, door, caplog):
    first = complaint(case, door, caplog)
    second = complaint({**case, **case["or"]}, door, caplog) if first and "or" in case else first

    assert first is None or second is None, [first, second]


# Objects ----------------------------------------------------------------------------------------------


def values():
    usage = Usage(tokens=1)
    return [usage, PLAN, PRICES, PerUnit(1), Bill.of(usage, PLAN), Rounding(), Currency("USD")]


def new_attribute():
    for value in values():
        with pytest.raises(FrozenInstanceError):
            value.colour = "red"


def change_attribute():
    for value in values():
        for attribute in fields_dict(type(value)):
            with pytest.raises(FrozenInstanceError):
                setattr(value, attribute, None)


def delete_attribute():
    for value in values():
        for attribute in fields_dict(type(value)):
            with pytest.raises(FrozenInstanceError):
                delattr(value, attribute)


def copied():
    for value in values():
        for again in (copy(value), deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert again == value
            assert hash(again) == hash(value)


def compare_with_int():
    for value in values():
        assert value != 5
        with pytest.raises(TypeError):
            assert value < 5


def equal_scale():
    one, other = Usage(tokens="1.0"), Usage(tokens="1.00")

    assert one == other
    assert hash(one) == hash(other)


def default_not_shared():
    one, other = BillingPlan.on_demand(PRICES), BillingPlan.on_demand(PRICES)
    Bill.of(Usage(tokens=1), one)

    assert one.cache is not other.cache
    assert not other.cache


OBJECTS = {
    "new_attribute": new_attribute,
    "change_attribute": change_attribute,
    "delete_attribute": delete_attribute,
    **dict.fromkeys(("copy", "deepcopy", "pickle"), copied),
    "compare_with_int": compare_with_int,
    "equal_scale": equal_scale,
    "default_not_shared": default_not_shared,
}


BEHAVIOURS = {*OBJECTS, *(case["input"]["do"] for case in cases({"object"}))}


@pytest.mark.parametrize("behaviour", sorted(BEHAVIOURS))
def test_a_value_behaves_as_one(behaviour):
    assert behaviour in OBJECTS, f"no check of what is meant by {behaviour}"
    OBJECTS[behaviour]()


# Surroundings -----------------------------------------------------------------------------------------


@cache
def reference(given):
    """What a process of its own says of the reference bill."""
    script = ROOT / "tests" / "support" / "reference_bill.py"
    run = [sys.executable, script, given]
    told = subprocess.run(run, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert not told.returncode, told.stderr.decode()
    return json.loads(told.stdout)


@pytest.mark.parametrize("case", cases({"context"}), ids=vector_id)
def test_a_bill_does_not_depend_on_its_surroundings_nor_change_them(case):
    told = reference(json.dumps(case["input"]))
    if "not run" in told:
        pytest.skip(f"{case['id']} not run: {told['not run']}")

    count = case["input"].get("asyncio_tasks", case["input"].get("threads", 1))
    assert told["unchanged"]
    assert told["bills"] == reference('{"setup": ""}')["bills"] * count


def test_every_target_is_known():
    known = {*DOORS, "object", "context"}

    assert {case["target"] for case in shared_vectors("bad_inputs.json", "cases")} <= known
