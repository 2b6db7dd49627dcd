"""The table of shapes leaves out nothing that charges, and SDKs' own objects are read."""

from dataclasses import dataclass, field
from enum import StrEnum
from types import SimpleNamespace

import pytest

from tests.vectors.shared_vectors import ROOT
from tokenbill import Usage
from tokenbill.errors import UnreadableInput
from tokenbill.payloads import SHAPES, read_usage
from tokenbill.payloads.shapes import Labelled, Listed
from tokenbill.payloads.table import EVERY

SILENT = ("uncached", "total", "predicted")


def put(payload, path, value):
    """A payload with one more member."""
    first, _, rest = path.partition(".")
    return {**payload, first: put(payload.get(first, {}), rest, value) if rest else value}


def least(shape):
    """The smallest payload of a shape, with room for every part."""
    payload = {}
    for role in ("input", "output", *shape.required):
        path = next((path for path, each in shape.counts.items() if each == role), None)
        payload = payload if path is None else put(payload, path, 1_000_000)
    return payload


def read(payload, shape):
    """The usage, or None where it is refused."""
    try:
        return read_usage(payload, shape.name)
    except UnreadableInput:
        return None


COUNTS = [(shape, path, role) for shape in EVERY for path, role in shape.counts.items()]


@pytest.mark.parametrize(
    ("shape", "path", "role"),
    COUNTS,
    ids=[f"{shape.name}-{path}-{n}" for n, (shape, path, _) in enumerate(COUNTS)],
)
def test_each_count_of_the_table_changes_the_usage_or_is_refused(shape, path, role):
    quiet = role.endswith(".text") or role.partition(".")[0] in SILENT
    before, after = read(least(shape), shape), read(put(least(shape), path, 7), shape)

    assert after is None or quiet or after != before


@pytest.mark.parametrize("shape", EVERY, ids=[f"{shape.name}-{n}" for n, shape in enumerate(EVERY)])
def test_what_charges_nothing_is_a_second_list(shape):
    assert not shape.free & {*shape.counts, *shape.rules, *shape.tiers}
    assert shape.seen.startswith("2026-")
    assert shape in SHAPES[shape.name]


def test_a_shape_named_openai_reads_what_hosts_add_and_mean_alike():
    usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
    hit = Usage({"input_tokens": 700, "input_tokens{cache=read}": 300, "output_tokens": 200})

    for more in (
        {"cached_tokens": 300},
        {"num_cached_tokens": 300},
        {"prompt_cache_hit_tokens": 300, "prompt_cache_miss_tokens": 700},
        {"cached_tokens": 300, "queue_time": 0.1, "cost": "0.01"},
    ):
        assert read_usage(usage | more, "openai.chat") == hit
    with pytest.raises(UnreadableInput, match="wonder_tokens"):
        read_usage(usage | {"wonder_tokens": 3}, "openai.chat")


def test_an_unknown_shape_names_the_keys_that_no_shape_has_first():
    with pytest.raises(UnreadableInput, match="first of these keys: 'wonder_tokens, prompt_tokens'"):
        read_usage({"prompt_tokens": 3, "wonder_tokens": 2})


# Labels ------------------------------------------------------------------------------------------------


def test_the_model_that_answered_is_a_label_where_it_is_wanted():
    usage = {"prompt_tokens": 3, "completion_tokens": 2}

    for key in ("model", "modelVersion"):
        assert read_usage({key: "m", "usage": usage}, "openai.chat", labels=True) == Usage(
            {"input_tokens{model=m}": 3, "output_tokens{model=m}": 2}
        )
    assert read_usage({"model": "m", "usage": usage}, "openai.chat") == Usage(input_tokens=3, output_tokens=2)
    assert read_usage(usage, "openai.chat", labels=True) == Usage(input_tokens=3, output_tokens=2)


def test_what_a_tool_drew_is_of_the_model_that_drew_it():
    drawn = {"input_tokens": 40, "output_tokens": 7024, "total_tokens": 7064}
    answer = {
        "model": "m",
        "output": [{"type": "image_generation_call"}],
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        "tool_usage": {"image_gen": drawn},
    }
    own = {"input_tokens{model=m}": 10, "output_tokens{model=m}": 5}

    assert read_usage(answer, "openai.responses", labels=True) == Usage(
        own
        | {
            "input_tokens{tool=image_generation}": 40,
            "output_tokens{modality=image,tool=image_generation}": 7024,
        }
    )
    named = answer | {"tools": [{"type": "image_generation", "model": "gpt-image-2"}]}
    assert read_usage(named, "openai.responses").total("output_tokens{model=gpt-image-2}") == 7024
    del answer["tool_usage"]
    assert read_usage(answer, "openai.responses").total("images{tool=image_generation}") == 1


