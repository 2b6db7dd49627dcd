"""Feeds the readers what an attacker would, guided by coverage: a value or an error of ours, never another.

    python -m tests.fuzz.fuzz event --seconds 60

needs atheris. A finding is printed with its input and ends the run with a failure; without an end
in sight (``--seconds 0``) it runs until it is stopped.
"""

import argparse
import json
import sys
from decimal import Decimal
from time import process_time

import atheris

with atheris.instrument_imports(include=["tokenbill"]):
    from tokenbill import (
        Account,
        Bill,
        Grant,
        Period,
        PriceSchedule,
        TokenbillError,
        Usage,
        catalog,
        events,
        files,
        payloads,
        serial,
    )
    from tokenbill.payloads import LOGS
    from tokenbill.payloads import SHAPES as NAMED

KEYS = {
    "event": ["specversion", "id", "source", "type", "subject", "time", "data", "data_base64", "x"],
    "data": ["quantity", "labels", "meter", "model", "x"],
    "payload": [
        *["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "usage"],
        *[
            "prompt_tokens_details",
            "input_tokens_details",
            "cached_tokens",
            "reasoning_tokens",
            "audio_tokens",
        ],
        *["cache_read_input_tokens", "cache_creation", "iterations", "promptTokenCount", "totalTokenCount"],
        *[
            "promptTokensDetails",
            "modality",
            "tokenCount",
            "inputTokens",
            "cacheDetails",
            "ttl",
            "service_tier",
        ],
        *["billed_units", "tokens", "server_tool_use", "web_search_requests", "output", "type", "cost", "x"],
    ],
}
EVERY_KEY = sorted({key for alike in NAMED.values() for one in alike for key in one.named_fields})
"""Every key at the top of a usage object that some shape knows."""
BESIDE = [
    *[
        "id",
        "model",
        "modelVersion",
        "usage",
        "usageMetadata",
        "response",
        "result",
        "results",
        "body",
        "message",
        "type",
    ],
    *[
        "output",
        "tool_usage",
        "image_gen",
        "web_search",
        "num_requests",
        "candidates",
        "groundingMetadata",
        "choices",
    ],
    *[
        "webSearchQueries",
        "container",
        "service_tier",
        "serviceTier",
        "performanceConfig",
        "svg_usage",
        "tools",
        "headers",
    ],
    *[
        "sdk_http_response",
        "usage_breakdown",
        "models",
        "modelUsage",
        "iterations",
        "annotations",
        "tool_calls",
        "object",
    ],
]
IN_LOGS = [
    *[
        "custom_id",
        "status_code",
        "error",
        "metadata",
        "usage_object",
        "payload",
        "info",
        "total_token_usage",
        "tokens",
    ],
    *[
        "last_token_usage",
        "attributes",
        "resourceSpans",
        "scopeSpans",
        "spans",
        "key",
        "value",
        "intValue",
        "messages",
    ],
    *[
        "gen_ai.usage.input_tokens",
        "gen_ai.operation.name",
        "tokenUsage",
        "data",
        "usageDetails",
        "modelMetrics",
        "time",
    ],
    *[
        "timestamp",
        "created",
        "tokens_prompt",
        "token_usage",
        "status",
        "cache_hit",
        "context",
        "trace_id",
        "span_id",
    ],
]
ATOMS = [
    *[
        None,
        True,
        False,
        0,
        1,
        5,
        10**29,
        10**30,
        10**80,
        -1,
        1.0,
        float("nan"),
        Decimal("NaN"),
        Decimal("1e999999"),
    ],
    *["", "1.0", "5", "-5", "0.1", "1e5", "٣", "\ud800", "\0", "x" * 300, "tokens", "a{b=c}", "a{"],
    *[
        "2026-01-05T00:00:00Z",
        "2026-01-05",
        "2026-13-05T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1h",
        "5m",
        "TEXT",
    ],
    *["message", "compaction", "advisor", "web_search_call", "batch", "PROVISIONED_THROUGHPUT", [], {}, b"5"],
]
JSON_ATOMS = [atom for atom in ATOMS if isinstance(atom, str | int | list | dict | None)]
SHAPES = [*NAMED, None, "no such shape", 5]

TIERS = [{"up_to": "100", "rate": "2.5", "round": "up"}, {"rate": "2", "fee": "3"}]
HOURS = {"type": "After", "units": "1/3", "price": {"type": "Graduated", "per": "3600", "tiers": TIERS}}
CALLS = {"type": "Sum", "prices": ["1", {"type": "Package", "size": "10", "fee": "3"}]}
PLAN = {
    "type": "BillingPlan",
    "version": 1,
    "name": "pro",
    "fees": [{"amount": "99"}],
    "cycle": {"unit": "month", "anchor": 31},
    "included": {"api_calls": "100"},
    "minimum": "50",
    "taxes": [{"name": "VAT", "percent": "19"}],
    "discounts": [{"value": "10", "unit": "percent", "name": "launch", "on": ["usage", "api_calls"]}],
    "prices": {
        "currency": "USD",
        "entries": {
            "api_calls": "0.01",
            "gpu_hours{gpu=H100}": {"type": "Each", "labels": ["region"], "price": HOURS},
            "x": {"type": "Capped", "most": "5", "price": CALLS},
        },
    },
}


def one_bill():
    account = Account(balance=[Grant("gift", "5", "USD", kind="promotional"), Grant("paid", "20", "USD")])
    month = Period("2026-01-31", "2026-02-28")
    used = Usage({"api_calls": 150, "gpu_hours{gpu=H100,region=eu}": 7, "x": "12.5"})
    plan = serial.loads(json.dumps(PLAN))
    return json.loads(serial.dumps(Bill.of(used, plan, period=month, opening=account, final=False)))


BILL = one_bill()


class Choices:
    """Values built from the bytes of the fuzzer: its keys and atoms, nested as the bytes say."""

    def __init__(self, data):
        self.data = atheris.FuzzedDataProvider(data)

    def pick(self, choices):
        return choices[self.data.ConsumeIntInRange(0, len(choices) - 1)]

    def value(self, keys, depth=3):
        kind = self.data.ConsumeIntInRange(0, 9)
        if kind < 5 or not depth:
            return self.pick(ATOMS)
        if kind < 7:
            return self.data.ConsumeUnicode(12) if kind == 5 else self.data.ConsumeIntInRange(-3, 2000)
        if kind == 7:
            return [self.value(keys, depth - 1) for _ in range(self.data.ConsumeIntInRange(0, 3))]
        return self.mapping(keys, depth - 1)

    def mapping(self, keys, depth=3):
        size = self.data.ConsumeIntInRange(0, 7)
        return {self.pick([*keys, None, 5]): self.value(keys, depth) for _ in range(size)}

    def event(self):
        good = {
            "specversion": "1.0",
            "id": "1",
            "source": "s",
            "type": "tokens",
            "time": "2026-01-05T00:00:00Z",
        }
        return {**good, "data": {"quantity": "5"}, **self.mapping(KEYS["event"]), **self.sometimes_data()}

    def sometimes_data(self):
        return {"data": self.mapping(KEYS["data"])} if self.data.ConsumeBool() else {}

    def text(self):
        return self.data.ConsumeUnicode(self.data.remaining_bytes())

    def bent(self, document):
        """The text of a document in which a few values are others, and perhaps a part is cut out."""
        bent = json.loads(json.dumps(document))
        for _ in range(self.data.ConsumeIntInRange(1, 3)):
            self.bend(bent)
        text = json.dumps(bent)
        start = self.data.ConsumeIntInRange(0, 8 * len(text))
        return text[:start] + self.pick(["", "]", "1e999", ",", '"']) + text[start + 1 :]

    def bent_values(self, document):
        """A document in which a few values are others, as values."""
        bent = json.loads(json.dumps(document), parse_float=Decimal)
        for _ in range(self.data.ConsumeIntInRange(1, 3)):
            self.bend(bent)
        return bent

    def bend(self, node):
        """Replace, take away or double a member of a table or a list, or of one inside it."""
        keys = list(node) if isinstance(node, dict) else range(len(node))
        if not keys:
            return
        key = self.pick(keys)
        if isinstance(node[key], dict | list) and self.data.ConsumeIntInRange(0, 3):
            self.bend(node[key])
        elif isinstance(node, dict) and self.data.ConsumeBool():
            node[self.pick([*keys, "type", "x"])] = node.pop(key)
        else:
            node[key] = self.pick(JSON_ATOMS)


def event(choices):
    events.read_cloudevent(choices.event() if choices.data.ConsumeBool() else choices.value(KEYS["event"]))
    events.read_otel(choices.mapping(OTEL))


def batch(choices):
    read = [events.read_cloudevent(choices.event()) for _ in range(choices.data.ConsumeIntInRange(0, 4))]
    again = events.once([*read, *read]).events
    assert len(again) <= len(read)
    events.usage_by(again, choices.pick(["customer", "source", "nothing", lambda event: event.time.date()]))


def payload(choices):
    given = choices.mapping(KEYS["payload"])
    usage = payloads.read_usage(given, choices.pick(SHAPES))
    assert all(quantity >= 0 for quantity in usage.values())


def answer(choices):
    """Any key of any shape, with what stands beside it, and what a provider says that it costs."""
    keys = [*EVERY_KEY, *BESIDE]
    given, shape = choices.mapping(keys, 4), choices.pick(SHAPES)
    if choices.data.ConsumeBool():
        given = {**choices.mapping(BESIDE), choices.pick(BESIDE): given}
    payloads.read_cost(given) if choices.data.ConsumeBool() else payloads.read_usage(
        given, shape, labels=True
    )


def pieces(choices):
    keys = [*KEYS["payload"], *BESIDE]
    rows = [choices.mapping(keys, 4) for _ in range(choices.data.ConsumeIntInRange(0, 5))]
    assert len(payloads.merged(rows)) <= len(rows)


def log(choices):
    keys = [*KEYS["payload"], *BESIDE, *IN_LOGS]
    rows = [json.dumps(plain(choices.mapping(keys, 5))) for _ in range(choices.data.ConsumeIntInRange(1, 5))]
    kind = choices.pick([*LOGS, *NAMED, "payload", None])
    payloads.read_log(rows, kind, on_bad_row=[].append)


def plain(value):
    """A value as JSON may hold it."""
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value if isinstance(value, str | int | None) else str(value)


def plan(choices):
    read_document(choices.bent(PLAN), "json")


def text(choices):
    read_document(choices.text(), choices.pick(["json", "toml"]))


def bill(choices):
    read_document(choices.bent(BILL), "json")


def read_document(text, format):
    found = serial.loads(text, format=format)
    again = serial.dumps(found)
    assert serial.loads(again) == found
    assert serial.dumps(serial.loads(again)) == again


def rows(choices):
    header = ["customer,meter,quantity"] if choices.data.ConsumeBool() else []
    files.read_usage_by([*header, *choices.text().split("\n")], "customer", on_bad_row=[].append)


OTEL = [
    *[
        f"gen_ai.usage.{name}"
        for name in ("input_tokens", "output_tokens", "prompt_tokens", "completion_tokens")
    ],
    *[
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.provider.name",
    ],
    *[
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.response.model",
        "gen_ai.request.model",
        "gen_ai.usage.x",
    ],
    *[f"gen_ai.usage.{kind}.cache_read.input_tokens" for kind in ("text", "audio")],
    *[f"gen_ai.usage.{kind}.input_tokens" for kind in ("text", "audio", "image")],
    *["gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.total_tokens", "gen_ai.response.service_tier"],
]


MODEL = {
    "mode": "chat",
    "litellm_provider": "openai",
    "input_cost_per_token": "0.0000025",
    "output_cost_per_token": "0.00001",
    "cache_read_input_token_cost": "0.00000125",
    "input_cost_per_token_above_200k_tokens": "0.000005",
    "input_cost_per_token_batches": "0.00000125",
    "provider_specific_entry": {"us": "1.1", "fast": "2.0"},
    "search_context_cost_per_query": {"search_context_size_medium": "0.014"},
    "tiered_pricing": [
        {"input_cost_per_token": "0.000001", "range": [0, "256000.0"]},
        {"input_cost_per_token": "0.000002", "range": ["256000.0", 1000000]},
    ],
    "off_peak_pricing": {
        "input_cost_per_token": "0.000001",
        "windows": [{"hours": ["16:30", "00:30"], "weekdays": [1, 2, 3]}],
    },
    "regional_processing_uplift_multiplier_eu": "1.1",
    "max_tokens": 8192,
}
LISTS = {
    "from_price_map": {"m": MODEL, "n": {"input_cost_per_token": 1, "mode": "embedding"}},
    "from_models_dev": {
        "p": {"id": "p", "models": {"m": {"cost": {"input": "3", "context_over_200k": {"input": "6"}}}}}
    },
    "from_openrouter": {"data": [{"id": "a/b", "pricing": {"prompt": "0.000003", "web_search": "0.01"}}]},
    "from_ratios": {
        "ModelRatio": {"m": "1.25"},
        "CompletionRatio": {"m": 4},
        "GroupRatio": {"default": 1},
        "ModelPrice": {"d": "0.04"},
    },
}


def prices(choices):
    """A list of prices in which a few values are others, and one request billed with what it makes."""
    reader = choices.pick(list(LISTS))
    listed = choices.bent_values(LISTS[reader])
    made = getattr(catalog, reader)(
        listed, skip=choices.data.ConsumeBool(), floats=choices.data.ConsumeBool()
    )
    catalog.thresholds(made)
    catalog.request({"input_tokens": choices.data.ConsumeIntInRange(0, 10**6)}, made, "2026-11-02T17:00:00Z")
    if reader == "from_price_map":
        catalog.refused_in_price_map(listed)


SLURM = [
    *["JobID", "JobIDRaw", "Account", "State", "Start", "End", "ElapsedRaw", "Suspended", "AllocTRES"],
    *["Submit", "CPUTimeRAW", "Restarts", "X"],
]
SLURM_ATOMS = [
    *["1", "1_[2-5]", "1.batch", "acme", "COMPLETED", "RUNNING", "REQUEUED", "CANCELLED by 0", "Unknown"],
    *["1795948656", "1795948683", "2026-11-29T10:00:00", "00:00:17", "1-00:00:00", "None", "", "-1", "10"],
    *["cpu=1,gres/gpu:h100=2,gres/gpu=2", "billing=4", "gres/gpu=", "gres/gpu:a100=1,gres/gpu:h100=1"],
]
CONDOR = [
    *["ClusterId", "ProcId", "JobStatus", "RequestGpus", "RemoteWallClockTime", "CumulativeSuspensionTime"],
    *["AccountingGroup", "JobStartDate", "CompletionDate", "Owner", "GPUsProvisioned", "x"],
]


def jobs(choices):
    """Reports of Slurm and HTCondor: tables, JSON and long lists of attributes, some of them well formed."""
    if choices.data.ConsumeBool():
        columns = [name for name in SLURM if choices.data.ConsumeIntInRange(0, 60)]
        rows = [[choices.pick(SLURM_ATOMS) for _ in columns] for _ in range(choices.pick([0, 1, 2, 5]))]
        mark = choices.pick(["|", ";;", ",", "\t"])
        report = "\n".join(mark.join(row) for row in [columns, *rows])
        month = Period("2026-11-01", "2026-12-01") if choices.data.ConsumeBool() else None
        found = events.read_sacct(report, month, cpu_jobs=choices.data.ConsumeBool())
    elif choices.data.ConsumeBool():
        keys = [
            "jobs",
            "job_id",
            "time",
            "start",
            "end",
            "elapsed",
            "suspended",
            "tres",
            "allocated",
            "state",
        ]
        keys += ["type", "name", "count", "current", "account", "number", "set", "infinite", "array"]
        found = events.read_sacct(json.dumps({"jobs": [plain(choices.mapping(keys, 5)) for _ in range(2)]}))
    else:
        ads = [choices.mapping(CONDOR) for _ in range(choices.data.ConsumeIntInRange(0, 3))]
        given = "\n\n".join("\n".join(f"{name} = {value}" for name, value in ad.items()) for ad in ads)
        suspended = choices.pick(["billed", "free", "x"])
        found = events.read_condor(choices.pick([ads, given, json.dumps(plain(ads))]), suspended=suspended)
    assert all(job.gpu_seconds >= 0 for job in found)


def sums(choices):
    """What is decided before usage is summed: counters, rises, free windows, brackets, GPU-seconds."""
    numbers = [choices.pick(ATOMS) for _ in range(choices.data.ConsumeIntInRange(0, 5))]
    function = choices.pick([events.counter, events.rises, events.free_window, events.gpu_seconds])
    if function is events.gpu_seconds:
        numbers = [tuple(numbers), *numbers]
    if function is events.free_window:
        function(numbers, free_events=choices.pick(ATOMS), free_amount=choices.pick(ATOMS))
    else:
        function(numbers)


def report(choices):
    """A provider's report beside records of our own: parts that add up, or an error of ours."""
    keys = ["day", "model", "amount", "cost", "input_tokens", "output_tokens", "BilledCost", "x"]
    ours = [choices.mapping(keys, 1) for _ in range(choices.data.ConsumeIntInRange(0, 3))]
    theirs = [choices.mapping(keys, 1) for _ in range(choices.data.ConsumeIntInRange(0, 3))]
    prices = PriceSchedule(input_tokens="0.000002", output_tokens="0.00001")
    by = choices.pick([("day", "model"), ("model",), (), "day"])
    for difference in catalog.reconcile(ours, theirs, by, prices=prices).differences:
        assert sum(part for _, part in difference.parts) == difference.difference
    payloads.read_costs(theirs)


HARNESSES = {
    each.__name__: each
    for each in (
        *(event, batch, payload, answer, pieces, log, plan, text, bill, rows),
        *(prices, jobs, sums, report),
    )
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("harness", choices=HARNESSES)
    parser.add_argument("--seconds", type=int, default=60, help="how long; 0 is without end")
    parser.add_argument("--slowest", type=float, default=10, help="CPU seconds that one input may take")
    given = parser.parse_args()
    harness = HARNESSES[given.harness]

    def once(data):
        told, start = "", process_time()
        try:
            harness(Choices(data))
        except TokenbillError as error:
            told = str(error)
        assert len(told) <= 500, told
        # its own time: on a busy machine an input waits for others, and that is no fault of it
        assert process_time() - start <= given.slowest, "too slow"

    limits = [f"-max_total_time={given.seconds}", "-max_len=4096", "-timeout=120", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *limits], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
