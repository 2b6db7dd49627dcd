from itertools import count

import pytest

from tokenbill.core.base.inputs import listed_of, name, pairs_of
from tokenbill.errors import InvalidName, InvalidNumber


class Loud(str):
    __slots__ = ()

    def __str__(self):
        return "loud"


def failing():
    yield "a", 1
    raise InvalidNumber("a float is not exact", 0.1, "write it as a string")


@pytest.mark.parametrize(
    "text",
    [
        *("a", "x" * 255, "Größe ÷ 2", "計算", "👩\u200d👩\u200d👧", "a b", " a", "ㅏ"),
        # not printable, and yet fit to read: a joiner, a space that does not break, a sign of one's own
        *("می\u200cخواهم ۲", "prix\u00a0net", "\ue000"),
    ],
)
def test_a_name_is_text_that_can_be_read(text):
    assert name(text) == text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x" * 256,
        "a\nb",
        "\x7f",
        "\x85",
        "\ud800",
        "a\u202eb",
        "\ufeffa",
        "a\u2028b",
        *(" ", "\u00a0", "\u3000 ", "\u200b", "\u2060\u00ad", "\u3164", "\u115f", "\u2800", "\ufe0f"),
        None,
        5,
        b"a",
        ["a"],
    ],
)
def test_what_is_empty_long_or_hides_other_text_is_no_name(value):
    with pytest.raises(InvalidName):
        name(value)


def test_a_name_may_be_empty_where_nothing_needs_it():
    assert name("", empty=True) == ""
    with pytest.raises(InvalidName):
        name(None, empty=True)


def test_a_name_that_is_refused_is_called_what_it_is():
    with pytest.raises(InvalidName, match="grant id is not text"):
        name(5, what="grant id")


def test_a_name_is_plain_text_of_whatever_class_it_was():
    found = name(Loud("quiet"))

    assert (type(found), found) == (str, "quiet")


def test_pairs_are_the_items_of_a_mapping_or_what_an_iterable_holds():
    assert pairs_of({"a": 1}) == [("a", 1)]
    assert pairs_of(iter([("a", 1), ["a", 2]])) == [("a", 1), ("a", 2)]


@pytest.mark.parametrize("value", [None, 5, [1], [("a", 1, 2)], ["abc"]])
def test_what_holds_no_pairs_has_none(value):
    assert pairs_of(value) is None


def test_a_list_is_what_an_iterable_holds():
    assert listed_of(iter([1, 2])) == (1, 2)
    assert listed_of(()) == ()


@pytest.mark.parametrize("value", [None, 5, "ab", b"ab", {"a": 1}], ids=repr)
def test_what_is_no_list_has_none(value):
    assert listed_of(value) is None


def test_an_endless_list_is_read_no_further_than_one_beyond_the_most():
    assert listed_of(count(), most=3) == (0, 1, 2, 3)


@pytest.mark.parametrize("read", [pairs_of, listed_of])
def test_an_error_of_ours_within_an_iterable_is_told_as_it_is(read):
    with pytest.raises(InvalidNumber):
        read(failing())


class Sulky(str):
    """A text that refuses to be asked."""

    def __len__(self):
        raise RuntimeError

    __bool__ = __iter__ = __len__


def test_of_a_text_of_another_class_only_the_characters_are_read():
    assert type(name(Sulky("acme"))) is str
    with pytest.raises(InvalidName):
        name(Sulky(""))
