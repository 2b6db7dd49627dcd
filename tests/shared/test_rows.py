"""Rows: what is read, and how a row that cannot be read is named."""

import io
from decimal import Decimal
from pathlib import Path

import pytest

from tokenbill.errors import UnreadableInput, UnreadableRow
from tokenbill.shared.rows import DEPTH, ROW_LENGTH, opened

LONG = ["meter", "quantity"]
MOST = 500  # characters of an error


def cells(source, columns=LONG):
    with opened(source, columns) as rows:
        return [rows.cells(row) for row in rows]


def refused(source, columns=LONG):
    with pytest.raises(UnreadableInput) as caught:
        cells(source, columns)
    assert len(str(caught.value)) < MOST
    assert str(caught.value).isprintable()
    return caught.value


def place(error):
    return error.line, error.column, error.value


@pytest.mark.parametrize(
    "text",
    [
        "meter,quantity\na,1\nb,2\n",
        "meter,quantity\na,1\nb,2",
        "meter,quantity\r\na,1\r\nb,2\r\n",
        "\ufeffmeter,quantity\na,1\nb,2\n",
        '"meter","quantity"\n"a","1"\n"b","2"\n',
        '\ufeff"meter",quantity\na,1\nb,2\n',
        "\nmeter,quantity\n\na,1\n\n\nb,2\n\n",
        "quantity,other,meter\n1,x,a\n2,,b\n",
        "meter,,quantity,\na,,1,\nb,x,2,\n",
    ],
)
def test_the_same_rows_are_read_however_they_are_spelled(text):
    lines = text.splitlines(keepends=True)

    assert cells(lines) == [["a", "1"], ["b", "2"]]
    assert cells(line.encode() for line in lines) == [["a", "1"], ["b", "2"]]
    assert cells(io.StringIO(text, newline="")) == [["a", "1"], ["b", "2"]]
    assert cells(io.BytesIO(text.encode())) == [["a", "1"], ["b", "2"]]


def test_a_path_is_opened(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("meter,quantity\na,1\n", encoding="utf-8")

    assert cells(path) == [["a", "1"]]


def test_a_quoted_cell_holds_commas_quotation_marks_and_line_breaks():
    assert cells(["a,b\n", '"x, ""y""\n', 'z",1\n'], ["a", "b"]) == [['x, "y"\nz', "1"]]


@pytest.mark.parametrize("title", ["usage.jsonl", "usage.ndjson"])
def test_a_file_named_as_json_lines_is_read_as_such(title, tmp_path):
    path = tmp_path / title
    path.write_text(
        '\n  {"meter": "a", "quantity": 1}\r\n\n{"meter": "b", "quantity": "2"}', encoding="utf-8"
    )

    assert cells(path) == [["a", 1], ["b", "2"]]


def test_an_empty_file_of_json_lines_has_no_rows(tmp_path):
    path = tmp_path / "usage.jsonl"
    path.touch()

    assert cells(path) == []


@pytest.mark.parametrize(
    ("number", "read"),
    [("7", 7), ("0.10", Decimal("0.10")), ("1e-7", Decimal("1e-7")), ('"1,5"', "1,5"), ("1e9999", "1e9999")],
)
def test_a_number_of_json_keeps_its_digits(number, read):
    ((cell,),) = cells([f'\ufeff{{"more": [1.5, {{"deep": null}}], "quantity": {number}}}'], ["quantity"])

    assert cell == read
    assert isinstance(cell, type(read))


def test_an_endless_number_of_json_stays_text():
    digits, decimals = "9" * 5000, "0." + "1" * 5000

    assert cells([f'{{"a": {digits}, "b": {decimals}}}'], ["a", "b"]) == [[digits, decimals]]


def test_progress_is_told_the_length_of_every_line():
    told = []

    with opened(io.BytesIO(b"meter,quantity\na,1\n"), LONG, told.append) as rows:
        list(rows)

    assert told == [15, 4]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", (1, None, "''")),
        ("\n\n", (3, None, "''")),
        ("meter,meter,quantity\na,b,5\n", (1, "meter", "'meter'")),
        ("meter,quantities\na,5\n", (1, "quantity", "''")),
        ("a,b,c,d\n1,2,3,4\n", (1, "meter", "''")),
        ('\n"meter"x,quantity\n', (2, None, "'\"meter\"x,quantity\\n'")),
        ('meter,quantity\n"tokens,5\na,1\n', (2, None, "'\"tokens,5\\n'")),
        ('meter,quantity\na,1\n"b"c,2\n', (3, None, "'\"b\"c,2\\n'")),
        ("meter,quantity\na\n", (2, None, "'a'")),
        ("meter,quantity\n\na,1,234\n", (3, None, "'a,1,234'")),
        ('meter,quantity\n"a\n\nb",1\nc\n', (5, None, "'c'")),
        ("meter,quantity\na\0,5\n", (2, None, "'a\\x00,5\\n'")),
        ("meter\0,quantity\na,5\n", (1, None, "'meter\\x00,quantity\\n'")),
    ],
)
def test_a_bad_row_of_csv_is_named_by_line_column_and_value(text, named):
    error = refused(io.StringIO(text, newline=""))

    assert error.code == "unreadable_row"
    assert place(error) == named
    assert place(refused(io.BytesIO(text.encode()))) == named


def test_rows_that_end_in_cr_alone_are_refused_where_python_does_not_part_them():
    assert place(refused([b"meter,quantity\ra,1\r"])) == (1, None, "'meter,quantity\\ra,1\\r'")


