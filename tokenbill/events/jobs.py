"""Jobs: GPU-seconds out of what schedulers keep of the jobs that they ran."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, cast

from attrs import field, frozen

from tokenbill.core.base.inputs import is_mapping, listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.tables import shortest
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import EXACT, ZERO, from_float, number
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidPeriod, UnreadableInput
from tokenbill.events.cloudevents import Event
from tokenbill.events.measures import ends_of, epoch
from tokenbill.shared.foreign_data import members_of, readable, telling
from tokenbill.shared.strict_json import NotJson, decoded

__all__ = ["Job", "read_condor", "read_sacct"]

COMMAND: Final = "SLURM_TIME_FORMAT=%s sacct -X -D -P -T --delimiter=';;' -S … -E … -o " + ",".join(
    COLUMNS := (
        "JobID",
        "JobName",
        "Account",
        "State",
        "Start",
        "End",
        "ElapsedRaw",
        "Suspended",
        "AllocTRES",
    )
)
"""What writes a report that loses nothing: requeued runs too, no steps, and times as seconds of the epoch."""
NEEDED: Final = ("JobID", "State", "Start", "End", "ElapsedRaw", "AllocTRES")
DELIMITERS: Final = (";;", "|")
ABSENT: Final = ("", "Unknown", "None", "0")
"""How a time is written that has not come, or never will."""
SUSPENDED: Final = (
    r"(?:(?P<days>[0-9]{1,6})-)?(?:(?P<hours>[0-9]{1,2}):)?(?P<minutes>[0-9]{2}):(?P<seconds>[0-9]{2})"
)
GPU: Final = "gres/gpu"
TRACKED: Final = "let the cluster track them: AccountingStorageTRES=gres/gpu; or say cpu_jobs=True"


def counted_gpus(value: Any) -> tuple[tuple[str, Decimal], ...]:
    """Types of GPU with how many of each, in one order."""
    return tuple(sorted((str(kind), number(count)) for kind, count in value))


@frozen
class Job:
    """One run of a job: who ran it, for how long, and on how many GPUs of which type.

    Args:
        id: The job's id, as the scheduler writes it; one that was requeued has a run for each.
        account: Whom it is billed to, or None.
        state: What became of it, in the scheduler's own word.
        start: When it began, or None where it never did.
        end: When it ended, or None while it runs.
        seconds: How long it ran; suspension is left out.
        suspended: Seconds for which it was held.
        gpus: Type and number of the GPUs that it had; the type is empty where nobody told it.
    """

    id: str
    account: str | None
    state: str
    start: datetime | None
    end: datetime | None
    seconds: Decimal
    suspended: Decimal
    gpus: tuple[tuple[str, Decimal], ...] = field(converter=counted_gpus)

    @property
    def gpu_seconds(self) -> Decimal:
        """Seconds × GPUs."""
        return sum((EXACT.multiply(self.seconds, count) for _, count in self.gpus), ZERO)

    @property
    def usage(self) -> Usage:
        """The GPU-seconds by type of GPU, where the scheduler told it: ``gpu_seconds{gpu=h100}``."""
        return Usage(
            (Meter("gpu_seconds", {"gpu": kind} if kind else {}), EXACT.multiply(self.seconds, count))
            for kind, count in self.gpus
        )

    def event(self, source: str) -> Event:
        """The job as an event of its end, for ``once`` and ``usage_by``; its id names the run.

        Raises:
            InvalidPeriod: If it has not ended: it would say something else tomorrow.
        """
        if self.end is None or self.start is None:
            raise InvalidPeriod("a job that has not ended", self.id, "wait for its end, or take its usage")
        return Event(source, f"{self.id}@{self.start.isoformat()}", self.end, self.account, self.usage)


def read_sacct(text: str, period: Period | None = None, *, cpu_jobs: bool = False) -> tuple[Job, ...]:
    """The jobs of a report of Slurm's ``sacct``: text with a header, or the JSON of ``sacct --json``.

    Text is best written by ``SLURM_TIME_FORMAT=%s sacct -X -D -P -T --delimiter=';;' …``; what could
    count a job twice, or lose an offset, is refused.

    Args:
        text: What the command wrote, whole.
        period: Counts only what lies within it; a job that still runs counts until its end.
        cpu_jobs: Whether a job that ran and names no GPU had none. Without it such a job is refused: most
            clusters do not track GPUs, and none is then a guess.

    Raises:
        UnreadableInput: If a row is none of a job, is a step, or does not say how many GPUs it had.
        InvalidPeriod: If a job that was suspended lies only partly in *period*.

    Source: docs/how-to/bill-events.md

    >>> report = '''JobID;;Account;;State;;Start;;End;;ElapsedRaw;;Suspended;;AllocTRES
    ... 1;;acme;;COMPLETED;;1795948656;;1795948683;;10;;00:00:17;;cpu=1,gres/gpu:h100=2'''
    >>> [job.usage for job in read_sacct(report)]
    [Usage({'gpu_seconds{gpu=h100}': 20})]
    """
    given: Any = text
    if not isinstance(given, str):
        raise UnreadableInput("not a report of sacct", telling(given), f"give its text: {COMMAND}")
    rows = rows_of_json(given) if given.lstrip().startswith("{") else rows_of_text(given)
    ends = None if period is None else ends_of(period)
    return tuple(within(job, ends) for job in (job_of_row(row, cpu_jobs=cpu_jobs) for row in rows))


def rows_of_text(text: str) -> Iterator[dict[str, Any]]:
    """The rows of a table, cells by the names of the header."""
    # A name of a job may hold spaces, quotes and commas, so this is no CSV: cells end at the delimiter alone.
    lines = [line for line in text.splitlines() if line.strip()]
    header = lines[0] if lines else ""
    delimiter = next((each for each in DELIMITERS if each in header), DELIMITERS[0])
    columns = header.split(delimiter)
    columns = columns[:-1] if columns[-1] == "" else columns  # -p ends each line with one, -P does not
    for column in NEEDED:
        if column not in columns:
            raise UnreadableInput("a report without the column", column, f"ask for it: {COMMAND}")
    for place, line in enumerate(lines[1:], start=2):
        cells = line.split(delimiter)
        if len(cells) - len(columns) not in (0, 1) or (len(cells) > len(columns) and cells[-1] != ""):
            # a job's name may hold any character, the usual delimiter included
            way_out = "write it with --delimiter=';;', which no name of a job holds"
            raise UnreadableInput(f"line {place} has another number of cells", len(cells), way_out)
        yield dict(zip(columns, cells, strict=False))


def rows_of_json(text: str) -> Iterator[dict[str, Any]]:
    """The jobs of ``--json``, as the cells that text would have."""
    try:
        report = members_of(decoded(text), "report")
    except NotJson as problem:
        way_out = problem.way_out
        raise UnreadableInput(
            f"a report that is {problem}", f"text of {len(text)} characters", way_out
        ) from None
    for given in listed_of(report.get("jobs")) or ():
        job = members_of(given, "job")
        when, tres = (
            members_of(job.get("time"), "time of a job"),
            members_of(job.get("tres"), "tres of a job"),
        )
        # A job that is COMPLETED and REQUEUED has a list of states in newer versions, one word in older ones.
        state = members_of(job.get("state"), "state of a job").get("current")
        found = [members_of(each, "tres") for each in listed_of(tres.get("allocated")) or ()]
        named = [
            ("/".join(str(each[key]) for key in ("type", "name") if each.get(key)), each) for each in found
        ]
        yield {
            "JobID": str(unwrapped(job.get("job_id"))),
            "Account": job.get("account"),
            "State": "+".join(map(str, cast("list[object]", state))) if isinstance(state, list) else state,
            "Start": str(unwrapped(when.get("start"))),
            "End": str(unwrapped(when.get("end"))),
            "ElapsedRaw": unwrapped(when.get("elapsed")),
            "Suspended": unwrapped(when.get("suspended")),
            "AllocTRES": ",".join(f"{name}={unwrapped(each.get('count'))}" for name, each in named),
        }


def unwrapped(value: Any) -> Any:
    """A number of Slurm's JSON, which newer versions wrap: ``{"set": true, "number": 17}``."""
    if is_mapping(value):
        wrapped: Mapping[str, Any] = value
        return wrapped.get("number") if wrapped.get("set") else 0
    return value


