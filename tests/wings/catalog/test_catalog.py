import csv
import re
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction
from importlib.util import find_spec
from random import Random

import pytest

from tests.vectors.shared_vectors import ROOT, folder
from tokenbill import (
    Bill,
    BillingPlan,
    Meter,
    PerUnit,
    PriceBook,
    PriceSchedule,
    UnpricedUsage,
    Usage,
    catalog,
)
from tokenbill.core.metering.meters import LLM_METERS
from tokenbill.errors import InvalidName, InvalidPeriod, MissingExtra, TokenbillError, UnreadableInput
from tokenbill.events import bracket

INSTALLED = find_spec("genai_prices") is not None
needs_prices = pytest.mark.skipif(not INSTALLED, reason="run: pip install genai-prices")

if INSTALLED:
    from genai_prices import data_snapshot, types
    from genai_prices.data_units import unit_data

NOW = "2026-11-01T12:00:00Z"
INSTANT = datetime(2026, 11, 1, 12, tzinfo=UTC)
TRACE = folder().parent / "data" / "llm_code_trace.csv"


def snapshot(*models, provider="acme", **more):
    """A catalogue of our own, in the classes of genai-prices."""
    made = types.Provider(id=provider, name=provider, api_pattern="none", models=list(models), **more)
    return data_snapshot.DataSnapshot(providers=[made], from_auto_update=False)


def model(prices=None, id="m", variants=None, **keys):
    given = types.ModelPrice(**keys) if prices is None else prices
    matching = types.ClauseEquals(equals=id)
    return types.ModelInfo(id=id, match=matching, prices=given, price_variants=variants)


def made(*models, at=NOW, **more):
    return catalog.schedule("m", "acme", at, snapshot=snapshot(*models), **more)


def million(rate):
    return PerUnit(rate, per=1_000_000)


def started(day, **keys):
    return types.ConditionalPrice(types.StartDateConstraint(day), prices=types.ModelPrice(**keys))


def batch(day=None, **keys):
    constraint = day and types.StartDateConstraint(day)
    return types.PriceVariant({"processing": "batch"}, types.ModelPrice(**keys), constraint)


def tiered(base, *tiers):
    return types.TieredPrices(Decimal(base), [types.Tier(start, Decimal(price)) for start, price in tiers])


@needs_prices
def test_a_price_keeps_its_rate_and_the_units_that_the_rate_covers():
    prices = made(model(input_mtok=Decimal("2.50"), output_mtok=Decimal(10), web_searches_kcount=Decimal(5)))

    assert dict(prices) == {
        "input_tokens": million("2.50"),
        "output_tokens": million(10),
        "web_searches": PerUnit(5, per=1000),
    }


@needs_prices
def test_each_kind_of_token_gets_the_labels_that_payloads_count_it_by():
    keys = {
        "input_mtok": 1,
        "cache_read_mtok": 2,
        "cache_write_mtok": 3,
        "cache_write_1h_mtok": 4,
        "input_audio_mtok": 5,
        "cache_audio_read_mtok": 6,
        "cache_audio_write_mtok": 7,
        "cache_audio_write_1h_mtok": 8,
        "output_mtok": 9,
        "output_reasoning_mtok": 10,
        "output_citation_mtok": 11,
    }
    prices = made(model(**{key: Decimal(rate) for key, rate in keys.items()}))

    assert {key: int(price.rate) for key, price in prices.items()} == {
        "input_tokens": 1,
        "input_tokens{cache=read}": 2,
        "input_tokens{cache=write}": 3,
        "input_tokens{cache=write,ttl=1h}": 4,
        "input_tokens{modality=audio}": 5,
        "input_tokens{cache=read,modality=audio}": 6,
        "input_tokens{cache=write,modality=audio}": 7,
        "input_tokens{cache=write,modality=audio,ttl=1h}": 8,
        "output_tokens": 9,
        "output_tokens{kind=reasoning}": 10,
        "output_tokens{kind=citation}": 11,
    }