def test_text_that_is_not_utf_8_is_refused_where_it_stands():
    assert place(refused([b"meter,quantity\n", b"\xe9,5\n"])) == (2, None, r"'\\xe9,5\n'")
    assert refused(["meter,quantity\n".encode("utf-16")]).line == 1
    assert refused([b'{"meter": "\xe9", "quantity": 5}\n']).line == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('{"meter": "a", "quantity": 1', "not JSON"),
        ('{"meter": "a"} {"meter": "b"}', "not JSON"),
        ("a,1", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"meter": "a", "quantity": NaN}', "NaN"),
        ('{"meter": "a", "quantity": -Infinity}', "-Infinity"),
        ('{"meter": "a", "quantity": 1, "quantity": 1}', "twice"),
        ('{"meter": "a", "quantity": 1, "quantit\\u0079": 1}', "twice"),
        ('{"meter": "a", "quantity": 1, "more": {"x": 1, "x": 1}}', "twice"),
        ('{"more": ' + "[" * DEPTH + "]" * DEPTH + "}", f"{DEPTH} levels"),
        ('{"more": ' + "[" * 100_000, f"{DEPTH} levels"),
        ('{"meter": "a\0", "quantity": 1}', "NUL"),
    ],
)
def test_a_bad_row_of_json_lines_is_named_by_its_line(row, problem):
    error = refused(['{"meter": "a", "quantity": 1}\n', "\n", f"{row}\n"])

    assert (error.line, error.column) == (3, None)
    assert problem in str(error)


@pytest.mark.parametrize("cell", ["true", "null", "[1]", '{"a": 1}'])
def test_a_cell_of_json_is_text_or_a_number(cell):
    error = refused([f'{{"meter": "a", "quantity": {cell}}}'])

    assert (error.line, error.column) == (1, "quantity")


def test_brackets_in_text_and_many_beside_each_other_are_no_levels():
    beside = ", ".join(["[]"] * 100)

    assert cells([f'{{"meter": "{"[" * 100}\\"[", "quantity": 1, "more": [{beside}]}}']) == [
        ["[" * 100 + '"[', 1]
    ]


def test_a_column_that_is_missing_is_named_with_the_nearest_or_with_all():
    assert "did you mean 'quantity'?" in str(refused(["meter,quantity"], ["quantty"]))
    assert "'meter', 'quantity'" in str(refused(["meter,quantity"], ["customer"]))
    assert refused(["meter,,"], [""]).column == ""
    assert refused(['{"meter": "a"}']).column == "quantity"


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("x" * ROW_LENGTH + ",1", ROW_LENGTH),
        ('"x\ny",' * (ROW_LENGTH // 6 + 1), ROW_LENGTH),
        ('"' + "x\n" * ROW_LENGTH, 131072),  # of a cell: Python's own
    ],
)
def test_a_row_is_not_longer_than_the_limit(row, limit):
    error = refused(io.StringIO(f"meter,quantity\n{row}\n"))

    assert error.line == 2
    assert str(limit) in str(error)


def test_a_file_without_line_breaks_is_not_read_to_its_end():
    class Endless(io.RawIOBase):
        def readline(self, size=-1):
            return b"\0" * size

    assert refused(Endless()).line == 1


def test_many_columns_take_no_time():
    header = ",".join(f"column{i}" for i in range(80_000))

    assert refused([header], ["colum"]).line == 1


def test_a_bad_row_can_be_left_out():
    with opened(["meter,quantity", "a,1,2", "b,2"], LONG) as rows:
        first, second = rows

        with pytest.raises(UnreadableRow):
            rows.cells(first)
        assert rows.cells(second) == ["b", "2"]


def test_the_error_names_the_file_by_the_end_of_its_path():
    class Named(io.StringIO):
        name = "far/" * 100 + "usage\x1b[31m.csv"

    error = refused(Named("meter\n"))

    assert error.file == Named.name
    assert str(error).startswith("…")
    assert "far/usage\\x1b[31m.csv, line 1, column 'quantity': no such column" in str(error)


def test_an_error_names_a_path_or_input(tmp_path):
    path = tmp_path / "u.csv"
    path.write_text("meter\n", encoding="utf-8")

    assert refused(path).file == str(path)
    assert refused(["meter"]).file == "input"


def test_what_cannot_be_opened_is_our_error(tmp_path):
    assert "is a directory" in str(refused(tmp_path))
    assert "no such file" in str(refused(tmp_path / "absent.csv"))
    assert refused(Path("a\0b")).code == "unreadable_input"
    assert refused(Path("a" * 10_000)).code == "unreadable_input"


@pytest.mark.parametrize("failure", [OSError(5, "Input/output error"), ValueError("closed file")])
def test_a_file_that_fails_while_it_is_read_is_our_error(failure):
    class Failing(io.StringIO):
        name = "u.csv"

        def readline(self, size=-1):
            raise failure

    assert "u.csv" in str(refused(Failing()))


@pytest.mark.parametrize("source", ["usage.csv", b"meter,quantity", None, 7, [1], [None]])
def test_text_and_other_things_are_no_file(source):
    assert refused(source).code == "unreadable_input"


def test_a_row_of_escaped_quotes_is_read_in_one_go():
    """Were the depth asked again from each quote, this would take hours."""
    row = "{" * 40 + '"' + '\\"' * 400_000

    with opened([row], []) as rows, pytest.raises(UnreadableRow, match="more than 32 levels"):
        rows.members(next(iter(rows)))
