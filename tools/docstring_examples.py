"""For the pages of reference, as Griffe reads them: examples become blocks of code, and options optional."""

import re
from typing import Any

from griffe import DocstringSectionKind, Extension, Function, Object, ParameterKind

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

    def on_function(self, *, func: Function, **_: Any) -> None:
        """Mark what a function takes by ``**options: Unpack[…]`` as optional."""
        options = [each for each in func.parameters if each.kind is ParameterKind.var_keyword]
        if not func.docstring or not any("Unpack[" in str(each.annotation) for each in options):
            return
        for section in func.docstring.parsed:
            if section.kind is DocstringSectionKind.parameters:
                for given in section.value:
                    # Griffe takes what no signature names for required; every such dictionary is total=False
                    if given.name not in func.parameters:
                        given.value = "…"