@needs_prices
def test_units_that_are_no_tokens_get_the_meters_that_payloads_count_them_by():
    keys = {
        "audio_hours": 1,
        "input_audio_hours": 1,
        "input_mchars": 2,
        "input_document_kpages": 3,
        "input_annotated_document_kpages": 4,
        "storage_searches_kcount": 5,
        "requests_kcount": 6,
    }
    prices = made(model(**{key: Decimal(rate) for key, rate in keys.items()}))

    assert dict(prices) == {
        "audio_seconds": PerUnit(1, per=3600),
        "characters": million(2),
        "pages": PerUnit(3, per=1000),
        "pages{kind=annotated}": PerUnit(4, per=1000),
        "file_searches": PerUnit(5, per=1000),
        "api_calls": PerUnit(6, per=1000),
    }


@needs_prices
@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({}, "without prices"),
        ({"wishes_kcount": Decimal(1)}, "unknown unit"),
        ({"input_gpixels": Decimal(1)}, "no meter counts"),
        ({"output_audio_hours": Decimal(1)}, "no meter counts"),
        ({"audio_hours": Decimal(1), "input_audio_hours": Decimal(2)}, "two prices of one meter"),
        ({"input_mtok": Decimal(1), "input_text_mtok": Decimal(2)}, "two prices of one meter"),
        ({"cache_read_mtok": Decimal(1), "input_audio_mtok": Decimal(2)}, "ties"),
        ({"input_mtok": Decimal(-1)}, "negative|zero or more"),
    ],
    ids=str,
)
def test_what_cannot_be_converted_is_refused_with_a_reason(keys, reason):
    shot = snapshot(model(**keys), model(id="good", input_mtok=Decimal(1)))

    with pytest.raises(TokenbillError, match=reason):
        catalog.schedule("m", "acme", NOW, snapshot=shot)
    assert list(catalog.refused(snapshot=shot)) == ["acme/m"]
    assert list(catalog.schedule(at=NOW, snapshot=shot)) == ["input_tokens{model=good}"]


@needs_prices
def test_long_requests_are_priced_by_the_label_that_bracket_gives_them():
    prices = made(model(input_mtok=tiered(3, (200_000, 6)), output_mtok=tiered(15, (200_000, "22.50"))))
    plan = BillingPlan.on_demand(prices)
    at_it, above = (
        bracket({"input_tokens": count, "output_tokens": 2_000}, over=catalog.thresholds(prices))
        for count in (200_000, 250_000)
    )

    assert catalog.thresholds(prices) == (200_000,)
    assert Bill.of(at_it, plan).exact == Fraction("0.63")  # 0.2 × 3 + 0.002 × 15
    assert Bill.of(above, plan).exact == Fraction("1.545")  # 0.25 × 6 + 0.002 × 22.50


@needs_prices
def test_of_two_thresholds_the_higher_that_a_request_passed_decides():
    prices = made(model(input_mtok=tiered(1, (300, 3), (100, 2))))
    requests = [
        bracket({"input_tokens": count}, over=catalog.thresholds(prices)) for count in (100, 300, 301)
    ]

    plan = BillingPlan.on_demand(prices)
    assert [Bill.of(each, plan).exact * 1_000_000 for each in requests] == [100, 600, 903]


@needs_prices
def test_cached_and_batched_tokens_of_a_long_request_have_a_price_of_their_own():
    info = model(
        input_mtok=tiered(4, (100, 8)),
        cache_read_mtok=Decimal(1),
        variants=[batch(input_mtok=tiered(2, (100, 3)))],
    )

    assert {key: int(price.rate) for key, price in made(info).items()} == {
        "input_tokens": 4,
        "input_tokens{context=100}": 8,
        "input_tokens{variant=batch}": 2,
        "input_tokens{context=100,variant=batch}": 3,
        "input_tokens{cache=read}": 1,
        "input_tokens{cache=read,context=100}": 1,
        "input_tokens{cache=read,variant=batch}": 1,
        "input_tokens{cache=read,context=100,variant=batch}": 1,
    }


