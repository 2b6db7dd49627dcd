"""Languages: what a page says, and how it writes names, quantities, rates, amounts and dates, in each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import Exact, rounded
from tokenbill.core.periods.period import Period
from tokenbill.core.rating.lines import Charge
from tokenbill.errors import InvalidName

__all__ = ["LANGUAGES", "MINUS", "Words", "amount_text", "words_of"]

MINUS: Final = "\u2212"
"""A minus as wide as a plus; a hyphen is short, and breaks a line."""
BEYOND: Final = 4
"""Most decimals of an amount beyond those of its currency."""
OF_RATES: Final = 10
"""The same of a rate: prices of single tokens have many."""
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
UNITS: Final = {"seconds": "s", "minutes": "min", "hours": "h"}
"""How a quantity is written whose meter ends in such a word."""
TIMES: Final = {("s", 60): "minute", ("s", 3600): "hour", ("s", 86400): "day", ("min", 60): "hour"}
"""What so many units of time are called."""
NUMBER: Final = re.compile(r"(?<![\w.])\d{4,}(?![\w])")
"""Whole numbers of a text that are read better in groups of three."""
TOKENS: Final = re.compile(r"\(?-?[\d.]+ (\S+), of which ")
"""How the rule of a line begins that is priced in tokens."""
OURS: Final = "^(subscription|maximum|true-up to minimum|billed before|tokens)$"
"""What bills call charges that nobody named."""
ACRONYMS: Final = frozenset(("api", "cpu", "gpu", "llm", "tpu", "ram", "sms", "vcpu"))


def amount_text(amount: Exact, places: int, *, beyond: int = BEYOND) -> str:
    """An amount as people read it: thousands apart, and about, where it has more decimals than are shown.

    >>> (
    ...     amount_text(Decimal("5.60525175"), 2),
    ...     amount_text(Decimal(-14), 2),
    ...     amount_text(Fraction(1, 3), 2),
    ... )
    ('≈ 5.605252', '−14.00', '≈ 0.333333')
    """
    size, most = abs(Fraction(amount)), places + beyond
    # A call may cost a millionth of a cent: zeros alone would say that it is free.
    while 0 < size * 2 < Fraction(1, 10**most):
        most += BEYOND
    # Half up, as a clerk rounds; what is shown is for reading, no sum is ever made of it.
    units = size * 10**most
    whole = int(rounded(units, "half_up"))
    number, decimals = divmod(whole, 10**most)
    after = f"{decimals:0{most}d}" if most else ""
    if whole == units:  # all of it is shown, and no zeros behind it but the currency's
        after = after[:places] + after[places:].rstrip("0")
    sign = MINUS if amount < 0 else ""
    return f"{'' if whole == units else '≈ '}{sign}{number:,}{'.' if after else ''}{after}"


Dictionary: TypeAlias = "tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]"
"""What bills say, as patterns, and what a page says for it."""


class Words(NamedTuple):
    """What a page says in one language; ``dictionary`` translates what bills say of charges."""

    lang: str
    invoice: str
    credit_note: str
    correction: str
    number: str
    issued: str
    issuer: str
    customer: str
    period: str
    currency: str
    description: str
    quantity: str
    rate: str
    amount: str
    net: str
    total: str
    paid: str
    kept: str
    due: str
    credit: str
    before: str
    nothing: str
    grant: str
    drawn: str
    left: str
    ends: str
    never: str
    notes: str
    rounding: str
    comma: str
    per: str
    many: str
    units: MappingProxyType[str, str]
    started: MappingProxyType[str, str]
    times: MappingProxyType[str, str]
    dictionary: Dictionary

    def said(self, text: str) -> str:
        """What a bill says of a charge, in this language; names that a user gave stay as they are."""
        for english, here in self.dictionary:
            text = re.sub(english, here, text)
        return text

    def charge(self, charge: Charge, names: Mapping[str, str]) -> str:
        """What a line is for, by the names that it was given, else in words."""
        meter, text = charge.meter, charge.description
        if text in names:
            return names[text]
        if meter is None:
            return self.said(text)
        title = names.get(meter) or self.meter(meter, names.get(meter.name))
        # what follows the meter is ours, and so are the numbers in it; a label may be a model's number
        rest = self.said(text.removeprefix(meter)).replace(", ", self.comma)
        return title + NUMBER.sub(lambda found: f"{int(found[0]):,}", rest)

    def meter(self, meter: Meter, title: str | None = None) -> str:
        """A meter in words, its labels behind it; *title* in place of its name."""
        words = meter.name.replace("_", " ").replace(".", " ").split()
        spaced = " ".join(word.upper() if word in ACRONYMS else word for word in words)
        pairs = (f"{key.replace('_', ' ')} {value}" for key, value in meter.labels.items())
        labels = "".join(f"{self.comma}{self.said(pair)}" for pair in pairs)
        name = title or self.said(spaced)
        return f"{name[:1].upper()}{name[1:]}{labels}"

    def quantity_text(self, charge: Charge, quantity: Decimal | None) -> str:
        """A quantity with its unit; a fee for part of a period says which part."""
        if quantity is None or (charge.kind == "fee" and quantity == 1):
            return ""
        if charge.kind == "fee" and (part := re.match(r"\d+/\d+", charge.rule)):
            return part[0]
        sign, unit = MINUS if quantity < 0 else "", self.units.get(unit_of(charge), "")
        # Where prices are in tokens, a line counts these, and not what its meter is named after
        if charge.rate is None and (tokens := TOKENS.match(charge.rule)):
            unit = tokens[1]
        return f"{sign}{abs(quantity):,f} {unit}".rstrip()

    def rate_text(self, charge: Charge, places: int) -> str:
        """A rate as people quote it: so much for an hour, a million, a started package."""
        if charge.rate is None or (charge.kind == "fee" and not charge.rule):
            return ""  # the amount says it all
        rate = amount_text(charge.rate, places, beyond=OF_RATES)
        per = charge.per
        if per is not None and (per != 1 or charge.round != "none"):
            time = TIMES.get((unit_of(charge), int(per) if per == int(per) else 0))
            many = self.times[time] if time and charge.round == "none" else self.many.format(per)
            rate = self.per.format(rate=rate, per=self.started[charge.round].format(many))
        return f"{amount_text(charge.fee, places)} + {rate}" if charge.fee else rate

    def period_text(self, period: Period) -> str:
        """A period by its first and its last day, both counted; one of instants by its ends."""
        start, end = period.start, period.end
        zone = ""
        if isinstance(start, datetime) and isinstance(end, datetime):
            zone = f" ({start.tzinfo})"
            if start.time() != end.time() or start.hour or start.minute or start.second:
                return f"{self.day(start)} – {self.day(end)}{zone}"
            start, end = start.date(), end.date()
        # An end is the first moment after; people say the last day, and read "to the 1st" as one day more.
        return self._days(start, max(start, end - timedelta(days=1))) + zone

    def day(self, day: date) -> str:
        """A date, or an instant to the minute."""
        if isinstance(day, datetime):
            return f"{self._days(day.date(), day.date())}, {day:%H:%M}"
        return self._days(day, day)

    def last_day(self, end: date) -> str:
        """The last day on which something holds that is gone at *end*."""
        return self.day(end if isinstance(end, datetime) else end - timedelta(days=1))

    def _days(self, first: date, last: date) -> str:
        # A year or a month that both days share is said once: before in Chinese, behind in English.
        if self.lang != "en":
            ahead = f"{first.year}年{first.month}月{first.day}日"
            year = "" if last.year == first.year else f"{last.year}年"
            return ahead if first == last else f"{ahead}至{year}{last.month}月{last.day}日"
        until = f"{last.day} {MONTHS[last.month - 1]} {last.year}"
        if first == last:
            return until
        month = "" if (first.year, first.month) == (last.year, last.month) else f" {MONTHS[first.month - 1]}"
        return f"{first.day}{month}{'' if first.year == last.year else f' {first.year}'} to {until}"


def unit_of(charge: Charge) -> str:
    """The unit of time that a line counts in; none once its quantity was converted."""
    # Converted seconds are no seconds any more, and what they became has no name of its own.
    if charge.meter is None or "quantity" in charge.description.removeprefix(str(charge.meter)):
        return ""
    return UNITS.get(charge.meter.name.rpartition("_")[2], "")


def capitalized(found: re.Match[str]) -> str:
    """What was found, as a title."""
    return found[0].capitalize()


ENGLISH = Words(
    lang="en",
    invoice="Invoice",
    credit_note="Credit note",
    correction="Correction",
    number="Number",
    issued="Date",
    issuer="From",
    customer="To",
    period="Period",
    currency="Currency",
    description="Description",
    quantity="Quantity",
    rate="Rate",
    amount="Amount",
    net="Net",
    total="Total",
    paid="Paid from credit",
    kept="Added to the credit balance",
    due="Due",
    credit="Credit",
    before="Billed before",
    nothing="Nothing was used",
    grant="Credit",
    drawn="Used",
    left="Left",
    ends="Valid until",
    never="no end",
    notes="Notes",
    rounding="Rounded to {places} decimals",
    comma=", ",
    per="{rate} per {per}",
    many="{:,f}",
    units=MappingProxyType({"s": "s", "min": "min", "h": "h"}),
    started=MappingProxyType(
        {"none": "{}", "up": "started {}", "down": "full {}", "half_up": "half used {}"}
    ),
    times=MappingProxyType({"minute": "minute", "hour": "hour", "day": "day"}),
    dictionary=(
        # The order counts: a rule may change what a later one would have found.
        (r"^credit (?=.)", "Credit "),
        (OURS, capitalized),
        (r"^cache read$", "from cache"),
        (r"^cache write$", "into cache"),
        (r"^modality (?=.)", ""),
    ),
)
CHINESE = Words(
    lang="zh-CN",
    # a fapiao (发票) is issued through the tax authority alone; what a seller sends is a bill
    invoice="账单",
    credit_note="贷项通知单",
    correction="更正账单",
    number="编号",
    issued="日期",
    issuer="销售方",
    customer="购买方",
    period="计费周期",
    currency="币种",
    description="项目",
    quantity="数量",
    rate="单价",
    amount="金额",
    net="净额",
    total="合计",
    paid="额度抵扣",
    kept="转入账户余额",
    due="应付",
    credit="贷项",
    before="此前已计",
    nothing="本期无用量",
    grant="额度",
    drawn="已用",
    left="剩余",
    ends="有效期至",
    never="长期",
    notes="说明",
    rounding="舍入到 {places} 位小数",
    comma="，",
    per="每{per}：{rate}",
    many=" {:,f}",
    units=MappingProxyType({"s": "秒", "min": "分钟", "h": "小时"}),
    started=MappingProxyType(
        {"none": "{}", "up": "{}（不足也计）", "down": "{}（满才计）", "half_up": "{}（四舍五入）"}
    ),
    times=MappingProxyType({"minute": "分钟", "hour": "小时", "day": "天"}),
    dictionary=(
        (r"^subscription$", "订阅费"),
        (r"^([\d.]+) % off$", r"优惠 \1%"),
        (r"^([\d.]+) off$", r"减免 \1"),
        (r"^maximum$", "封顶减免"),
        (r"^true-up to minimum$", "补足最低消费"),
        (r"^billed before$", "此前已计"),
        (r"^credit (?=.)", "赠送额度 "),
        (r", included in prices$", "（已含在价格内）"),
        (r"(?<=, )included\b", "包含额度"),
        (r"tier (\d+): ([\d.]+) to ([\d.]+)", r"第 \1 档：\2 至 \3"),
        (r"tier (\d+): any quantity", r"第 \1 档：任意数量"),
        (r"tier (\d+): above ([\d.]+)", r"第 \1 档：\2 以上"),
        (r"\bflat fee\b", "固定费用"),
        (r"\bat most ", "最多 "),
        (r"\bat least ", "最少 "),
        (r"\bon the amount before\b", "按前项金额"),
        (r"\bquantity\b", "数量"),
        (r"\bhalf up\b", "四舍五入"),
        (r"(?<=\d) up\b", " 向上取整"),
        (r"(?<=\d) down\b", " 向下取整"),
        (r"^input tokens$", "输入词元"),
        (r"^output tokens$", "输出词元"),
        (r"^tokens$", "词元"),
        (r"^API calls$", "API 调用"),
        (r"^calls$", "调用"),
        (r"^requests$", "请求"),
        (r"^GPU hours$", "GPU 小时"),
        (r"^GPU minutes$", "GPU 分钟"),
        (r"^GPU seconds$", "GPU 秒"),
        (r"^hours$", "小时"),
        (r"^storage$", "存储"),
        (r"^images$", "图像"),
        (r"^seats$", "席位"),
        (r"^embeddings$", "向量"),
        (r"^characters$", "字符"),
        (r"^CPU hours$", "CPU 小时"),
        (r"^minutes$", "分钟"),
        (r"^seconds$", "秒"),
        (r"^model (?=.)", "模型 "),
        (r"^region (?=.)", "地区 "),
        (r"^cache read$", "缓存读取"),
        (r"^cache write$", "缓存写入"),
        (r"^modality audio$", "音频"),
        (r"^modality image$", "图像"),
        (r"^modality video$", "视频"),
        (r"^grant (.+) ended inside the period$", r"额度 \1 在计费周期内到期"),
        (r"^other terms from (\S+) on$", r"自 \1 起适用新条款"),
        (r"^other terms, the past is the same$", "条款已变更，此前计费不变"),
        (r"^converted from (\S+) to (\S+) at (.+)$", r"由 \1 换算为 \2，汇率 \3"),
    ),
)
LANGUAGES: Final = MappingProxyType({"en": ENGLISH, "zh": CHINESE})


def words_of(lang: object) -> Words:
    """The words of a language by its code.

    Raises:
        InvalidName: If no page is written in it.
    """
    if not isinstance(lang, str) or lang not in LANGUAGES:
        raise InvalidName("not a language of pages", lang, f"choose one of {', '.join(LANGUAGES)}")
    return LANGUAGES[lang]
