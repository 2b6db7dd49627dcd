"""Answers as providers, SDKs and hosts write them, and the usage that they tell."""

import pytest

from tests.wings.payloads.cases import OWN, cases_in, check, shared_cases

CASES = cases_in(OWN)
SHARED = shared_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_an_answer_tells_the_usage_that_was_billed(case):
    check(case, {each["id"]: each for each in CASES})


@pytest.mark.parametrize("case", SHARED, ids=lambda case: case["id"])
def test_a_shared_case_comes_out(case):
    check(case, {each["id"]: each for each in SHARED})