def test_the_usage_of_many_models_takes_the_place_of_the_whole():
    whole = {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39}
    parts = [("a", 10, 4), ("b", 20, 5)]
    models = [
        {"model": name, "usage": {"prompt_tokens": given, "completion_tokens": told}}
        for name, given, told in parts
    ]

    usage = read_usage(
        {"model": "compound", "usage": whole, "usage_breakdown": {"models": models}}, "groq.chat"
    )
    assert usage == Usage(
        {f"input_tokens{{model={name}}}": given for name, given, _ in parts}
        | {f"output_tokens{{model={name}}}": told for name, _, told in parts}
    )
    with pytest.raises(UnreadableInput, match="add up to 10 input_tokens"):
        read_usage({"usage": whole, "usage_breakdown": {"models": models[:1]}}, "groq.chat")


# Objects of SDKs ----------------------------------------------------------------------------------------


class Modality(StrEnum):
    AUDIO = "AUDIO"


class Dumped:
    """As pydantic's models write themselves."""

    def __init__(self, **members):
        self.members = members

    def model_dump(self, warnings=True):
        assert not warnings
        return self.members


class Older(Dumped):
    def model_dump(self):
        return self.members


class Listing:
    def __init__(self, **members):
        self.members = members

    def to_dict(self):
        return self.members


@dataclass
class Details:
    cached_tokens: int = 640


@dataclass
class Data:
    prompt_tokens: int = 900
    completion_tokens: int = 250
    prompt_tokens_details: Details = field(default_factory=Details)


class Around:
    """A chat that keeps its answer to itself."""

    model = "m"

    @property
    def usage(self):
        return Data()


READ = Usage({"input_tokens": 260, "input_tokens{cache=read}": 640, "output_tokens": 250})
MEMBERS = {"prompt_tokens": 900, "completion_tokens": 250, "prompt_tokens_details": {"cached_tokens": 640}}


@pytest.mark.parametrize(
    "answer",
    [
        Dumped(**MEMBERS),
        Dumped(usage=Dumped(**MEMBERS)),
        Older(**MEMBERS),
        Listing(**MEMBERS),
        Data(),
        Around(),
        {"usage": Data()},
    ],
    ids=["dumped", "nested", "older", "listing", "dataclass", "around", "in a dict"],
)
def test_an_object_of_an_sdk_is_read_as_it_writes_itself(answer):
    assert read_usage(answer, "openai.chat") == READ


class Message:
    """As protobuf describes its messages: numbers that were not set count 0, enums have names."""

    def __init__(self, **members):
        kinds = SimpleNamespace(values_by_number={1: SimpleNamespace(name="SERVER_SIDE_TOOL_WEB_SEARCH")})

        def described(name):
            repeated = isinstance(members[name], list)
            return SimpleNamespace(
                name=name,
                is_repeated=repeated,
                has_presence=members[name] is None,
                enum_type=kinds if repeated else None,
            )

        self.members, self.fields = members, [described(name) for name in members]

    DESCRIPTOR = property(lambda self: SimpleNamespace(fields=self.fields))

    def __getattr__(self, name):
        return self.members[name]

    def HasField(self, name):  # noqa: N802
        return self.members[name] is not None


def test_a_message_of_protobuf_is_read_by_its_fields():
    used = Message(
        prompt_tokens=10,
        completion_tokens=25,
        total_tokens=35,
        reasoning_tokens=20,
        prompt_image_tokens=None,
        server_side_tools_used=[1, 1],
    )

    assert read_usage(used, "xai.sdk") == Usage(
        {"input_tokens": 10, "output_tokens": 5, "output_tokens{kind=reasoning}": 20, "web_searches": 2}
    )


def test_an_enum_is_the_text_that_it_stands_for():
    listed = [{"modality": Modality.AUDIO, "token_count": 4}]
    usage = {"prompt_token_count": 9, "prompt_tokens_details": listed}

    assert read_usage(usage, "gemini.generate") == Usage(
        {"input_tokens": 5, "input_tokens{modality=audio}": 4}
    )


class Broken:
    def model_dump(self, warnings=True):
        raise RuntimeError("swordfish")


@pytest.mark.parametrize("answer", [Broken(), Broken, object(), Dumped, Data, 7, {"usage": Broken()}])
def test_an_object_that_cannot_be_read_is_refused_without_its_text(answer):
    with pytest.raises(UnreadableInput) as refusal:
        read_usage(answer, "openai.chat")

    assert "swordfish" not in f"{refusal.value!r}{refusal.value.__cause__}"


@pytest.mark.parametrize("count", [12, 12.0, "12"], ids=repr)
def test_whole_numbers_are_counts_however_they_are_written(count):
    usage = {"prompt_tokens": count, "completion_tokens": 0}

    assert read_usage(usage, "openai.chat") == Usage(input_tokens=12)


def test_a_rule_of_the_table_is_of_a_known_kind():
    rules = [rule for shape in EVERY for rule in shape.rules.values()]

    assert any(isinstance(rule, Labelled) for rule in rules)
    assert any(isinstance(rule, Listed) for rule in rules)


def test_the_docs_name_every_shape_with_the_version_that_it_was_seen_at():
    page = (ROOT / "docs" / "how-to" / "read-provider-payloads.md").read_text(encoding="utf-8")

    for name, alike in SHAPES.items():
        assert f"| `{name}` | {', '.join(dict.fromkeys(one.seen for one in alike))} |" in page