@needs_prices
def test_a_model_is_priced_right_at_the_thresholds_of_the_models_beside_it():
    early, late = (
        model(id=name, input_mtok=tiered(1, (start, 2))) for name, start in [("early", 100), ("late", 300)]
    )
    prices = catalog.schedule(at=NOW, snapshot=snapshot(early, late, model(id="flat", input_mtok=Decimal(5))))
    request = bracket({"input_tokens": 400}, over=catalog.thresholds(prices))
    plan = BillingPlan.on_demand(prices)

    assert catalog.thresholds(prices) == (100, 300)
    for name, rate in {"early": 2, "late": 2, "flat": 5}.items():
        usage = Usage({Meter(meter, {"model": name}): count for meter, count in request.items()})
        assert Bill.of(usage, plan).exact == Fraction(400 * rate, 1_000_000)


@needs_prices
def test_a_variant_does_not_apply_before_its_start():
    info = model(input_mtok=Decimal(4), variants=[batch(date(2026, 10, 14), input_mtok=Decimal(2))])

    assert list(made(info, at="2026-10-13T23:59:59Z")) == ["input_tokens"]
    assert dict(made(info, at="2026-10-14T00:00:00Z")) == {
        "input_tokens": million(4),
        "input_tokens{variant=batch}": million(2),
    }
    assert dict(made(info, at="2026-10-14T00:00:00Z", variant="batch")) == {"input_tokens": million(2)}
    with pytest.raises(UnreadableInput, match="no prices of variant 'batch'"):
        made(info, at="2026-10-13T23:59:59Z", variant="batch")
    book = made(info, at=None, variant="batch")
    with pytest.raises(UnpricedUsage):
        book.on("2026-10-13T23:59:59Z").match("input_tokens")


@needs_prices
def test_a_variant_that_one_label_does_not_tell_is_refused():
    prices = types.ModelPrice(input_mtok=Decimal(2))
    several = types.PriceVariant({"processing": "batch", "speed": "fast"}, prices)
    same = [types.PriceVariant({key: "fast"}, prices) for key in ("service_tier", "speed")]

    for variants in ([several], same):
        with pytest.raises(UnreadableInput, match="one label does not tell"):
            made(model(input_mtok=Decimal(4), variants=variants))


@needs_prices
def test_prices_that_changed_on_a_date_are_a_book_of_instants_in_utc():
    first = types.ConditionalPrice(prices=types.ModelPrice(input_mtok=Decimal(3)))
    info = model([first, started(date(2026, 5, 1), input_mtok=Decimal(2))])
    book = made(info, at=None)

    assert isinstance(book, PriceBook)
    assert dict(book.on("2026-04-30T23:59:59Z")) == {"input_tokens": million(3)}
    assert dict(book.on("2026-05-01T02:00:00+02:00")) == {"input_tokens": million(2)}
    assert made(info, at="2026-05-01T02:00:00+02:00") == book.on("2026-05-01T00:00:00Z")


@needs_prices
def test_the_last_condition_that_holds_decides_whatever_its_date():
    first = types.ConditionalPrice(prices=types.ModelPrice(input_mtok=Decimal(3)))
    late, early = (started(date(2026, month, 1), input_mtok=Decimal(month)) for month in (9, 5))

    assert dict(made(model([first, late, early]))) == {"input_tokens": million(5)}


@needs_prices
def test_prices_that_do_not_change_are_a_schedule():
    assert isinstance(made(model(input_mtok=Decimal(3)), at=None), PriceSchedule)


