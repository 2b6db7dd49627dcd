"""JSON is read strictly, by its digits, and written in one form."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenbill.shared.strict_json import LongNumber, NotJson, canonical_json, decimal_of, decoded

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read_again_in_any_layout(value):
    assert decoded(canonical_json(value)) == value
    assert decoded(f" \r\n{json.dumps(value, indent=2)}\t") == value
    assert canonical_json(decoded(canonical_json(value))) == canonical_json(value)


def test_names_are_sorted_by_their_utf_16_code_units():
    # RFC 8785, 3.2.3: as code points U+FB33 comes before U+1F600, as UTF-16 D83D comes before FB33
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

    text = canonical_json(dict.fromkeys(names, 0))

    assert list(json.loads(text)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_text_is_escaped_as_rfc_8785_asks():
    assert canonical_json("\u20ac$\u000f\nA'B\"\\/\x7f") == '"€$\\u000f\\nA\'B\\"\\\\/\x7f"'


def test_numbers_are_read_by_their_digits():
    assert decoded("[0.1, 1.10, 1e2, -0, 12345678901234567890]") == [
        Decimal("0.1"), Decimal("1.10"), Decimal(100), 0, 12345678901234567890,
    ]  # fmt: skip
    assert str(decoded("1.10")) == "1.10"


@pytest.mark.parametrize(
    "text", ["1" * 65, "-" + "1" * 64, "0." + "1" * 63, "1e1000", "1E-9999", "1" * 10**6]
)
def test_a_number_of_too_many_digits_stays_its_text_but_is_no_plain_one(text):
    found = decoded(text)

    assert (type(found), str(found)) == (LongNumber, text)


def test_the_longest_number_is_read_as_one():
    assert decoded("1" * 64) == int("1" * 64)
    assert decoded("0." + "1" * 62) == Decimal("0." + "1" * 62)
    assert decoded("1e999") == Decimal("1e999")


def test_a_number_of_toml_may_be_none():
    assert decimal_of("nan").is_nan()
    assert decimal_of("-inf").is_infinite()
    assert decimal_of("1_000.5") == Decimal("1000.5")


NOT_JSON = [
    *[
        "",
        " ",
        "{",
        "[1,]",
        "{'a': 1}",
        '{"a": 1}{}',
        "01",
        "1.",
        ".5",
        "+1",
        "0x1",
        "nul",
        '"\n"',
        '"\\x"',
        "\ufeff1",
    ],
    *[
        "NaN",
        "-Infinity",
        '{"a": Infinity}',
        '{"a": 1, "a": 1}',
        '{"a": 1, "\\u0061": 2}',
        '[{"": 1, "": 1}]',
    ],
    *["\u00a01", "\x0b1", "１", "[" * 10**6, '{"a":' * 10**6],
]


@pytest.mark.parametrize("text", NOT_JSON, ids=lambda it: ascii(it)[:20])
def test_what_is_no_json_or_says_two_things_is_refused(text):
    with pytest.raises(NotJson) as found:
        decoded(text)

    assert found.value.way_out


def test_the_place_of_a_mistake_is_told():
    with pytest.raises(NotJson, match=r"^not JSON, expecting value at line 2, character 7$"):
        decoded('{\n "a": }')
    with pytest.raises(NotJson, match=r"^not JSON, extra data at character 3$"):
        decoded("{}{}")