def job_of_row(row: Mapping[str, Any], *, cpu_jobs: bool) -> Job:
    """The run of a job that a row of sacct tells of."""
    identity = checked_name(row["JobID"], what="job id")
    if "." in identity:
        way_out = f"steps repeat the GPUs of their job; leave them out by -X: {COMMAND}"
        raise UnreadableInput("a step of a job", identity, way_out)
    seconds = whole_count(row["ElapsedRaw"], "ElapsedRaw")
    gpus = gpus_by_type(str(row["AllocTRES"] or ""))
    if not gpus and seconds and not cpu_jobs:
        raise UnreadableInput("a job that ran and names no GPU", identity, TRACKED)
    account = row.get("Account")
    return Job(
        id=identity,
        account=checked_name(account, what="account") if account else None,
        state=checked_name(row["State"], what="state"),
        start=time_of(row["Start"]),
        end=time_of(row["End"]),
        seconds=seconds,
        suspended=suspension(row.get("Suspended")),
        gpus=gpus,
    )


def gpus_by_type(tres: str) -> Iterable[tuple[str, Decimal]]:
    """GPUs by type. The count of all stands beside the counts of each type: never add both."""
    found = dict[str, Decimal]()
    for part in filter(None, tres.split(",")):
        key, equals, count = part.partition("=")
        if equals and (key == GPU or key.startswith(f"{GPU}:")):
            found[key.removeprefix(GPU).removeprefix(":")] = whole_count(count, "number of GPUs")
    # A cluster may track some types of GPU and not others: the rest has no type, and is billed all the same.
    total, typed = found.pop("", None), sum(found.values(), ZERO)
    rest = ZERO if total is None else EXACT.subtract(total, typed)
    if rest < 0:
        raise UnreadableInput("GPUs by type that are more than all", typed, "write both as sacct does")
    return [*found.items(), *([("", rest)] if rest else [])]


