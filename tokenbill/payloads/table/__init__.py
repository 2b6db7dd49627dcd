"""The table: every shape by its name, as providers, hosts and frameworks wrote it when it was last seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenbill.payloads.shapes import Shape
from tokenbill.payloads.table.agents import SHAPES as AGENTS
from tokenbill.payloads.table.china import SHAPES as CHINA
from tokenbill.payloads.table.frameworks import SHAPES as FRAMEWORKS
from tokenbill.payloads.table.hosts import SHAPES as HOSTS
from tokenbill.payloads.table.makers import SHAPES as MAKERS
from tokenbill.payloads.table.openai import SHAPES as OPENAI

__all__ = ["EVERY", "SHAPES"]

EVERY: Final = (*OPENAI, *MAKERS, *HOSTS, *CHINA, *FRAMEWORKS, *AGENTS)

SHAPES: Final[Mapping[str, tuple[Shape, ...]]] = {
    name: tuple(shape for shape in EVERY if shape.name == name)
    for name in dict.fromkeys(shape.name for shape in EVERY)
}
"""Each shape by its name; a transcription, for one, is counted either in tokens or in seconds."""
