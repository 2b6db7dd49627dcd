import copy
import pickle

import pytest
from attrs.exceptions import FrozenInstanceError

from tokenbill import Meter
from tokenbill.core.metering import meters
from tokenbill.core.metering.meters import LLM_METERS, is_label
from tokenbill.errors import InvalidMeter, InvalidName


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("gpu_hours", "gpu_hours"),
        (" gpu_hours ", "gpu_hours"),
        ("gpu_hours{}", "gpu_hours"),
        ("gpu_hours{gpu=H100}", "gpu_hours{gpu=H100}"),
        ("gpu_hours{region=eu, gpu = H100 }", "gpu_hours{gpu=H100,region=eu}"),
        ('gpu_hours{gpu="H100"}', "gpu_hours{gpu=H100}"),
        ('gpu_hours{gpu="H100 SXM"}', 'gpu_hours{gpu="H100 SXM"}'),
        (r'm{a="say \"hi\" \\ bye"}', r'm{a="say \"hi\" \\ bye"}'),
        ('m{a="x,b=y}"}', 'm{a="x,b=y}"}'),
        ("m{model=gpt-4.1/mini:free+x@y}", "m{model=gpt-4.1/mini:free+x@y}"),
    ],
)
def test_a_meter_has_one_text_however_it_is_spelled(spelling, canonical):
    assert str(Meter(spelling)) == canonical
    assert Meter(canonical) == Meter(spelling)


def test_the_labels_of_a_meter_are_read_from_its_text_or_given_beside_it():
    beside = Meter("gpu_hours{region=eu}", {"gpu": "H100 SXM"})

    assert (beside.name, dict(beside.labels)) == ("gpu_hours", {"gpu": "H100 SXM", "region": "eu"})
    assert beside == Meter('gpu_hours{gpu="H100 SXM",region=eu}')
    assert Meter(beside) is beside
    assert Meter(beside, {"tier": "a"}).labels["tier"] == "a"


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "{a=b}", "1a", "a b", "ä", "a{", "a}", "a{b}", "a{=c}", "a{b=}", "a{b=c", "a{b=c}x"],
        *["a{b=c,}", "a{,}", "a{b=c,,d=e}", "a{b=c d}", 'a{b="c}', r'a{b="\n"}', "a{1=c}", "a{b=c,b=d}"],
        *["x" * 256, "x" * 4097, None, 5, b"a", ["a"]],
    ],
    ids=repr,
)
def test_what_cannot_be_read_as_a_meter_is_refused(text):
    with pytest.raises(InvalidMeter):
        Meter(text)


class Hostile:
    def __bool__(self):
        raise ValueError("no truth")


@pytest.mark.parametrize(
    "labels", [["gpu"], [], "gpu", 5, Hostile(), {1: "a"}, {"": "a"}, {"a b": "c"}, {"gpu": "A100"}]
)
def test_labels_beside_a_meter_have_names_of_their_own(labels):
    with pytest.raises(InvalidMeter):
        Meter("gpu_hours{gpu=H100}", labels)


@pytest.mark.parametrize("value", ["", "a\nb", 5, None, "x" * 256])
def test_the_value_of_a_label_is_a_name(value):
    with pytest.raises(InvalidName, match="label gpu"):
        Meter("gpu_hours", {"gpu": value})


def test_a_meter_includes_those_that_have_its_labels():
    h100 = Meter("gpu_hours{gpu=H100}")

    assert h100.includes(Meter("gpu_hours{gpu=H100,region=eu}"))
    assert h100.includes(h100)
    assert Meter("gpu_hours").includes(h100)
    assert not h100.includes(Meter("gpu_hours"))
    assert not h100.includes(Meter("gpu_hours{gpu=A100}"))
    assert not h100.includes(Meter("gpu_minutes{gpu=H100}"))


def test_a_meter_is_its_text():
    meter = Meter("gpu_hours{gpu=H100}")

    assert meter == "gpu_hours{gpu=H100}"
    assert {meter: 1}["gpu_hours{gpu=H100}"] == 1
    assert f"{meter}" == "gpu_hours{gpu=H100}"
    assert repr(meter) == "Meter('gpu_hours{gpu=H100}')"
    assert sorted([Meter("b"), meter, Meter("a")]) == ["a", "b", "gpu_hours{gpu=H100}"]


@pytest.mark.parametrize("attribute", ["name", "labels", "other"])
def test_a_meter_does_not_change(attribute):
    meter = Meter("gpu_hours{gpu=H100}")

    with pytest.raises(FrozenInstanceError):
        setattr(meter, attribute, "x")
    with pytest.raises(FrozenInstanceError):
        delattr(meter, attribute)
    with pytest.raises(TypeError):
        meter.labels["gpu"] = "A100"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_meter_survives_a_copy_and_a_pickle(again):
    meter = Meter("gpu_hours{gpu=H100}")

    found = again(meter)

    assert (type(found), found, found.labels) == (Meter, meter, meter.labels)


def test_a_meter_of_a_class_of_ones_own_is_a_plain_one():
    class Text(str):
        __slots__ = ()

    assert type(Meter(Text("gpu_hours"))) is Meter


def test_hostile_labels_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(meters, "KNOWN_METERS", 3)
    monkeypatch.setattr(meters, "KNOWN", known := {})
    monkeypatch.setattr(meters, "_METERS", {})

    made = [Meter(f"calls{{id={i}}}") for i in range(10)]

    assert len(known) <= 3
    assert made[0] == Meter("calls{id=0}")


def test_the_meters_of_llm_traffic_are_written_canonically():
    assert [str(Meter(text)) for text in LLM_METERS] == list(LLM_METERS)


@pytest.mark.parametrize(
    ("value", "truth"),
    [("gpu", True), ("a-b.c", True), ("", False), ("1a", False), ("a b", False), (5, False)],
)
def test_a_label_is_named_like_a_meter(value, truth):
    assert is_label(value) is truth


def test_labels_given_beside_a_meter_are_checked_like_those_in_its_text():
    meter = Meter("gpu_hours{gpu=H100}")

    assert Meter(meter, {"region": "eu"}) == "gpu_hours{gpu=H100,region=eu}"
    for labels in ({"gpu": "A100"}, {"1st": "eu"}):  # given twice; no name
        with pytest.raises(InvalidMeter):
            Meter(meter, labels)


def test_the_longest_names_and_texts_of_meters():
    assert Meter("x" * 255).name == "x" * 255
    assert Meter("x" + " " * 4095) == "x"
    with pytest.raises(InvalidMeter, match="more than 255"):
        Meter("x" * 256)
    with pytest.raises(InvalidMeter, match="not a meter"):
        Meter("x" + " " * 4096)
