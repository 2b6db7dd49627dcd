import copy
import importlib.util
import pickle
from decimal import Decimal
from pathlib import Path

import attrs
import iso4217
import pytest

from tokenbill.core.money.currencies import Currency, currency
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.errors import InvalidCurrency, InvalidNumber

ROOT = Path(__file__).parents[3]


def generator():
    """The script that writes the table."""
    spec = importlib.util.spec_from_file_location("generator", ROOT / "tools" / "generate_currencies.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    ("code", "places"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("CNY", 2), ("BHD", 3)]
)
def test_a_currency_of_iso_4217_knows_its_places(code, places):
    assert Currency(code).places == places


def test_no_currency_has_other_places_than_the_published_table():
    published = {item.code: item.exponent for item in iso4217.Currency if item.exponent is not None}
    known = published.keys() & MINOR_UNITS.keys()

    assert len(known) > 150
    assert {code: MINOR_UNITS[code] for code in known} == {code: published[code] for code in known}


def test_the_table_is_what_its_generator_writes():
    text = (ROOT / "tokenbill" / "core" / "money" / "iso4217.py").read_text(encoding="utf-8")
    published = text.partition(" as of ")[2].partition(",")[0]

    assert generator().module(MINOR_UNITS, published) == text


def test_the_generator_reads_the_installed_package(tmp_path, monkeypatch):
    script = generator()
    monkeypatch.setattr(script, "TARGET", tmp_path / "table.py")

    script.main()

    assert " USD " in (tmp_path / "table.py").read_text(encoding="utf-8")


def test_the_generator_keeps_what_the_table_had(tmp_path, monkeypatch):
    script = generator()
    monkeypatch.setattr(script, "TARGET", tmp_path / "table.py")
    monkeypatch.setitem(MINOR_UNITS, "OLD", 3)  # withdrawn: no published table has it

    script.main()

    assert " OLD " in (tmp_path / "table.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ["BGN", "ANG", "HRK", "ZWL", "SLL", "CUC"])
def test_a_currency_that_was_withdrawn_stays_known(code):
    assert Currency(code).places == 2


def test_no_places_are_proposed_for_a_code_that_nobody_knows():
    with pytest.raises(InvalidCurrency) as refused:
        Currency("QQQ")

    assert "places=0" not in str(refused.value)


def test_a_virtual_unit_says_its_own_places():
    assert Currency("TOKEN", places=0) == Currency("TOKEN", 0)
    assert Currency("gpu-credit_2", places=30).places == 30
    assert Currency("TOKEN", places=0) != Currency("TOKEN", places=2)


def test_a_metal_is_a_unit_of_its_own():
    assert Currency("XAU", places=4).places == 4


@pytest.mark.parametrize("code", ["UDS", "U5D", "XAU", "TOKEN", "BTC"])
def test_an_unknown_code_without_places_is_refused(code):
    with pytest.raises(InvalidCurrency, match=rf'Currency\("{code}", places=…\)'):
        Currency(code)


@pytest.mark.parametrize("code", ["usd", "Usd", "uSD"])
@pytest.mark.parametrize("places", [None, 2, 0])
def test_a_code_of_iso_4217_in_small_letters_is_refused(code, places):
    with pytest.raises(InvalidCurrency, match='write "USD"'):
        Currency(code, places=places)


@pytest.mark.parametrize(
    "code",
    [
        "",
        " USD",
        "USD\n",
        "UЅD",
        "ＵＳＤ",
        "$",
        "_A",
        "1A",
        "A" * 33,
        "A b",
        840,
        None,
        True,
        b"USD",
        ["USD"],
    ],
)
def test_what_is_no_code_is_refused_even_with_places(code):
    with pytest.raises(InvalidCurrency):
        Currency(code, places=2)


def test_a_code_has_at_most_32_characters():
    assert len(Currency("A" * 32, places=0).code) == 32


@pytest.mark.parametrize("places", [-1, 31, True, False, "2", 2.0, Decimal(2)])
def test_what_is_no_number_of_places_is_refused(places):
    with pytest.raises(InvalidCurrency):
        Currency("TOKEN", places=places)


@pytest.mark.parametrize("places", [0, 1, 3])
def test_places_that_contradict_iso_4217_are_refused(places):
    with pytest.raises(InvalidCurrency, match="USD has 2 places"):
        Currency("USD", places=places)


def test_places_that_repeat_iso_4217_change_nothing():
    assert Currency("USD", places=2) == Currency("USD")


def test_a_currency_prints_as_its_code():
    assert str(Currency("USD")) == "USD"
    assert f"{Currency('TOKEN', places=0)}" == "TOKEN"


def test_a_currency_may_be_given_as_its_code():
    token = Currency("TOKEN", places=0)

    assert currency("USD") == Currency("USD")
    assert currency(token) is token


@pytest.mark.parametrize("value", [None, 840, "TOKEN", object()])
def test_what_is_neither_a_currency_nor_a_code_is_refused(value):
    with pytest.raises(InvalidCurrency):
        currency(value)


def test_the_code_is_kept_as_plain_text():
    class Text(str):
        pass

    assert type(Currency(Text("USD")).code) is str


@pytest.mark.parametrize(
    ("code", "places", "amount", "text"),
    [
        ("USD", None, Decimal(11), "$11.00"),
        ("USD", None, Decimal("-0.5"), "-$0.50"),
        ("USD", None, Decimal("-0.00"), "$0.00"),
        ("USD", None, Decimal("0.0005"), "$0.0005"),
        ("USD", None, Decimal("1E+3"), "$1000.00"),
        ("USD", None, Decimal("1234567.891"), "$1234567.891"),
        ("EUR", None, Decimal(11), "11.00 EUR"),
        ("CAD", None, "-11", "-11.00 CAD"),
        ("JPY", None, 1100, "1100 JPY"),
        ("JPY", None, Decimal("0.5"), "0.5 JPY"),
        ("TOKEN", 0, 12, "12 TOKEN"),
        ("KWD", None, Decimal("1.2"), "1.200 KWD"),
    ],
)
def test_an_amount_is_written_with_at_least_the_places_of_its_currency(code, places, amount, text):
    assert Currency(code, places).format(amount) == text


def test_an_amount_beyond_the_door_of_numbers_is_written_in_full():
    assert Currency("JPY").format(Decimal("1E+999")) == "1" + "0" * 999 + " JPY"
    assert Currency("JPY").format(Decimal("1E-999")) == "0." + "0" * 998 + "1 JPY"


@pytest.mark.parametrize("amount", [0.1, Decimal("NaN"), Decimal("1E+1000"), Decimal("1E-1000"), None, "ten"])
def test_what_is_no_amount_to_show_is_refused(amount):
    with pytest.raises(InvalidNumber):
        Currency("USD").format(amount)


@pytest.mark.parametrize("value", [Currency("USD"), Currency("TOKEN", places=0)], ids=str)
def test_a_currency_survives_pickle_copy_and_evolve(value):
    again = [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, 6)]

    assert {*again, copy.copy(value), copy.deepcopy(value), attrs.evolve(value)} == {value}


def test_another_code_with_the_same_places_can_be_evolved():
    assert attrs.evolve(Currency("USD"), code="EUR") == Currency("EUR")
