"""Beside: what an answer charges outside its usage object, such as searches, tools and its tier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from tokenbill.errors import UnreadableInput
from tokenbill.payloads.counts import Counts, add_tier, label_of
from tokenbill.payloads.objects import first_of, is_object, listed_in, members_of, text_of
from tokenbill.payloads.shapes import Shape
from tokenbill.shared.foreign_data import count

__all__ = [
    "ByModel",
    "Calls",
    "Executed",
    "Grounding",
    "Header",
    "Items",
    "Marked",
    "OtherModel",
    "Session",
    "Tier",
]

MODEL_KEYS: Final = ("model", "modelVersion", "model_version", "modelId", "model_id")
"""Where an answer names the model that gave it."""
PER_PROMPT: Final = r"gemini-(1|2)(\.|-|$)"
"""Models of which a grounded prompt is one search; later ones charge each query."""


@frozen
class Tier:
    """The way of processing: a name, or an object with a type."""

    key: str
    member: str = "type"

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Put it on all tokens."""
        tier = response[self.key]
        if is_object(tier):
            tier = members_of(tier, self.key).get(self.member)
        add_tier(counts, tier, self.key)


@frozen
class Header:
    """A header of the answer that names its tier: nothing in its body does."""

    key: str
    header: str

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Put it on all tokens."""
        held = members_of(response[self.key], self.key).get("headers")
        for header, value in members_of(held, "headers").items() if held is not None else ():
            if header.lower() == self.header:
                add_tier(counts, value, self.header)


@frozen
class Session:
    """A container in which tools of an answer ran."""

    key: str
    meter: str

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count it once."""
        counts.call(self.meter, 1)


@frozen
class OtherModel:
    """The usage object of a model beside the one that answered."""

    key: str
    shape: Shape
    labels: Mapping[str, str] = field(factory=dict[str, str])

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count its tokens apart."""
        used = dict(members_of(response[self.key], self.key))
        model = used.pop("model", None)
        named = {} if model is None else {"model": label_of(model, f"{self.key}.model")}
        counts.others.append(({**self.labels, **named}, used, self.shape))


@frozen
class Items:
    """The calls among the items that a response put out, and what its tools say that they used.

    What a tool says of itself counts before the items: opening a page is an item as a search is, and
    costs nothing. All that ran in one container is one session.
    """

    key: str
    meters: Mapping[str, str]
    images: Shape
    usage: str = "tool_usage"

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count the calls, and the tokens of the model that drew."""
        tools = response.get(self.usage)
        used = {} if tools is None else members_of(tools, self.usage)
        calls = self._calls(response.get(self.key))
        # the tool knows what it was charged for; the items show every step of it
        searches = members_of(
            first_of(used, "web_search") if is_object(used.get("web_search")) else {}, "web_search"
        ).get("num_requests")
        if searches is not None:
            calls["web_searches"] = count(searches, f"{self.usage}.web_search.num_requests")
        drawn = used.get("image_gen")
        if drawn is not None:
            calls.pop(IMAGES, None)  # its tokens say it better
            counts.others.append(
                ({"tool": "image_generation", **self._painter(response)}, drawn, self.images)
            )
        for meter, times in calls.items():
            counts.call(meter, times)

    def _calls(self, items: object) -> dict[str, int]:
        calls, containers = dict[str, int](), set[str]()
        for item in listed_in(items, self.key):
            members = members_of(item, self.key)
            kind = text_of(members.get("type"))
            meter = self.meters.get(kind)
            action = members.get("action")
            step = text_of(members_of(action, "action").get("type")) if is_object(action) else ""
            # to open a page or to look within one is no search
            if meter is None or (meter == "web_searches" and step not in ("", "search")):
                continue
            container = text_of(members.get("container_id"))
            # a session is charged once for its container, however often code ran in it
            if meter == "code_sessions" and container:
                if container in containers:
                    continue
                containers.add(container)
            calls[meter] = calls.get(meter, 0) + 1
        return calls

    def _painter(self, response: Mapping[str, Any]) -> dict[str, str]:
        """The model that drew, where the tools of the request name it."""
        tools = [
            members_of(tool, "tools") for tool in listed_in(response.get("tools"), "tools") if is_object(tool)
        ]
        models = [tool.get("model") for tool in tools if text_of(tool.get("type")) == "image_generation"]
        return (
            {"model": label_of(models[0], "tools.model")}
            if len(models) == 1 and models[0] is not None
            else {}
        )


