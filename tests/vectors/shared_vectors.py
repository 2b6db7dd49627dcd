"""Where the public example vectors lie; without them their tests show as skipped: an empty parameter set."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def folder() -> Path:
    shared = os.environ.get("TOKENBILL_SHARED", ROOT.parent / "shared")
    return Path(os.environ.get("TOKENBILL_VECTORS", Path(shared) / "vectors"))


def shared_vectors(name: str, key: str = "vectors") -> list[dict]:
    """The entries of one file of vectors, or none where the file is not at hand."""
    path = folder() / name
    return json.loads(path.read_text(encoding="utf-8"))[key] if path.exists() else []


def vector_id(vector: dict) -> str:
    return vector["id"]
