"""Where the public cases lie: small inputs and what is right; without them an empty parameter set."""

import json
from decimal import Decimal

from tests.vectors.shared_vectors import folder


def shared_cases(name: str) -> list[dict]:
    """The entries of one file of cases, numbers by their digits; none where the file is not at hand."""
    path = folder().parent / "cases" / name
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal) if path.exists() else []
