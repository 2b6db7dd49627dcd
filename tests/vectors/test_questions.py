"""The public cases that ask for something else than bills."""

import pytest

from tests.vectors.questions import QUESTIONS


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_its_answers(name):
    found, expected = QUESTIONS[name]()

    assert found == expected