def whole_count(value: object, what: str) -> Decimal:
    def whole(given: object) -> Decimal:
        read = number(from_float(given) if isinstance(given, float) else given)
        if read < 0 or read != int(read):
            raise UnreadableInput("not a count", read, "give a whole number")
        return Decimal(int(read))

    return readable(whole, value, what, "write it as sacct does: digits")


def time_of(value: object) -> datetime | None:
    """Seconds of the epoch; a time of the calendar is cut at 19 characters, so that its offset is lost."""
    # Slurm writes 0 for a time that has not come; read as 1970 a job would have run for decades.
    if value in ABSENT:
        return None
    return readable(epoch, value, "a time of a job", "have seconds of the epoch: SLURM_TIME_FORMAT=%s")


def suspension(value: object) -> Decimal:
    """Seconds for which a job was held: a number of them, or days, hours, minutes and seconds."""
    if value in (None, ""):
        return ZERO
    match = re.fullmatch(SUSPENDED, value) if isinstance(value, str) else None
    if match is None:
        return whole_count(value, "Suspended")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return Decimal(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def within(job: Job, ends: tuple[datetime, datetime] | None) -> Job:
    """What of a job lies in a period."""
    if ends is None or job.start is None:
        return job
    end = ends[1] if job.end is None else job.end
    if job.end is not None and ends[0] <= job.start and job.end <= ends[1]:
        return job
    inside = max(min(end, ends[1]) - max(job.start, ends[0]), timedelta(0))
    lasted = Decimal(shortest(EXACT.divide(Decimal(inside // timedelta(microseconds=1)), Decimal(10**6))))
    # Slurm says how long a job was held, and not when: cut in two, nobody knows which part it belongs to.
    if job.suspended and inside:
        if job.end is not None or job.start < ends[0]:
            way_out = "cut the report instead: sacct -T -S … -E …"
            raise InvalidPeriod("a suspended job that lies partly in the period", job.id, way_out)
        lasted = EXACT.subtract(lasted, job.suspended)
    return Job(job.id, job.account, job.state, job.start, job.end, lasted, job.suspended, job.gpus)


def read_condor(
    jobs: str | Iterable[Mapping[str, Any]], *, suspended: Literal["billed", "free"]
) -> tuple[Job, ...]:
    """The jobs of ``condor_history -json``: its text, or the list that its JSON is.

    Args:
        jobs: The ads of jobs; ``RemoteWallClockTime`` is how long one held its slot, over all its runs.
        suspended: Whether time of suspension is billed. HTCondor's wall clock counts it, where Slurm's does
            not, so the price list has to say which.

    Raises:
        UnreadableInput: If an ad lacks an attribute, or one is unfit.

    >>> ad = {"ClusterId": 7, "ProcId": 0, "RequestGPUs": 2, "Owner": "acme",
    ...       "RemoteWallClockTime": 3600, "CumulativeSuspensionTime": 600,
    ...       "JobStartDate": 1795948656, "CompletionDate": 1795952256}
    >>> ways = ("billed", "free")
    >>> [int(read_condor([ad], suspended=each)[0].gpu_seconds) for each in ways]
    [7200, 6000]
    """
    if suspended not in ("billed", "free"):
        raise UnreadableInput("no such policy of suspension", suspended, 'give "billed" or "free"')
    given: Any = jobs
    if isinstance(jobs, str):
        try:
            given = decoded(jobs)
        except NotJson as problem:
            told = f"text of {len(jobs)} characters"
            raise UnreadableInput(f"a history that is {problem}", told, problem.way_out) from None
    ads = listed_of(given)
    if ads is None:
        raise UnreadableInput(
            "not a history of jobs", telling(given), "give the JSON of condor_history -json"
        )
    return tuple(job_of_ad(ad, is_free=suspended == "free") for ad in ads)


def job_of_ad(given: Any, *, is_free: bool) -> Job:
    """The job of one ad of HTCondor; time of suspension is free or billed."""
    # names of attributes are the same in any case
    ad = {str(key).lower(): value for key, value in members_of(given, "ad of a job").items()}
    for key in ("ClusterId", "ProcId", "RemoteWallClockTime"):
        if ad.get(key.lower()) is None:
            raise UnreadableInput("an ad of a job without", key, "give it as condor_history -json writes it")
    held = whole_count(ad.get("cumulativesuspensiontime", 0), "CumulativeSuspensionTime")
    seconds = whole_count(ad["remotewallclocktime"], "RemoteWallClockTime")
    if held > seconds:
        raise UnreadableInput(
            "a job that was suspended for longer than it ran", held, "give both as they were"
        )
    # What a job was given is billed; what it asked for says less, and is there where nothing was recorded.
    gpus = ad.get("gpusprovisioned", ad.get("requestgpus", 0))
    # A group pays for its members, where the pool has groups.
    owner = ad.get("accountinggroup", ad.get("owner"))
    identity = ".".join(str(whole_count(ad[key], "job id")) for key in ("clusterid", "procid"))
    return Job(
        id=identity,
        account=None if owner is None else checked_name(owner, what="owner"),
        state=str(whole_count(ad.get("jobstatus", 0), "JobStatus")),
        start=time_of(ad.get("jobstartdate", 0)),
        end=time_of(ad.get("completiondate", 0)),
        seconds=EXACT.subtract(seconds, held) if is_free else seconds,
        suspended=held,
        gpus=[("", whole_count(gpus, "number of GPUs"))],
    )
