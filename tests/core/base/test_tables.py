import re
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest

from tokenbill import Bill, BillingPlan, PriceSchedule, Usage
from tokenbill.core.base.tables import Listing, digits, guarded, html_table, plain, shortest, text_table


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (Decimal("0E-9"), "0.000000000"), (Decimal("1E+3"), "1000"), (Decimal("-0.10"), "-0.10")],
)
def test_a_number_is_shown_in_plain_digits(value, text):
    assert digits(value) == text


def test_an_exact_number_is_shown_in_plain_digits_or_as_a_quotient():
    assert [plain(value) for value in (Decimal("1E-7"), Fraction(1, 3))] == ["0.0000001", "1/3"]


@pytest.mark.parametrize(
    ("value", "text"), [("2.20", "2.2"), ("100", "100"), ("0.00", "0"), ("1E+3", "1000"), ("-5.0", "-5")]
)
def test_a_number_may_be_shown_in_as_few_digits_as_say_it(value, text):
    assert shortest(Decimal(value)) == text


def test_columns_of_a_table_are_aligned_numbers_to_the_right():
    table = text_table(("what", "amount"), [("calls", "1.30"), ("gpu_hours", "11.00")], numbers=(1,))

    assert table.splitlines() == [
        "what       amount",
        "---------  ------",
        "calls        1.30",
        "gpu_hours   11.00",
    ]


def test_a_table_of_no_rows_is_its_header():
    assert text_table(("what", "amount"), []) == "what  amount\n----  ------"


def test_a_wide_character_takes_two_columns():
    table = text_table(("what", "n"), [("計算", "1"), ("call", "2")])

    assert table.splitlines()[2:] == ["計算  1", "call  2"]


def test_a_cell_stays_on_its_line():
    table = text_table(("what",), [("a\nb\x1b[31m\u202ec",)])

    assert table.splitlines()[2] == r"a\nb\x1b[31m\u202ec"


def test_every_cell_of_an_html_table_is_escaped():
    html = html_table(("<b>",), [("\"&'",)], caption="<i>")

    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;" in html
    assert "&quot;&amp;&#x27;" in html
    assert ">&lt;i&gt;</caption>" in html


def test_numbers_of_an_html_table_stand_to_the_right():
    html = html_table(("what", "amount"), [("calls", "1.30")], numbers=(1,))

    assert re.search(r'<td style="[^"]*text-align:left;[^"]*">calls</td>', html)
    assert re.search(r'<td style="[^"]*text-align:right;[^"]*">1.30</td>', html)
    assert "<caption" not in html


def test_a_table_leaves_the_colours_of_text_and_ground_to_the_page():
    html = html_table(("what",), [("calls",)], caption="bill")

    assert "background" not in html
    assert not re.search(r"[^-]color:", html)


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "＝1", "＋1", "－1", "＠a"],
)
def test_no_cell_of_text_is_a_formula(cell):
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "gpu_hours", "a=b", "1 - 2", "'=1"])
def test_an_ordinary_cell_of_text_is_left_alone(cell):
    assert guarded(cell) == cell


def test_a_notebook_is_shown_ten_rows_and_how_many_more_there_are():
    html = html_table(("tenant", "total"), [(f"t{i}", "1.00") for i in range(4247)], numbers=(1,))

    assert html.count("<tr>") == 12  # the header, ten rows, and the rest in one
    assert '<td colspan="2"' in html
    assert "… 4,237 more</td>" in html
    assert len(html) < 5000
    assert "more</td>" not in html_table(("tenant",), [(f"t{i}",) for i in range(10)])


@pytest.mark.parametrize(("rows", "more"), [(10, None), (11, "1"), (1012, "1,002")])
def test_a_notebook_shows_ten_rows_and_says_how_many_more_there_are(rows, more):
    page = html_table(("a",), [(str(row),) for row in range(rows)])

    assert re.findall(r"… ([0-9,]+) more", page) == ([] if more is None else [more])
    assert page.count("<tr>") == 1 + min(rows, 10) + (more is not None)


@pytest.mark.parametrize(
    ("shown", "numbers"),
    [
        (lambda bill: bill, (1, 2, 3)),
        (lambda bill: bill.usage, (1,)),
        (lambda bill: bill.explanation, (1,)),
    ],
    ids=["bill", "usage", "explanation"],
)
def test_a_notebook_shows_numbers_to_the_right(shown, numbers):
    bill = Bill.of(Usage(calls=5), BillingPlan(PriceSchedule(calls=2)))
    rows = shown(bill)._repr_html_().split("<tr>")[1:]

    for row in rows:
        sides = re.findall(r"text-align:(left|right)", row)
        assert [place for place, side in enumerate(sides) if side == "right"] == list(numbers)


class Named(NamedTuple):
    """A row of a table."""

    name: str

    def titles(self):
        return ("name",), ()

    def cells(self):
        return (self.name,)


def test_a_listing_is_one_table_and_says_when_there_is_none():
    assert Listing([Named("a")])._repr_html_().count("<td") == 1
    assert Listing([Named("a"), Named("b")])._repr_html_().count("<td") == 2
    assert "none" in Listing()._repr_html_()
