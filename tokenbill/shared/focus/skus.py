"""What FOCUS calls the things that are billed: service, SKU, units, by meter or kind of charge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from tokenbill.core.base.hashing import content_hash
from tokenbill.core.base.inputs import is_mapping, name, pairs_of
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.errors import InvalidName

__all__ = ["SUBCATEGORIES", "Details", "Sku", "sku_of", "skus_of"]

Details: TypeAlias = "tuple[tuple[str, str | int | Decimal | bool], ...]"
Scalar: TypeAlias = "str | int | Decimal | bool"

KINDS = ("fee", "minimum", "credits")
"""What is billed without a meter, by the name that a table of SKUs may give it."""
FOCUS_DETAILS = {"GpuCount": int, "InstanceType": str, "InstanceSeries": str, "CoreCount": int}
"""Details that FOCUS itself defines, beside MemorySize; all others begin with ``x_``."""
LABELS = {"gpu": "InstanceSeries", "model": "x_ModelId"}
CACHED = {"read": "Read", "write": "Write"}
UNITS = {"calls": "Requests", "requests": "Requests"}
ACRONYMS = {"gpu": "GPU", "cpu": "CPU", "tpu": "TPU", "api": "API", "gb": "GB", "llm": "LLM"}
LONGEST = 255
GENERATIVE, LEARNING = "Generative AI", "Machine Learning"
AI, OTHER = "AI and Machine Learning", "Other"

_SERVICES = """AI and Machine Learning: AI Platforms, Bots, Generative AI, Machine Learning,
 Natural Language Processing
Analytics: Analytics Platforms, Business Intelligence, Data Processing, Search, Streaming Analytics
Business Applications: Productivity and Collaboration
Compute: Containers, End User Computing, Quantum Compute, Serverless Compute, Virtual Machines
Databases: Caching, Data Warehouses, Ledger Databases, NoSQL Databases, Relational Databases,
 Time Series Databases
Developer Tools: Developer Platforms, Continuous Integration and Deployment, Development Environments,
 Source Code Management, Quality Assurance
Identity: Identity and Access Management
Integration: API Management, Messaging, Workflow Orchestration
Internet of Things: IoT Analytics, IoT Platforms
Management and Governance: Architecture, Compliance, Cost Management, Data Governance, Disaster Recovery,
 Endpoint Management, Observability, Support
Media: Content Creation, Gaming, Media Streaming, Mixed Reality
Migration: Data Migration, Resource Migration
Mobile:
Multicloud: Multicloud Integration
Networking: Application Networking, Content Delivery, Network Connectivity, Network Infrastructure,
 Network Routing, Network Security
