"""For the pages of reference: the examples of docstrings become blocks of code, as Griffe reads them."""

import re
from typing import Any

from griffe import Extension, Object

EXAMPLES = re.compile(r"^>>> .*(?:\n.+|\n(?=\n>>> ))*", re.MULTILINE)
DIRECTIVE = re.compile(r"  # doctest: \+\w+(?=$)", re.MULTILINE)


class DocstringExamples(Extension):
    """Fences each run of examples; without it Markdown takes `>>>` for three nested quotes."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Fence the examples in the docstring of a module, class, function or attribute."""
        if obj.docstring:
            fenced = EXAMPLES.sub(r"\n```pycon\n\g<0>\n```\n", obj.docstring.value)
            # what only the tests need is not for readers
            obj.docstring.value = DIRECTIVE.sub("", fenced).replace("<BLANKLINE>", "")
