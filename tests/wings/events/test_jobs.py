import json
import re
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.shared_vectors import folder
from tokenbill import Period, Usage
from tokenbill.errors import InvalidPeriod, TokenbillError, UnreadableInput
from tokenbill.events import once, read_condor, read_sacct, usage_by

HEADER = "JobID;;JobName;;Account;;State;;Start;;End;;ElapsedRaw;;Suspended;;AllocTRES"
START = 1795948656
H100 = "billing=1,cpu=1,gres/gpu:h100={0},gres/gpu={0},node=1"
RECORDS = folder().parent / "cases" / "records.md"


def row(job="1", start=START, end=START + 10, elapsed=10, suspended="00:00:00", tres=None, **more):
    state, name, account = (
        more.get(key, word) for key, word in [("state", "COMPLETED"), ("name", "train"), ("account", "acme")]
    )
    cells = (
        job,
        name,
        account,
        state,
        start,
        end,
        elapsed,
        suspended,
        H100.format(2) if tres is None else tres,
    )
    return ";;".join(map(str, cells))


def report(*rows, header=HEADER):
    return "\n".join([header, *rows])


def gpu_seconds(*rows, period=None, **more):
    return sum(job.gpu_seconds for job in read_sacct(report(*rows), period, **more))


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        ([row(end=START + 27, suspended="00:00:17")], 20),  # suspension lies within start and end
        ([row(tres=H100.format(2))], 20),  # the count of all and that of a type are one
        ([row(tres=H100.format(1)), row(tres=H100.format(1), elapsed=12, start=START + 72)], 22),  # requeued
        ([row(name="a|b")], 20),
        ([row(state="CANCELLED by 0", start="None", end=START, elapsed=0, tres="")], 0),
        ([row(job="7_1", elapsed=12)], 24),
        ([row(elapsed=5, tres=H100.format(8))], 40),  # all GPUs of the node, for --exclusive
        ([row(state="RUNNING", end="Unknown", elapsed=17)], 34),
        ([row(tres="cpu=1,gres/gpu:h100=2,node=1")], 20),  # the type alone is tracked
        ([row(tres="gres/gpu:a100=1,gres/gpu:h100=2,gres/gpu=3")], 30),
        ([row(tres="gres/gpu=4")], 40),
    ],
    ids=str,
)
def test_gpu_seconds_are_seconds_of_running_times_gpus(rows, seconds):
    assert gpu_seconds(*rows) == seconds


def test_types_of_gpus_are_labels_and_what_nobody_told_has_none():
    (job,) = read_sacct(report(row(tres="gres/gpu:a100=1,gres/gpu:h100=2,gres/gpu=4")))

    assert job.usage == Usage({"gpu_seconds{gpu=a100}": 10, "gpu_seconds{gpu=h100}": 20, "gpu_seconds": 10})


def test_a_job_that_runs_counts_until_the_period_ends():
    november = Period("2026-11-29T10:00:00Z", "2026-11-29T10:39:34Z")  # 1795948774
    running = row(state="RUNNING", start=1795948714, end="Unknown", elapsed=17)

    assert gpu_seconds(running, period=november) == 120  # 60 × 2
    assert gpu_seconds(row(start="None", end="Unknown", elapsed=0, tres=""), period=november) == 0
    held = row(state="RUNNING", start=1795948714, end="Unknown", elapsed=17, suspended="00:00:10")
    assert gpu_seconds(held, period=november) == 100