Security: Secret Management, Security Posture Management, Threat Detection and Response
Storage: Backup Storage, Block Storage, File Storage, Object Storage, Storage Platforms
Web: Application Platforms
Other:"""


SUBCATEGORIES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        category: (*(part.strip() for part in parts.split(",") if part.strip()), f"Other ({category})")
        for category, _, parts in (line.partition(":") for line in _SERVICES.replace(",\n", ",").splitlines())
    }
)
"""The subcategories of services by category."""


def _text(value: Any) -> str | None:
    return None if value is None else name(value, what="text of a SKU")


def _details(value: Any) -> Details:
    pairs = pairs_of(value)
    if pairs is None:
        raise InvalidName("details that are no mapping", value, 'give names and values: {"GpuCount": 8}')
    details: list[tuple[str, Scalar]] = []
    for key, item in pairs:
        is_known = isinstance(key, str) and (key in (*FOCUS_DETAILS, "MemorySize") or key.startswith("x_"))
        if not is_known:
            raise InvalidName("a detail that FOCUS does not define", key, "begin its name with x_")
        is_number = isinstance(item, bool | int | Decimal)
        scalar = item if is_number else name(item, what="detail of a price")
        details.append((name(key, what="detail of a price"), scalar))
    return tuple(sorted(details))


def _ids(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = pairs_of(value)
    if pairs is None:
        raise InvalidName("ids that are no mapping", value, 'give ids by tier: {"": "gpu-h100-usd-2026"}')
    return tuple(sorted((name(key, what="tier", empty=True), name(item, what="id")) for key, item in pairs))


@frozen(repr=False)
class Sku(Value):
    """What FOCUS is to call a meter, or a kind of charge; what is left out follows from the meter's name.

    Args:
        service: ServiceName.
        category: ServiceCategory, a value that FOCUS allows.
        subcategory: ServiceSubcategory, one of that category.
        id: SkuId.
        meter: SkuMeter: what is counted, in words.
        unit: ConsumedUnit: plural and capitalised, such as ``Hours``.
        details: SkuPriceDetails: names of FOCUS such as ``GpuCount``, or that begin with ``x_``.
        price_ids: SkuPriceId by what a line says after its meter: ``""``, ``"tier 1: 0 to 1000"``.

    Raises:
        InvalidName: For a category or a name that FOCUS does not know, and for what is not text.

    >>> Sku(
    ...     service="GPU Compute", category="Compute", subcategory="Virtual Machines"
    ... ).unit is None
    True
    """

    service: str | None = field(default=None, converter=_text)
    category: str | None = field(default=None, converter=_text)
    subcategory: str | None = field(default=None, converter=_text)
    id: str | None = field(default=None, converter=_text)
    meter: str | None = field(default=None, converter=_text)
    unit: str | None = field(default=None, converter=_text)
    details: Details = field(default=(), converter=_details)
    price_ids: tuple[tuple[str, str], ...] = field(default=(), converter=_ids)

    def __attrs_post_init__(self) -> None:
        if self.category is not None and self.category not in SUBCATEGORIES:
            raise InvalidName(
                "not a category of services", self.category, f"give one of {list(SUBCATEGORIES)}"
            )
        category = self.category or AI
        if self.subcategory is not None and self.subcategory not in SUBCATEGORIES[category]:
            way_out = f"give one of {list(SUBCATEGORIES[category])}"
            raise InvalidName(f"not a subcategory of {category}", self.subcategory, way_out)


def skus_of(value: Any) -> dict[str, Sku]:
    """SKUs by kind of charge or by meter, whose labels a billed meter must have.

    Raises:
        InvalidName: For anything but a mapping to SKUs.
        InvalidMeter: For a key that is neither a kind nor a meter.
    """
    if not is_mapping(value) or not all(isinstance(sku, Sku) for sku in value.values()):
        raise InvalidName("not SKUs by meter", value, 'give a mapping: {"gpu_hours": Sku(unit="Hours")}')
    return {key if key in KINDS else Meter(key): sku for key, sku in value.items()}


def sku_of(kind: str, meter: Meter | None, text: str, skus: Mapping[str, Sku]) -> Sku:
    """The SKU of a charge with nothing left out: what the table says of it, else what its name suggests."""
    # The entry with the most labels wins, as in a schedule: a meter must have all of them.
    own = Sku() if meter is not None else skus.get(kind, Sku())
    if meter is not None:
        fitting = [key for key in skus if isinstance(key, Meter) and key.includes(meter)]
        own = skus[max(fitting, key=lambda key: (len(key.labels), key))] if fitting else own

    suggested = _sku_of_kind(kind, text) if meter is None else _sku_of_meter(meter)
    names = ("service", "category", "subcategory", "id", "meter", "unit")
    texts = {name: value for name in names if (value := getattr(own, name)) is not None}
    if own.category is not None and own.subcategory is None:
        texts["subcategory"] = SUBCATEGORIES[own.category][-1]
    details = tuple(sorted({**dict(suggested.details), **dict(own.details)}.items()))
    return evolve(suggested, **texts, details=details, price_ids=own.price_ids)


def _sku_of_kind(kind: str, text: str) -> Sku:
    """What a charge without a meter is called."""
    # FOCUS has no null in these columns, so rows without a meter, taxes too, need a service.
    if kind == "fee":
        return Sku("Subscription", AI, GENERATIVE, _short(f"fee {text}"), text, "Units")
    if kind == "minimum":
        return Sku("Minimum commitment", AI, GENERATIVE, "minimum", "Commitment Shortfall", "Units")
    if kind == "credits":
        return Sku("Prepaid Credits", AI, GENERATIVE, f"credits {text}", "Credits", "Credits")
    if kind == "usage":
        return Sku("Usage", AI, GENERATIVE, text, text, "Units")
    service = "Tax" if kind == "tax" else "Billing"
    return Sku(service, OTHER, "Other (Other)", kind, kind, "Units")


def _sku_of_meter(meter: Meter) -> Sku:
    """What the name of a meter suggests: ``gpu_hours`` are GPU Hours, in Hours, of a GPU Compute service."""
    words = meter.name.replace(".", "_").replace("-", "_").split("_")
    title = " ".join(ACRONYMS.get(word.lower(), word[:1].upper() + word[1:]) for word in words if word)
    is_gpu, last = words[0].lower() in ("gpu", "tpu"), words[-1].lower()
    service = "GPU Compute" if is_gpu else "LLM API" if words[-1] == "tokens" else title
    unit = UNITS.get(last, last.capitalize() if len(last) > 2 and last.endswith("s") else "Units")
    if words[0].lower() == "gb" and last == "hours":
        unit = "GB-Hours"

    details: dict[str, Scalar] = {
        LABELS.get(label, _short(f"x_{label}")): value
        for label, value in meter.labels.items()
        if label != "cache"
    }
    # FOCUS 1.5 names direction and cache of tokens; in 1.2 they are details of our own, never left out.
    cache = meter.labels.get("cache")
    if meter.name in ("input_tokens", "output_tokens"):
        details["x_TokenDirection"] = "Input" if meter.name == "input_tokens" else "Output"
        details["x_TokenCacheAction"] = CACHED.get(cache, "Other") if cache else "Uncached"
    elif "cache" in meter.labels:
        details["x_cache"] = meter.labels["cache"]
    subcategory = LEARNING if is_gpu else GENERATIVE
    return Sku(service, AI, subcategory, _short(str(meter)), title, unit, details)


def _short(text: str) -> str:
    """A text as long as an id may be; of a longer one its start, and what tells it from others."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 17]} {content_hash(text)[:16]}"
