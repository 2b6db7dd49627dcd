"""How long the largest documents take that are read of strangers, and what became of them.

python benchmarks/documents.py
"""

import time

from tokenbill.errors import UnreadableInput
from tokenbill.serial import loads

MEMBERS = 49_990
TARGET = 2.0


def entries_of(*meters):
    inner = ",".join(f'"{meter}":"1.25"' for meter in meters)
    return f'{{"type":"PriceSchedule","version":2,"currency":"USD","entries":{{{inner}}}}}'


def tables_of_toml(line, length=256 * 1024):
    text = "[" + ".".join(["a"] * 70) + "]\n" + "".join(line.format(place) for place in range(length // 4))
    return text[: text.rindex("\n", 0, length)]


DOCUMENTS = {
    "meters": ("json", entries_of(*(f"m{place}" for place in range(MEMBERS)))),
    "meters with labels": ("json", entries_of(*(f"m{{a={place}}}" for place in range(MEMBERS)))),
    "keys of TOML below a long header": ("toml", tables_of_toml("b{}=1\n")),
    "long keys of TOML": ("toml", tables_of_toml(".".join(["b"] * 70) + ".c{}=1\n")),
}


def main():
    for name, (format, text) in DOCUMENTS.items():
        start = time.process_time()
        try:
            loads(text, format=format)
            outcome = "read"
        except UnreadableInput:
            outcome = "refused"
        print(f"{name:36} {time.process_time() - start:6.2f} s  (≤ {TARGET})  {outcome}")


if __name__ == "__main__":
    main()
