"""The public cases of contracts and terms: each told, stored, agreed again, whole, cut anew, in frames."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.engines import engine_of
from tests.vectors.contract_cases import CONTRACT_LIVES
from tests.vectors.lives import WAYS, frame_total, split, told, whole
from tests.vectors.questions import QUESTIONS
from tests.vectors.shared_cases import shared_cases
from tests.vectors.term_cases import TERM_LIVES

ROOT = Path(__file__).parents[2]
LIVES = CONTRACT_LIVES | TERM_LIVES
CUT = {name: life for name, life in LIVES.items() if life.cuts}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LIVES)
def test_a_life_comes_to_what_was_worked_out_by_hand(name, way):
    told(LIVES[name], way)


@pytest.mark.parametrize("cut", [whole, split])
@pytest.mark.parametrize("name", CUT)
def test_any_other_cut_comes_to_the_same(name, cut):
    cut(CUT[name])


def test_frames_come_to_the_same():
    engine = engine_of("pyarrow")
    found = {name: frame_total(life, engine) for name, life in CUT.items()}
    rated = {name: total for name, total in found.items() if total is not None}

    assert rated == {name: Decimal(LIVES[name].sum) for name in rated}
    assert len(rated) > 10


ELSEWHERE = {
    "zone-rules-change-open-account": "tests/core/billing/test_zone_rules.py",
    "zone-rules-change-closed-bill": "tests/core/billing/test_zone_rules.py",
    "lints": "tests/core/plans/test_contract_lint.py",
    "spent-grants-leave": "tests/core/billing/test_account.py",
    **dict.fromkeys(QUESTIONS, "tests/vectors/test_questions.py"),
}
"""Cases that no life tells, and where they stand."""
TOLD = (
    "amend",
    "bill_on",
    "bill",
    "first",
    "usage",
    "levels",
    "period",
    "grant",
    "months",
    "hours",
    "the same in",
    "premium",
)
"""What a step of a case is told; all other numbers in it are answers."""


def figures(value):
    """The amounts in an answer, without what differs in spelling alone."""
    if isinstance(value, dict):
        return set().union(*(figures(part) for what, part in value.items() if what not in TOLD))
    if isinstance(value, list | tuple):
        return set().union(*map(figures, value))
    found = re.findall(r"-?\d+(?:\.\d+)?(?:/\d+)?", str(value))
    return {re.sub(r"(\.\d*?)0+$", r"\1", text).rstrip(".") for text in found}


FILES = [shared_cases(name) for name in ("contracts.json", "terms.json")]
CASES = [case for file in FILES for case in (file["cases"] if file else ())]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_no_case_is_left_out_and_each_of_its_answers_is_asked(case):
    lives = [life for name, life in LIVES.items() if name.split()[0] == case["id"]]
    if case["id"] in ELSEWHERE:
        assert (ROOT / ELSEWHERE[case["id"]]).exists()
        return
    asked = [(life.sum, life.dues, life.left, [step.expected for step in life.steps]) for life in lives]
    assert lives
    assert figures(case["steps"]) <= figures(asked)