def test_a_job_is_cut_at_a_period_and_refused_where_its_suspension_is_anywhere():
    period = Period("2026-11-29T10:37:40Z", "2026-11-29T10:37:44Z")  # from 4 seconds after the start on

    assert gpu_seconds(row(), period=period) == 8
    assert gpu_seconds(row(start=START - 100, end=START - 50, elapsed=50), period=period) == 0
    assert gpu_seconds(row(), period=Period("2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z")) == 20
    for held in (
        row(end=START + 27, suspended="00:00:17"),
        row(state="RUNNING", end="Unknown", suspended="00:00:01"),
    ):
        with pytest.raises(InvalidPeriod, match="partly"):
            gpu_seconds(held, period=period)
    with pytest.raises(InvalidPeriod):
        gpu_seconds(row(), period=Period("2026-11-29", "2026-11-30"))


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        (report(row(tres="billing=1,cpu=1,node=1")), "AccountingStorageTRES"),
        (report(row(), row(job="1.batch"), row(job="1.0")), "-X"),
        (report(row(start="2026-11-29T10:37:36", end="2026-11-29T10:37:46")), "SLURM_TIME_FORMAT=%s"),
        (report(row(name="a|b"), header=HEADER).replace(";;", "|"), "--delimiter"),
        (report(row(), header=HEADER.replace(";;AllocTRES", "")), "AllocTRES"),
        (report(row(), header=HEADER.replace("ElapsedRaw", "Elapsed")), "ElapsedRaw"),
        (report("1;;train"), "--delimiter"),
        (report(row(elapsed="10.5")), "digits"),
        (report(row(elapsed="-1")), "digits"),
        (report(row(suspended="soon")), "digits"),
        (report(row(tres="gres/gpu=x")), "digits"),
        (report(row(tres="gres/gpu:h100=3,gres/gpu=2")), "as sacct does"),
        (report(row(start="soon")), "SLURM_TIME_FORMAT"),
        (report(row(start="9" * 40)), "SLURM_TIME_FORMAT"),
        ("", "sacct"),
        ("{", "whole"),
        ('{"jobs": [{}]}', "mapping"),
        (None, "sacct"),
    ],
    ids=lambda value: repr(value)[-160:],
)
def test_what_could_be_counted_wrongly_is_refused_with_the_way_out(text, way_out):
    with pytest.raises(UnreadableInput, match=re.escape(way_out)):
        read_sacct(text)


def test_a_job_without_gpus_is_one_where_it_was_said_that_the_cluster_tracks_them():
    assert gpu_seconds(row(tres="billing=1,cpu=1,node=1"), cpu_jobs=True) == 0


def test_rows_may_be_separated_as_p_does_with_and_without_a_last_delimiter():
    line = report(row(suspended="1-02:03:04")).replace(";;", "|")
    (job,) = read_sacct(line)

    assert job == read_sacct(line.replace("\n", "|\n") + "|")[0]
    assert job.suspended == 93_784
    assert (job.state, job.account, job.start.timestamp()) == ("COMPLETED", "acme", START)


def test_a_job_that_ended_is_an_event_and_two_runs_of_one_are_two():
    jobs = read_sacct(report(row(), row(start=START + 72, end=START + 84, elapsed=12), row()))
    new = once(job.event("cluster") for job in jobs)

    assert len(new) == 2
    assert usage_by(new, "customer") == {"acme": Usage({"gpu_seconds{gpu=h100}": 44})}
    (running,) = read_sacct(report(row(state="RUNNING", end="Unknown")))
    with pytest.raises(InvalidPeriod, match="has not ended"):
        running.event("cluster")


def slurm_job(number, elapsed, *gpus, wrapped=False, **times):
    def told(value):
        return {"set": True, "infinite": False, "number": value} if wrapped else value

    return {
        "job_id": number,
        "account": "acme",
        "state": {"current": ["RUNNING"] if wrapped else "RUNNING", "reason": "None"},
        "time": {"elapsed": told(elapsed), "start": told(START), "end": told(0), "suspended": 0, **times},
        "tres": {"allocated": [{"type": "gres", "name": name, "count": told(count)} for name, count in gpus]},
        "steps": [{"tres": "of a step"}],
    }


