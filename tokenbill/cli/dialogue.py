"""The dialogue of the command line: four questions, and a bill, in English or Chinese."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

from tokenbill.cli.chinese import in_language
from tokenbill.core.base.tables import digits, text_table
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import TokenbillError

__all__ = ["dialogue"]

Ask: TypeAlias = Callable[[str], str]
Say: TypeAlias = Callable[[str], object]
Value = TypeVar("Value")


class Words(NamedTuple):
    """What the dialogue says, in one language."""

    opening: str
    hours: str
    calls: str
    hour_price: str
    call_price: str
    again: str
    header: tuple[str, str, str, str]
    rounding: str
    total: str


WORDS = {
    "en": Words(
        "Four questions, and you have a bill. Ctrl-C ends.",
        "GPU hours",
        "API calls",
        "Price of a GPU hour, in USD",
        "Price of an API call, in USD",
        "Please try again",
        ("description", "quantity", "rate", "amount"),
        "rounding",
        "Total",
    ),
    "zh": Words(
        "回答四个问题，即可得到账单。按 Ctrl-C 退出。",
        "GPU 小时数",
        "API 调用次数",
        "每 GPU 小时价格（美元）",
        "每次 API 调用价格（美元）",
        "输入有误，请重新输入",
        ("项目", "数量", "单价", "金额"),
        "舍入",
        "合计 Total",
    ),
}


def dialogue(language: str, *, ask: Ask, say: Say) -> None:
    """Ask for usage and prices until they make sense, and say what is owed.

    >>> answers = iter(["10", "1000", "0.1", "0.01"])
    >>> dialogue("en", ask=lambda question: next(answers), say=print)
    Four questions, and you have a bill. Ctrl-C ends.
    <BLANKLINE>
    description  quantity  rate  amount
    -----------  --------  ----  ------
    api_calls        1000  0.01   10.00
    gpu_hours          10   0.1     1.0
    Total: $11.00
    """
    words = WORDS[language]

    def answer(question: str, read: Callable[[str], Value]) -> Value:
        while True:
            try:
                return read(ask(f"{question}: ").strip())
            except TokenbillError as error:
                say(f"{words.again}: {in_language(error, language)}")

    say(words.opening)
    usage = answer(words.hours, lambda text: Usage(gpu_hours=text))
    usage += answer(words.calls, lambda text: Usage(api_calls=text))
    hour, call = answer(words.hour_price, PerUnit), answer(words.call_price, PerUnit)
    bill = Bill.of(usage, BillingPlan.on_demand(PriceSchedule(gpu_hours=hour, api_calls=call)))
    rows = [
        (
            words.rounding if line.kind == "rounding" else line.description,
            digits(line.quantity),
            digits(line.rate),
            digits(line.amount),
        )
        for line in bill.lines
    ]
    table = text_table(words.header, rows, numbers=(1, 2, 3))
    say(f"\n{table}\n{words.total}: {bill.plan.currency.format(bill.total)}")