IMAGES: Final = "images{tool=image_generation}"


@frozen
class Grounding:
    """Searches that ground an answer: one a query, or one a prompt, as its model is charged."""

    key: str

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count them."""
        queries = {"web_searches": set[str](), "map_searches": set[str]()}
        for candidate in listed_in(response[self.key], self.key):
            held = members_of(candidate, self.key)
            grounds = first_of(held, "groundingMetadata", "grounding_metadata")
            if grounds is None or not is_object(grounds):
                continue
            members = members_of(grounds, "groundingMetadata")
            for name in QUERIES:
                asked = listed_in(members.get(name), name)
                # a query that two candidates share was sent, and is charged, once
                queries["web_searches"] |= {text for text in map(text_of, asked) if text.strip()}
            chunks = listed_in(first_of(members, "groundingChunks", "grounding_chunks"), "groundingChunks")
            if any(
                is_object(chunk) and members_of(chunk, "groundingChunks").get("maps") is not None
                for chunk in chunks
            ):
                queries["map_searches"].add("")
        if searches := len(queries["web_searches"]):
            counts.call("web_searches", self._charged(searches, response))
        if queries["map_searches"]:
            counts.call("map_searches", 1)

    def _charged(self, searches: int, response: Mapping[str, Any]) -> int:
        model = text_of(first_of(response, *MODEL_KEYS))
        if re.search(PER_PROMPT, model):
            return 1
        # one search costs the same by either rule; two do not
        if searches > 1 and not model:
            way_out = "give the response with its modelVersion: older models charge one a prompt"
            raise UnreadableInput("an answer of no named model, with searches", searches, way_out)
        return searches


QUERIES: Final = ("webSearchQueries", "web_search_queries", "imageSearchQueries", "image_search_queries")


@frozen
class Calls:
    """A list beside the usage, such as the results of a search: that it holds anything is one call."""

    key: str
    meter: str

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count one call."""
        if listed_in(response[self.key], self.key):
            counts.call(self.meter, 1)


@frozen
class Marked:
    """Notes on an answer, of which one kind is only made by a search."""

    key: str
    meter: str
    kinds: tuple[str, ...] = ("url_citation",)

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count one call where a note of the kind is there."""
        for message in _messages(response[self.key]):
            notes = message.get("annotations")
            kinds = [
                text_of(members_of(note, "annotations").get("type"))
                for note in listed_in(notes, "annotations")
                if is_object(note)
            ]
            # nothing counts the searches behind a citation: that there is one is all that is known
            if set(kinds) & set(self.kinds):
                counts.call(self.meter, 1)
                return


@frozen
class Executed:
    """Tools that ran for the messages of an answer, by their names."""

    key: str
    member: str
    meters: Mapping[str, str]
    name: str = "type"

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count each of them."""
        for message in _messages(response[self.key]):
            for tool in listed_in(message.get(self.member), self.member):
                held = members_of(tool, self.member)
                named = held.get(self.name)
                if is_object(named):
                    named = members_of(named, self.name).get("name")
                if meter := self.meters.get(text_of(named).lower()):
                    counts.call(meter, 1)


def _messages(choices: object) -> list[dict[str, Any]]:
    """The messages of an answer's choices."""
    held = [members_of(choice, "choices") for choice in listed_in(choices, "choices") if is_object(choice)]
    messages = [first_of(choice, "message", "delta") for choice in held]
    return [members_of(message, "message") for message in messages if is_object(message)]


@frozen
class ByModel:
    """Usage by model, in place of the whole: an answer that several models made together."""

    key: str
    shape: Shape

    def add(self, response: Mapping[str, Any], counts: Counts) -> None:
        """Count the tokens of each model apart."""
        counts.others += [
            ({"model": model}, used, self.shape) for model, used in by_model(response[self.key], self.key)
        ]
        counts.replaced = True


def by_model(value: Any, key: str) -> list[tuple[str, Any]]:
    """Usage by model: a mapping, or a list of objects that each name theirs."""
    held = members_of(value, key)
    if "models" not in held:
        return [(label_of(model, key), used) for model, used in held.items()]
    each = [members_of(one, key) for one in listed_in(held["models"], key)]
    return [(label_of(one.get("model"), f"{key}.model"), one.get("usage")) for one in each]