@needs_prices
def test_prices_by_the_time_of_day_need_an_instant():
    day = types.ModelPrice(input_mtok=Decimal(4))
    night = types.TimeOfDateConstraint(
        datetime(2026, 1, 1, 22, tzinfo=UTC).timetz(), datetime(2026, 1, 1, 4, tzinfo=UTC).timetz()
    )
    windows = [types.ConditionalPrice(prices=day)]
    windows.append(types.ConditionalPrice(night, prices=types.ModelPrice(input_mtok=Decimal(1))))
    info = model(windows)
    prices = made(info, at=None)

    assert dict(made(info, at="2026-11-01T23:30:00Z")) == {"input_tokens": million(1)}
    assert dict(made(info, at="2026-11-01T23:30:00-05:00")) == {"input_tokens": million(4)}
    assert dict(prices) == {"input_tokens": million(4), "input_tokens{variant=off_peak}": million(1)}
    assert prices.source.hours == (catalog.Hours("22:00", "04:00"),)


def window(start, end, **keys):
    clocks = (datetime(2026, 1, 1, hour, tzinfo=UTC).timetz() for hour in (start, end))
    return types.ConditionalPrice(types.TimeOfDateConstraint(*clocks), prices=types.ModelPrice(**keys))


def always(**keys):
    return types.ConditionalPrice(prices=types.ModelPrice(**keys))


@needs_prices
def test_of_a_day_the_dearer_prices_are_the_standard_and_the_hours_between_windows_off_peak():
    day, dear = {"input_mtok": Decimal(1)}, {"input_mtok": Decimal(2)}
    prices = made(model([always(**day), window(1, 4, **dear), window(6, 10, **dear)]), at=None)

    assert dict(prices) == {"input_tokens": million(2), "input_tokens{variant=off_peak}": million(1)}
    assert prices.source.hours == (catalog.Hours("04:00", "06:00"), catalog.Hours("10:00", "01:00"))
    several = catalog.schedule(["m"], "acme", snapshot=snapshot(model([always(**day), window(1, 4, **dear)])))
    assert [hours.model for hours in several.source.hours] == ["m"]


@needs_prices
def test_prices_of_a_day_that_no_label_tells_need_an_instant():
    plain = {"input_mtok": Decimal(2), "output_mtok": Decimal(2)}
    mixed = {"input_mtok": Decimal(1), "output_mtok": Decimal(3)}
    infos = [
        model([always(**plain), window(1, 4, **mixed)]),
        model([always(**plain), window(1, 4, **plain), window(6, 9, **mixed)]),
        model([always(**plain), window(1, 4, input_mtok=Decimal(2))]),
        model([always(input_mtok=tiered(1, (9, 2))), window(1, 4, input_mtok=Decimal(3))]),
        model([always(**plain), window(1, 4, **plain)], variants=[batch(input_mtok=Decimal(1))]),
    ]

    for info in infos:
        assert isinstance(made(info), PriceSchedule)
        with pytest.raises(UnreadableInput, match="time of day"):
            made(info, at=None)


@needs_prices
def test_a_window_holds_while_the_dated_price_before_it_does():
    info = model(
        [
            always(input_mtok=Decimal(1)),
            started(date(2026, 5, 1), input_mtok=Decimal(2)),
            window(1, 4, input_mtok=Decimal(3)),
            started(date(2026, 9, 1), input_mtok=Decimal(4)),
        ]
    )
    instants = [f"2026-{month}-02T0{hour}:00:00Z" for month in ("04", "06", "10") for hour in (2, 5)]

    assert [int(made(info, at=at)["input_tokens"].rate) for at in instants] == [1, 1, 3, 2, 4, 4]
    book = made(info, at=None)
    assert [len(version.schedule.source.hours) for version in book] == [0, 1, 0]
    flat = catalog.by_version(book)
    usage = sum((catalog.request({"input_tokens": 10**6}, book, at) for at in instants), Usage())
    assert Bill.of(usage, BillingPlan.on_demand(flat)).exact == 15


