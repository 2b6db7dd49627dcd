"""Edits of a document's text, as the header of the corpus of bad inputs names them."""

import json
from decimal import Decimal


def edited(text, given, first_amount):
    """The text after one edit; *first_amount* is the path to what is the first amount of the document."""
    operation, argument = given["op"], given["arg"]
    if operation == "raw":
        return argument
    if operation in ON_TEXT:
        return ON_TEXT[operation](text, argument)
    if operation not in {"set_first_amount", *ON_DOCUMENT}:
        raise AssertionError(f"an edit that nobody here knows: {operation}")
    document = json.loads(text)
    if operation == "set_first_amount":
        *path, last = first_amount
        table = document
        for step in path:
            table = table[step]
        table[last] = argument
    else:
        ON_DOCUMENT[operation](document, argument)
    return spelled(document)


def spelled(document):
    """The text of a document; a token, whose class is no plain text, stands in it as it is."""
    tokens = []

    def marked(node):
        if isinstance(node, dict):
            return {key: marked(item) for key, item in node.items()}
        if isinstance(node, list):
            return [marked(item) for item in node]
        if type(node) in (str, int, bool, type(None)):
            return node
        tokens.append(str(node))
        return f"token {len(tokens)}"

    text = json.dumps(marked(document))
    for number, token in enumerate(tokens, 1):
        text = text.replace(f'"token {number}"', token)
    return text


def with_first_key_twice(text, key):
    first, value = next(iter(json.loads(text).items()))
    return f"{{{key(first)}: {json.dumps(value)}, {text.lstrip()[1:]}"


def escaped(key):
    return '"' + "".join(f"\\u{ord(character):04x}" for character in key) + '"'


def bump(table, key, argument):
    table[key] = str(Decimal(table[key]) + Decimal(argument))


ON_TEXT = {
    "append": lambda text, argument: text + argument,
    "prepend": lambda text, argument: argument + text,
    "truncate": lambda text, argument: text[:-argument],
    "duplicate_first_key": lambda text, _: with_first_key_twice(text, json.dumps),
    "duplicate_first_key_escaped": lambda text, _: with_first_key_twice(text, escaped),
}
ON_DOCUMENT = {
    "set_top": lambda document, members: document.update(members),
    "set_version": lambda document, version: document.update(version=version),
    "bump_total": lambda document, amount: bump(document, "total", amount),
    "bump_first_line": lambda document, amount: bump(document["lines"][0], "amount", amount),
    "drop_first_line": lambda document, _: document["lines"].pop(0),
    "duplicate_first_line": lambda document, _: document["lines"].insert(0, document["lines"][0]),
    "negate_first_line": lambda document, _: document["lines"][0].update(
        amount=f"-{document['lines'][0]['amount']}"
    ),
    "set_first_line_currency": lambda document, code: document["lines"][0].update(currency=code),
}