@pytest.mark.parametrize("wrapped", [False, True])
def test_json_says_what_text_does(wrapped):
    jobs = [
        slurm_job(6, 17, ("gpu", 2), ("gpu:h100", 2), wrapped=wrapped),
        slurm_job(7, 12, ("gpu", 1), ("gpu:h100", 1), wrapped=wrapped, end=START + 12),
        slurm_job(8, 0, wrapped=wrapped, start={"set": False, "number": 5}),
    ]
    read = read_sacct(json.dumps({"jobs": jobs}))

    assert [job.gpu_seconds for job in read] == [34, 12, 0]
    assert [job.end is None for job in read] == [True, False, True]
    assert read[2].start is None


@pytest.mark.skipif(not RECORDS.exists(), reason="needs shared cases: set TOKENBILL_SHARED")
def test_public_records_of_slurm_come_to_what_stands_beside_them():
    page = RECORDS.read_text(encoding="utf-8")
    table, text = (page.split(f"```{kind}\n")[1].split("```")[0] for kind in ("", "json"))
    seconds = defaultdict(Decimal)
    for job in read_sacct(table):
        seconds[job.account] += job.gpu_seconds
    rows = re.findall(r"^\| `(9;;(?:typed|mixed).*?)` \| (\d+) \|", page, re.M)

    assert dict(seconds) == {"acme": 40, "globex": 34, "initech": 52}
    assert sum(job.gpu_seconds for job in read_sacct(text)) == 46
    assert len(rows) == 2
    for cells, right in rows:
        assert gpu_seconds(cells) == int(right)
    (plain,) = re.findall(r"^\| `(9;;plain.*?)` \|", page, re.M)
    with pytest.raises(UnreadableInput):
        gpu_seconds(plain)


AD = {
    "ClusterId": 7,
    "ProcId": 0,
    "RemoteWallClockTime": 3600,
    "CumulativeSuspensionTime": 600,
    "RequestGPUs": 2,
}


def test_the_wall_clock_of_condor_counts_suspension_and_the_price_list_says_which():
    ads = [{**AD, "Owner": "acme", "CompletionDate": START + 3600, "JobStartDate": START}]

    for history in (ads, json.dumps(ads)):
        billed, free = (read_condor(history, suspended=each)[0] for each in ("billed", "free"))
        assert (billed.gpu_seconds, free.gpu_seconds) == (7200, 6000)
        assert (billed.id, billed.account, billed.event("pool").time.timestamp()) == (
            "7.0",
            "acme",
            START + 3600,
        )
    upper = [{key.upper(): float(value) for key, value in AD.items()} | {"GPUSPROVISIONED": 3}]
    assert read_condor(upper, suspended="free")[0].gpu_seconds == 9000


@pytest.mark.parametrize(
    ("ads", "policy"),
    [
        ([AD], "sometimes"),
        ("[", "free"),
        ({}, "free"),
        (5, "free"),
        ([5], "free"),
        ([{"ClusterId": 7}], "free"),
        ([{**AD, "RemoteWallClockTime": 1}], "free"),
        ([{**AD, "RemoteWallClockTime": 0.5}], "free"),
        ([{**AD, "RequestGPUs": "two"}], "free"),
    ],
    ids=str,
)
def test_what_is_no_history_of_condor_is_refused(ads, policy):
    with pytest.raises(TokenbillError):
        read_condor(ads, suspended=policy)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(st.text(alphabet=";|\n{}[]\"':,=0123456789abgpures/-", max_size=80), anything)
def test_any_text_gives_jobs_or_an_error_of_ours_that_shows_no_name(text, value):
    jobs = {"job_id": value, "time": {"elapsed": value}, "state": {"current": value}, "tres": value}
    for given_text in (
        text,
        report(text),
        report(f"{text};;secret;;a;;b;;c"),
        json.dumps({"jobs": [jobs, value]}),
    ):
        told = ""
        try:
            read_sacct(given_text)
        except TokenbillError as error:
            told = str(error)
        assert "secret" not in told
    with suppress(TokenbillError):
        read_condor([{**AD, "RequestGPUs": value, "Owner": value}], suspended="free")