@needs_prices
def test_comments_of_a_model_and_its_provider_come_with_the_schedule():
    info = model(input_mtok=Decimal(3))
    info.price_comments = "the cheapest tier"
    shot = snapshot(info, model(id="n", input_mtok=Decimal(4)), price_comments="1 USD is 7.25 CNY")

    prices = catalog.schedule("m", "acme", NOW, snapshot=shot)
    assert prices.source.comments == ("acme/m: 1 USD is 7.25 CNY", "acme/m: the cheapest tier")
    with pytest.raises(UnpricedUsage):
        prices.match("input_tokens{variant=priority}")


@needs_prices
def test_models_are_listed_and_a_name_that_is_misspelled_is_answered_by_those_near_to_it():
    shot = snapshot(model(input_mtok=Decimal(3)), model(id="gpt-4o", input_mtok=Decimal(4)))

    assert catalog.models("acme", snapshot=shot) == catalog.models(snapshot=shot) == ("gpt-4o", "m")
    for name in ("GPT_4o", "gpt-4oo"):
        with pytest.raises(UnreadableInput, match="did you mean 'gpt-4o'"):
            catalog.schedule(name, "acme", NOW, snapshot=shot)
    with pytest.raises(UnreadableInput, match="did you mean 'acme'"):
        catalog.models("acne", snapshot=shot)
    with pytest.raises(UnreadableInput, match="did you mean 'gpt-4o'"):
        catalog.schedule("gpt-4oo", at=NOW)


@needs_prices
def test_what_a_provider_counts_and_does_not_charge_is_priced_zero():
    shot = snapshot(model(id="claude-x", input_mtok=Decimal(3)))

    assert dict(catalog.schedule("claude-x", "acme", NOW, snapshot=shot))["web_fetches"] == PerUnit(0)


@needs_prices
def test_one_model_is_unlabelled_and_several_carry_their_names():
    shot = snapshot(model(input_mtok=Decimal(3)), model(id="n", input_mtok=Decimal(4)))

    assert list(catalog.schedule("m", "acme", NOW, snapshot=shot)) == ["input_tokens"]
    assert list(catalog.schedule(["m"], "acme", NOW, snapshot=shot)) == ["input_tokens{model=m}"]
    assert list(catalog.schedule(None, "acme", NOW, snapshot=shot)) == [
        "input_tokens{model=m}",
        "input_tokens{model=n}",
    ]


@needs_prices
def test_a_name_that_two_providers_use_carries_the_provider_too():
    shot = snapshot(model(input_mtok=Decimal(3)), model(id="n", input_mtok=Decimal(4)))
    shot.providers += snapshot(model(input_mtok=Decimal(5)), provider="other").providers

    assert list(catalog.schedule(at=NOW, snapshot=shot)) == [
        "input_tokens{model=m,provider=acme}",
        "input_tokens{model=m,provider=other}",
        "input_tokens{model=n}",
    ]
    assert dict(catalog.schedule("n", at=NOW, snapshot=shot)) == {"input_tokens": million(4)}
    with pytest.raises(UnreadableInput, match="give one of acme, other"):
        catalog.schedule("m", at=NOW, snapshot=shot)


@needs_prices
def test_a_model_without_provider_is_that_of_its_maker_as_genai_prices_takes_it():
    prices = catalog.schedule("gpt-4o", at=NOW)

    assert prices == catalog.schedule("gpt-4o", "openai", NOW)
    assert re.fullmatch(r"genai-prices 0\.2\.\d+: openai/gpt-4o", prices.name)


@needs_prices
def test_prices_that_took_the_place_of_the_release_are_not_called_by_its_name():
    shot = snapshot(model(input_mtok=Decimal(3)))
    assert catalog.schedule(at=NOW, snapshot=shot).name == "a snapshot for genai-prices"

    shot.from_auto_update, shot.timestamp = True, datetime(2026, 11, 5, 10, tzinfo=UTC)
    assert catalog.schedule(at=NOW, snapshot=shot).name == "genai-prices, updated 2026-11-05"


