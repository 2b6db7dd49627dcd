"""Errors of the command line in Chinese: what is wrong, the value, and the way out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from tokenbill.errors import BalanceExhausted, TokenbillError, UnpricedUsage, UnreadableRow

__all__ = ["in_language", "language_of"]

SAID: Final = MappingProxyType(
    {
        "invalid_number": ("不是可用的数字", '请写整数或小数的各位数字，例如 "0.1"'),
        "invalid_name": ("不是可用的名字", "请写 1 至 255 个字符，不含控制字符"),
        "invalid_currency": ("不是可用的货币", "请写 ISO 4217 代码，例如 USD"),
        "invalid_rounding": ("不是可用的舍入方式", "请改用说明中的一种"),
        "invalid_meter": ("不是可用的计量项", '请写名字，例如 "gpu_hours" 或 "gpu_hours{gpu=H100}"'),
        "invalid_usage": ("不是可用的用量", "请给出计量项和不为负的数量"),
        "invalid_price": ("不是可用的价格", "请写不为负的单价，例如 0.10"),
        "invalid_schedule": ("不是可用的价目表", "请检查价目表文件"),
        "invalid_plan": ("不是可用的套餐", "请检查套餐文件"),
        "invalid_period": ("不是可用的周期", "请写起止，例如 2026-11-01/2026-12-01"),
        "invalid_grant": ("不是可用的额度", "请检查额度"),
        "invalid_account": ("不是可用的账户", "请给出上一张账单的期末账户"),
        "unreadable_input": ("无法读取的输入", "请检查文件"),
    }
)
"""What each code says, and what to do."""


def language_of(argv: Sequence[str] | None, given: Sequence[str]) -> str:
    """The language to complain in, before or without the other arguments being read."""
    words = list(given if argv is None else argv)
    for place, word in enumerate(words):
        if word == "--lang" and words[place + 1 : place + 2] in (["en"], ["zh"]):
            return words[place + 1]
        if word in ("--lang=en", "--lang=zh"):
            return word[-2:]
    settings = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, settings), "").lower().startswith("zh") else "en"


def in_language(error: object, language: str) -> object:
    """An error of ours in a language; what has no words in it stays as it is."""
    if language != "zh" or not isinstance(error, TokenbillError):
        return OTHERS.get(str(error), error) if language == "zh" else error
    if isinstance(error, UnpricedUsage):
        return f"计量项没有价格：{error.meter}；价目表里有 {'、'.join(error.priced)}；免费请写 0"
    if isinstance(error, BalanceExhausted):
        return f"余额还差 {error.short:f} {error.currency}；请增加额度，或允许超出部分出账"
    found: Any = error
    if isinstance(error, UnreadableRow):
        column = f"、{found.column} 列" if found.column else ""
        return f"{found.file} 第 {found.line} 行{column}：无法读取 {found.value}"
    if error.code not in SAID or not hasattr(error, "value"):
        return error
    what, way_out = SAID[error.code]
    return f"{what}：{found.value}；{way_out}"


OTHERS: Final = MappingProxyType(
    {
        "the input ended before the last answer": "在最后一个回答之前输入就结束了",
        "interrupted": "已中断",
    }
)
"""What is said of no value."""
