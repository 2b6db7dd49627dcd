"""Runs one case: a payload, and what reading it must give; the shape of a case names provider and API."""

import json
import os
from decimal import Decimal
from pathlib import Path

from tests.vectors.shared_vectors import ROOT
from tokenbill import TokenbillError, Usage
from tokenbill.events import read_otel
from tokenbill.payloads import SHAPES, merged, read_cost, read_usage

OWN = Path(__file__).with_name("cases.json")


def cases_in(path: Path) -> list[dict]:
    """The cases of a file; JSON's fractions are exact, but where binary floats are the point."""
    if not path.exists():
        return []
    exact = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    floats = json.loads(path.read_text(encoding="utf-8"))
    return [binary if case.get("floats") else case for case, binary in zip(exact, floats, strict=True)]


def shared_cases() -> list[dict]:
    shared = Path(os.environ.get("TOKENBILL_SHARED", ROOT.parent / "shared"))
    return cases_in(shared / "cases" / "payloads.json")


def usage_of(case: dict) -> Usage:
    """The usage of a case, without the labels that say which model answered."""
    payload, shape = case["payload"], case["shape"] if case.get("shape") in SHAPES else None
    reader = case.get("reader", "read_usage")
    if reader == "read_otel":
        usage = read_otel(payload)
    elif reader == "merged":
        usage = sum((read_usage(row, shape) for row in merged(payload)), Usage())
    else:
        usage = read_usage(numbers(payload), shape)
    told = [({**meter.labels}, meter.name, quantity) for meter, quantity in usage.items()]
    named = [
        ({k: v for k, v in labels.items() if k not in ("model", "provider")}, *rest) for labels, *rest in told
    ]
    return Usage([(written(name, labels), quantity) for labels, name, quantity in named])


def written(name, labels):
    inner = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inner}}}" if inner else name


def numbers(value, key=""):
    """Amounts and times in text stand for numbers of JSON."""
    if isinstance(value, dict):
        return {name: numbers(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [numbers(member) for member in value]
    return Decimal(value) if isinstance(value, str) and key.endswith(("_cost", "_time")) else value


def check(case: dict, others: dict[str, dict]) -> None:
    """Fail unless the case comes out."""
    if case.get("refused"):
        try:
            found = usage_of(case)
        except TokenbillError:
            return
        raise AssertionError(f"read, but to be refused: {found}")
    if case.get("reader") == "read_cost":
        assert read_cost(case["payload"]) == Decimal(case["amount"])
        return
    usage = usage_of(case)
    if "expected" in case:
        assert usage == Usage(case["expected"])
    for meter, total in case.get("totals", {}).items():
        assert usage.total(meter) == total, (meter, usage)
    if "tokens" in case:
        assert (
            sum(count for meter, count in usage.items() if meter.name.endswith("_tokens")) == case["tokens"]
        )
    if "differs_from" in case:
        assert usage != usage_of(others[case["differs_from"]])