@needs_prices
def test_an_id_finds_its_model_though_the_rule_of_another_matches_it():
    greedy = types.ModelInfo(
        id="any", match=types.ClauseContains(contains=""), prices=types.ModelPrice(input_mtok=Decimal(9))
    )
    shot = snapshot(greedy, model(input_mtok=Decimal(3)))

    assert dict(catalog.schedule("m", "acme", NOW, snapshot=shot)) == {"input_tokens": million(3)}
    assert dict(catalog.schedule("m-2026", "acme", NOW, snapshot=shot)) == {"input_tokens": million(9)}


@needs_prices
def test_variants_of_a_model_that_another_provider_lends_do_not_apply():
    lender = snapshot(model(input_mtok=Decimal(4), variants=[batch(input_mtok=Decimal(2))])).providers
    shot = snapshot(provider="shop", fallback_model_providers=["acme"])
    shot.providers += lender

    assert list(catalog.schedule("m", "shop", NOW, snapshot=shot)) == ["input_tokens"]


@needs_prices
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("nobody-makes-this", None, NOW), UnreadableInput),
        (("gpt-4o", "nobody", NOW), UnreadableInput),
        (("", None, NOW), InvalidName),
        (("\ud800", None, NOW), InvalidName),
        ((5, None, NOW), UnreadableInput),
        (([["gpt-4o"]], None, NOW), InvalidName),
        (([], None, NOW), UnreadableInput),
        (("gpt-4o", 5, NOW), InvalidName),
        (("gpt-4o", None, datetime(2026, 11, 1)), InvalidPeriod),
        (("gpt-4o", None, 5), InvalidPeriod),
    ],
    ids=repr,
)
def test_what_is_no_model_provider_or_instant_is_refused(arguments, error):
    with pytest.raises(error):
        catalog.schedule(*arguments)


@needs_prices
@pytest.mark.parametrize("more", [{"variant": 5}, {"variant": "nothing"}, {"snapshot": 5}], ids=str)
def test_what_is_no_variant_or_snapshot_is_refused(more):
    with pytest.raises(TokenbillError):
        catalog.schedule("gpt-4o", at=NOW, **more)


@pytest.mark.parametrize("prices", [5, None, {"input_tokens": 1}], ids=repr)
def test_thresholds_are_those_of_a_schedule_or_a_book(prices):
    with pytest.raises(UnreadableInput):
        catalog.thresholds(prices)


def test_without_the_package_the_error_names_it_and_price_maps_are_read(monkeypatch):
    monkeypatch.setattr(catalog, "INSTALLED", False)

    with pytest.raises(MissingExtra, match=r"pip install 'genai-prices<0\.3'"):
        catalog.schedule("gpt-4o")
    assert "input_tokens" in catalog.from_price_map({"m": {"input_cost_per_token": "0.000003"}})


