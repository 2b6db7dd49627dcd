"""A zone under the rules of two years, as tables of zones change while accounts are open."""

import struct
import zoneinfo
from contextlib import contextmanager
from datetime import UTC, datetime

VANCOUVER = "America/Vancouver"
RULES = {
    # summer time to 1 November, and standard time from then on
    2025: ([("2026-03-08T10:00", -7), ("2026-11-01T09:00", -8)], "PST8PDT,M3.2.0,M11.1.0"),
    # summer time for good from March on
    2026: ([("2026-03-08T10:00", -7)], "MST7"),
}


def compiled(changes, footer):
    """A file of a zone in the second version of TZif (RFC 8536), -8 hours before its first change."""
    times = [int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) for at, _ in changes]
    kinds = [-8, -7]
    head = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, len(times), len(kinds), 8)
    empty = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + struct.pack(">lbb4s", 0, 0, 0, b"UTC")
    body = struct.pack(f">{len(times)}q", *times)
    body += bytes(kinds.index(hours) for _, hours in changes)
    body += b"".join(struct.pack(">lbb", hours * 3600, hours == -7, 4 * i) for i, hours in enumerate(kinds))
    return empty + head + body + b"PST\0PDT\0" + f"\n{footer}\n".encode()


@contextmanager
def zones_of_two_years(folder):
    """A way to run a part of a test under the zone's rules of a year."""
    for year, parts in RULES.items():
        (folder / f"{year}/America").mkdir(parents=True)
        (folder / f"{year}/{VANCOUVER}").write_bytes(compiled(*parts))
    before = zoneinfo.TZPATH

    @contextmanager
    def under(year):
        zoneinfo.reset_tzpath([str(folder / str(year)), *before])
        zoneinfo.ZoneInfo.clear_cache()
        yield

    try:
        yield under
    finally:
        zoneinfo.reset_tzpath(before)
        zoneinfo.ZoneInfo.clear_cache()