def test_the_module_is_imported_where_the_package_is_missing():
    program = (
        "import sys; sys.modules['genai_prices'] = None; sys.path.insert(0, '.');"
        "from tokenbill import catalog; print(catalog.INSTALLED)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"


# What genai-prices itself computes, with digits enough, is the oracle.

LEAVES = {
    "input_tokens": {},
    "input_tokens{cache=read}": {"token_type": "cache_read"},
    "input_tokens{cache=write}": {"token_type": "cache_write"},
    "input_tokens{cache=write,ttl=1h}": {"token_type": "cache_write", "cache_ttl": "1h"},
    "input_tokens{modality=audio}": {"modality": "audio"},
    "input_tokens{cache=read,modality=audio}": {"modality": "audio", "token_type": "cache_read"},
    "input_tokens{modality=image}": {"modality": "image"},
    "input_tokens{cache=read,modality=image}": {"modality": "image", "token_type": "cache_read"},
    "input_tokens{modality=video}": {"modality": "video"},
    "output_tokens": {},
    "output_tokens{kind=reasoning}": {"token_type": "reasoning"},
    "output_tokens{kind=citation}": {"token_type": "citation"},
    "output_tokens{modality=audio}": {"modality": "audio"},
    "output_tokens{modality=image}": {"modality": "image"},
    "output_tokens{modality=video}": {"modality": "video"},
}
"""Meters of tokens, each token in one, and what tells them in genai-prices beside family and direction."""

OTHERS = {
    "web_searches": ["web_searches"],
    "file_searches": ["storage_searches"],
    "characters": ["input_characters"],
    "pages": ["input_document_pages"],
    "pages{kind=annotated}": ["input_document_pages", "input_annotated_document_pages"],
    "audio_seconds": ["audio_seconds", "input_audio_seconds"],
}
"""Other meters, and the inclusive counts of genai-prices that they are part of."""


def inclusive(counts):
    """The counts of genai-prices, where a part is counted in its whole, too."""
    totals = dict.fromkeys(unit_data, 0)
    for meter, count in counts.items():
        for key in OTHERS.get(meter, ()):
            totals[key] += count
        if meter in LEAVES:
            dims = {"family": "tokens", "direction": meter.partition("_")[0], **LEAVES[meter]}
            for key, unit in unit_data.items():
                totals[key] += count * (unit["dimensions"].items() <= dims.items())
    return types.Usage(**{key: total for key, total in totals.items() if key != "requests"})


def amount_of_genai_prices(provider, info, counts, at, context):
    """Its total, and whether no digit of it was lost."""
    with localcontext(prec=200) as arithmetic:
        arithmetic.clear_flags()
        found = info.calc_price(
            inclusive(counts), provider, genai_request_timestamp=at, price_context=context
        )
        return Fraction(found.total_price), not arithmetic.flags[Inexact]


def offers():
    shot = data_snapshot.get_snapshot()
    return [(provider, info) for provider in shot.providers for info in provider.models]


def random_counts(random, prices):
    """Some of the meters that a schedule prices; from ten seconds on, which Groq bills at least."""
    priced = {key.name for key in prices}
    # tokens kept for an hour are refused where no entry names them; the package bills them as written ones
    named = {label for key in prices for label in key.labels}
    meters = [
        meter
        for meter in (*LEAVES, *OTHERS)
        if Meter(meter).name in priced and ("ttl" not in meter or "ttl" in named)
    ]
    size = random.choice([10**3, 10**5, 3 * 10**5])
    counts = {meter: random.randint(10, size) for meter in meters if random.random() < 0.7}
    return counts or {meters[0]: 10} if meters else {}


def labelled(counts, over, **labels):
    request = bracket(counts, over=over) if over else Usage(counts)
    return Usage({Meter(meter, labels): count for meter, count in request.items()})


def random_instant(random):
    return datetime(2026, random.randint(1, 11), random.randint(1, 20), random.randint(0, 23), tzinfo=UTC)


def random_case(random, every):
    """A model that has prices at a random instant, its schedule, and one of its variants or none."""
    while True:
        (provider, info), at = random.choice(every), random_instant(random)
        try:
            prices = catalog.schedule(info.id, provider.id, at)
        except UnreadableInput:
            continue
        if provider.id == "deepseek" and len(info.prices if isinstance(info.prices, list) else ()) > 3:
            continue  # the package lets the windows of today win over the prices of last year
        active = [v for v in info.price_variants or () if v.constraint is None or v.constraint.active(at)]
        return provider, info, at, prices, random.choice([*active, None])


@needs_prices
def test_a_thousand_random_requests_cost_what_genai_prices_makes_of_them():
    random, every, exact = Random(20261101), offers(), 0
    for _ in range(1000):
        provider, info, at, prices, variant = random_case(random, every)
        counts = random_counts(random, prices)
        variants = {} if variant is None else {"variant": next(iter(variant.when.values()))}
        usage = labelled(counts, catalog.thresholds(prices), **variants)
        if "api_calls" in prices:
            usage += Usage(api_calls=1)
        expected, is_exact = amount_of_genai_prices(provider, info, counts, at, variant and variant.when)
        exact += is_exact

        assert abs(Bill.of(usage, BillingPlan.on_demand(prices)).exact - expected) <= (
            0 if is_exact else Fraction(1, 10**150)
        ), (provider.id, info.id, at, usage)
    assert exact > 900


@needs_prices
def test_one_schedule_of_all_models_prices_each_request_as_genai_prices_does():
    random, prices = Random(7), catalog.schedule(at=INSTANT)
    entries = defaultdict(list)
    for key in prices:
        model, named = key.labels["model"], key.labels.get("provider")
        entries[model, named].append(key)
        if named:
            entries[model, None].append(key)
    names = {(key.labels["model"], key.labels.get("provider")) for key in prices}
    plan, over = BillingPlan.on_demand(prices), catalog.thresholds(prices)
    chosen = random.sample(
        [each for each in offers() if {(each[1].id, None), (each[1].id, each[0].id)} & names], 200
    )
    for provider, info in chosen:
        labels = {"model": info.id}
        if (info.id, provider.id) in names:
            labels["provider"] = provider.id
        counts = random_counts(random, entries[info.id, labels.get("provider")])
        expected, is_exact = amount_of_genai_prices(provider, info, {**counts}, INSTANT, None)
        usage = labelled(counts, over, **labels)
        if Meter("api_calls", labels) in prices:
            usage += Usage({Meter("api_calls", labels): 1})

        assert not is_exact or Bill.of(usage, plan).exact == expected, (provider.id, info.id, usage)


@needs_prices
def test_every_bundled_model_converts_or_is_refused_with_a_reason():
    reasons = catalog.refused(at=NOW)
    prices = catalog.schedule(at=NOW)
    converted = {key.labels["model"] for key in prices}

    for provider, info in offers():
        assert info.id in converted or reasons[f"{provider.id}/{info.id}"]
    kinds = ("a model without prices", "a unit that no meter counts")
    assert [reason for reason in reasons.values() if not reason.startswith(kinds)] == []
    assert len(reasons) < len(offers()) // 10


@needs_prices
def test_a_book_of_all_models_has_those_with_prices_by_the_time_of_day():
    assert catalog.refused("deepseek") == catalog.refused("deepseek", NOW) == {}
    assert isinstance(catalog.schedule(None, "anthropic"), PriceBook)


@needs_prices
def test_the_catalogue_uses_the_labels_of_the_table_and_no_others():
    known = {label for meter in LLM_METERS for label in Meter(meter).labels}

    assert {label for key in catalog.schedule(at=NOW) for label in key.labels} <= known | {
        "context",
        "variant",
        "model",
        "provider",
    }


@needs_prices
@pytest.mark.skipif(not TRACE.exists(), reason=f"needs shared data: {TRACE.name}; set TOKENBILL_SHARED")
def test_the_calls_of_a_coding_service_are_billed_to_the_last_digit():
    with TRACE.open(encoding="utf-8", newline="") as file:
        calls = [(int(row["ContextTokens"]), int(row["GeneratedTokens"])) for row in csv.DictReader(file)]
    usage = sum((Usage(input_tokens=read, output_tokens=written) for read, written in calls), Usage())
    bill = Bill.of(usage, BillingPlan.on_demand(catalog.schedule("gpt-4o", "openai", NOW)))

    read, written = (sum(counts) for counts in zip(*calls, strict=True))
    assert len(calls) == 8819
    assert bill.exact == (read * Fraction("2.5") + written * 10) / 1_000_000


@needs_prices
def test_the_page_about_catalogues_shows_what_happens():
    page = (ROOT / "docs" / "how-to" / "prices-from-a-catalog.md").read_text(encoding="utf-8")
    program, printed = page.partition("```python\n")[2].split("```\n")[0], page.partition("```text\n")[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout == printed.partition("```")[0]
