"""Pages: what a customer sees of a bill, and how it is written."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from tests.support.pages import cells, head
from tokenbill import (
    Account,
    Adjustment,
    Bill,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Flat,
    Graduated,
    Grant,
    Invoice,
    Package,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
)
from tokenbill.core.billing.languages import LANGUAGES, amount_text
from tokenbill.core.billing.page import LONGEST_ADDRESS, PLACES
from tokenbill.errors import InvalidCurrency, InvalidName, InvalidPeriod

OCTOBER = Period("2026-10-01", "2026-11-01")
PRICES = PriceSchedule(
    {
        "input_tokens{model=large}": PerUnit("1.75", per=1_000_000),
        "input_tokens{cache=read,model=large}": PerUnit("0.175", per=1_000_000),
        "gpu_seconds": PerUnit("0.10", per=3600),
    }
)
PLAN = BillingPlan(PRICES, fees=[Fee(20)], discounts=[Discount.percent(10)], taxes=[Tax("VAT", 19)])
USED = Usage(
    {
        "input_tokens{model=large}": 3_203_001,
        "input_tokens{cache=read,model=large}": 1_250_000,
        "gpu_seconds": 1734,
    }
)
NAMES = {
    "input_tokens{model=large}": "GPT large, input",
    "input_tokens{model=large, cache=read}": "GPT large, input from cache",
    "gpu_seconds": "GPU",
}
PAID = Account(balance=[Grant("ahead", 5, "USD", expires="2027-01-01")])
INVOICE = Bill.of(USED, PLAN, period=OCTOBER, opening=PAID)
CALLS = BillingPlan.on_demand(PriceSchedule(api_calls="0.01"))


def test_an_invoice_shows_lines_sums_and_what_credit_paid():
    rows = cells(INVOICE.to_html(names=NAMES))

    # 20 + 0.0481666… + 0.21875 + 5.60525175 = 25.8721684166…, less a tenth 23.284951575, in cents 23.28;
    # 19 % of 23.284951575 is 4.42, together 27.70, of which 5.00 are paid
    assert rows == [
        ("Description", "Quantity", "Rate", "Amount"),
        ("Subscription", "", "", "20.00"),
        ("GPU", "1,734 s", "0.10 per hour", "≈ 0.048167"),
        ("GPT large, input from cache", "1,250,000", "0.175 per 1,000,000", "0.21875"),
        ("GPT large, input", "3,203,001", "1.75 per 1,000,000", "≈ 5.605252"),
        ("10 % off", "", "", "≈ −2.587217"),
        ("Rounded to 2 decimals", "", "", "≈ −0.004952"),
        ("Net", "23.28"),
        ("VAT 19 %", "4.42"),
        ("Total", "27.70 USD"),
        ("Paid from credit", "5.00"),
        ("Due", "22.70 USD"),
        ("Credit", "Used", "Left", "Valid until"),
        ("ahead", "5.00 USD", "0.00 USD", "31 December 2026"),
    ]


def test_the_points_of_all_amounts_stand_in_one_line():
    amounts = re.findall(r'<td class="n">([^<]*\d[^<]*)<i data-pad="([^"]*)">', INVOICE.to_html())

    # what follows the point, and what is there unseen, is as long everywhere
    behind = {len(shown.partition(".")[2]) + len(pad) + ("." in shown) for shown, pad in amounts}
    assert len(amounts) == 11
    assert behind == {len(".605252 USD")}


def test_parties_number_and_dates_lead_the_page():
    html = INVOICE.to_html(
        issuer="Cloud & Co.\n1 Main Street", customer=["Acme", "Berlin"], number="7", issued="2026-11-02"
    )

    assert head(html) == {
        "From": "Cloud & Co.\n1 Main Street",
        "To": "Acme\nBerlin",
        "Number": "7",
        "Date": "2 November 2026",
        "Period": "1 to 31 October 2026",
        "Currency": "USD",
    }
    assert "<title>Invoice 7</title>" in html
    assert "<h1>Invoice</h1>" in html


def test_what_is_said_of_a_bill_names_its_customer_and_number():
    bill = Bill.of(Usage(api_calls=5), CALLS, about={"customer": "acme", "number": "12", "team": "red"})

    assert head(bill.to_html()) == {"To": "acme", "Number": "12", "Currency": "USD", "team": "red"}
    assert head(bill.to_html(customer="Acme Ltd", number="13"))["To"] == "Acme Ltd"


def test_a_chinese_page_has_the_same_digits_and_no_english_words():
    rows = cells(INVOICE.to_html(lang="zh"))

    assert rows == [
        ("项目", "数量", "单价", "金额"),
        ("订阅费", "", "", "20.00"),
        ("GPU 秒", "1,734 秒", "每小时：0.10", "≈ 0.048167"),
        ("输入词元，缓存读取，模型 large", "1,250,000", "每 1,000,000：0.175", "0.21875"),
        ("输入词元，模型 large", "3,203,001", "每 1,000,000：1.75", "≈ 5.605252"),
        ("优惠 10%", "", "", "≈ −2.587217"),
        ("舍入到 2 位小数", "", "", "≈ −0.004952"),
        ("净额", "23.28"),
        ("VAT 19 %", "4.42"),
        ("合计", "27.70 USD"),
        ("额度抵扣", "5.00"),
        ("应付", "22.70 USD"),
        ("额度", "已用", "剩余", "有效期至"),
        ("ahead", "5.00 USD", "0.00 USD", "2026年12月31日"),
    ]
    assert head(INVOICE.to_html(lang="zh", number="7")) == {
        "编号": "7",
        "计费周期": "2026年10月1日至10月31日",
        "币种": "USD",
    }


def test_a_page_says_everything_in_each_language():
    english, chinese = LANGUAGES["en"], LANGUAGES["zh"]

    assert all(english)
    assert all(chinese)
    assert english.started.keys() == chinese.started.keys()
    assert english.times.keys() == chinese.times.keys()
    assert english.units.keys() == chinese.units.keys()


def test_nothing_on_a_page_is_fetched_and_no_name_is_markup():
    name = '<img src="http://example.com/x.png"> "Ltd" & Söhne'
    bill = Bill.of(Usage({"calls": 1}), BillingPlan.on_demand(PriceSchedule(calls=1)), about={"note": name})
    html = bill.to_html(names={"calls": name}, issuer=name, customer=name, number=name)

    assert "<img" not in html
    assert html.count("&lt;img src=&quot;http://example.com/x.png&quot;&gt; &quot;Ltd&quot; &amp; Söhne") == 6
    assert "default-src 'none'" in html
    assert not re.search(r"<(link|script|img|iframe)|url\(|@import|src=\"", html)


@pytest.mark.parametrize(
    ("amount", "places", "shown"),
    [
        ("5.60525175", 2, "≈ 5.605252"),
        ("-2.58721684", 2, "≈ −2.587217"),
        ("0.21875", 2, "0.21875"),
        ("20", 2, "20.00"),
        ("0", 2, "0.00"),
        ("1234567.5", 2, "1,234,567.50"),
        ("1234", 0, "1,234"),
        ("1234.00005", 0, "≈ 1,234.0001"),
        ("0.00000012345678", 2, "≈ 0.0000001235"),
        ("0.0000005", 2, "≈ 0.000001"),
        ("-5", 2, "−5.00"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency_and_at_most_four_more(amount, places, shown):
    assert amount_text(Decimal(amount), places) == shown


def test_a_quotient_that_does_not_end_is_about():
    assert amount_text(Fraction(289, 6000), 2) == "≈ 0.048167"


def test_fewer_decimals_may_be_asked_for():
    assert ("GPU seconds", "1,734 s", "0.10 per hour", "≈ 0.05") in cells(INVOICE.to_html(places=2))
    assert ("GPU seconds", "1,734 s", "0.10 per hour", "≈ 0.0481667") in cells(INVOICE.to_html(places=7))


@pytest.mark.parametrize(("code", "total"), [("CNY", "122.28"), ("USD", "122.28"), ("JPY", "122")])
def test_every_currency_is_written_in_one_manner(code, total):
    plan = BillingPlan.on_demand(PriceSchedule(calls="0.01", currency=code))

    assert ("Total", f"{total} {code}") in cells(Bill.of(Usage(calls=12_228), plan).to_html())


def test_nothing_used_is_a_page_with_a_total_of_zero():
    assert cells(Bill.of(Usage(), CALLS).to_html())[1:] == [
        ("Nothing was used", "", "", "0.00"),
        ("Net", "0.00"),
        ("Total", "0.00 USD"),
        ("Due", "0.00 USD"),
    ]


def test_a_correction_that_gives_back_is_a_credit_note():
    billed, right = (Bill.of(Usage(api_calls=n), CALLS, about={"reason": "outage"}) for n in (1500, 1000))
    note = right - billed
    html = note.to_html(customer="acme")

    assert "<h1>Credit note</h1>" in html
    assert head(html)["Billed before"] == "15.00 USD"
    assert cells(html)[1:] == [
        ("API calls", "−500", "0.01", "−5.00"),
        ("Net", "−5.00"),
        ("Total", "−5.00 USD"),
        ("Credit", "5.00 USD"),
    ]
    assert "<h1>贷项通知单</h1>" in note.to_html(lang="zh")
    assert note.explain().splitlines() == [
        "api_calls: -500 × 0.01 = -5.00  (every unit at 0.01)",
        "total: 10.00 less 15.00 = -5.00 USD",
    ]
    assert note.to_rows()[0]["amount"] == Decimal("-5.00")
    assert note._repr_html_().count("Total: -5.00 USD") == 1
    assert "<h1>Correction</h1>" in (billed - right).to_html()


def test_a_correction_without_lines_shows_its_total():
    note = Adjustment((), Decimal("10.00"), Decimal("7.50"), "USD")

    assert cells(note.to_html())[1] == ("Correction", "", "", "−2.50")
    assert ("Total", "−1 MANA") in cells(Adjustment((), Decimal(2), Decimal(1), "MANA").to_html())


def test_a_later_bill_that_takes_back_is_a_credit_note():
    first = Bill.of(Usage(api_calls=1500), CALLS, period=OCTOBER, final=False)
    last = Bill.of(Usage(), CALLS, period=OCTOBER, opening=first.closing, reversal=Usage(api_calls=500))

    assert last.total == Decimal("-5.00")
    assert ("Credit", "5.00 USD") in cells(last.to_html())
    assert "Due" not in last.to_html()


def test_tiers_packages_and_parts_of_fees_are_written_as_people_say_them():
    prices = PriceSchedule(
        api_calls=Graduated([Tier(10_000, "0.01"), Tier(None, "0.005")]).after(1000),
        gpu_minutes=PerUnit("6").in_units(of=60),
        images=Package(1000, "5.00"),
        storage="2",
        call_hours=PerUnit(1).in_units(times=2, of=3),
        seats=PerUnit("2").capped(5),
    )
    plan = BillingPlan.subscription("62", prices, cycle=Cycle.monthly())
    used = Usage(api_calls=13_000, gpu_minutes=90, images=1001, storage="1.5", seats=9, call_hours=3)
    bill = Bill.of(used, plan, period=Period("2026-10-16", "2026-11-01"))

    assert cells(bill.to_html())[1:10] == [
        ("Subscription", "16/31", "62.00", "32.00"),
        ("API calls, included", "1,000", "0.00", "0.00"),
        ("API calls, tier 1: 0 to 10,000", "10,000", "0.01", "100.00"),
        ("API calls, tier 2: above 10,000", "2,000", "0.005", "10.00"),
        ("Call hours, quantity × 2 ÷ 3", "2", "1.00", "2.00"),
        ("GPU minutes", "90 min", "6.00 per hour", "9.00"),
        ("Images", "1,001", "5.00 per started 1,000", "10.00"),
        ("Seats, at most 5", "9", "", "5.00"),
        ("Storage", "1.5", "2.00", "3.00"),
    ]
    assert [row[0] for row in cells(bill.to_html(lang="zh"))[1:10]] == [
        "订阅费",
        "API 调用，包含额度",
        "API 调用，第 1 档：0 至 10,000",
        "API 调用，第 2 档：10,000 以上",
        "Call hours，数量 × 2 ÷ 3",
        "GPU 分钟",
        "图像",
        "席位，最多 5",
        "存储",
    ]


def test_a_tax_that_prices_contain_is_shown_and_taken_out_again():
    plan = BillingPlan.on_demand(PriceSchedule(calls="1.19"), taxes=[Tax("VAT", 19, inclusive=True)])

    # 119.00 contain 19.00
    assert cells(Bill.of(Usage(calls=100), plan).to_html())[1:] == [
        ("Calls", "100", "1.19", "119.00"),
        ("VAT, included in prices", "", "", "−19.00"),
        ("Net", "100.00"),
        ("VAT 19 %", "19.00"),
        ("Total", "119.00 USD"),
        ("Due", "119.00 USD"),
    ]


def test_a_meter_that_a_part_of_a_contract_did_not_use_has_no_row_for_it():
    contract = Contract(CALLS).amended("2026-10-16", CALLS, tiers="restart")
    dated = {"2026-10-20": Usage(api_calls=50)}

    bill = Bill.of(dated, contract, period=OCTOBER)
    assert [line.quantity for line in bill.lines] == [0, 50]
    assert [row[:2] for row in cells(bill.to_html())[1:3]] == [("API calls", "50"), ("Net", "0.50")]
    # fees and tiers of two parts stand below each other: a note says since when which terms hold
    assert "<li>other terms from 2026-10-16 on</li>" in bill.to_html()
    assert "<li>自 2026-10-16 起适用新条款</li>" in bill.to_html(lang="zh")
    # where no part used any, a row says so
    nothing = Bill.of({"2026-10-20": Usage(api_calls=0)}, contract, period=OCTOBER)
    assert cells(nothing.to_html())[1:3] == [("Nothing was used", "", "", "0.00"), ("Net", "0.00")]


def test_a_difference_of_taxes_keeps_their_rate_where_there_is_one():
    def billed(calls, percent):
        return Bill.of(
            Usage(api_calls=calls),
            BillingPlan.on_demand(PriceSchedule(api_calls="0.01"), taxes=[Tax("VAT", percent)]),
        )

    # 19 % of 15.00 less 19 % of 10.00; and 20 % of 10.00 less 19 % of as much
    assert ("VAT 19 %", "−0.95") in cells((billed(1000, 19) - billed(1500, 19)).to_html())
    assert ("VAT", "0.10") in cells((billed(1000, 20) - billed(1000, 19)).to_html())


def test_tokens_that_an_entry_cost_are_no_quantity_of_its_meter():
    token = Currency("TOKEN", places=0)
    prices = PriceSchedule(calls="0.1", currency=token)
    plan = BillingPlan.prepaid(prices, currency="USD", token_price=PerUnit("0.02"))

    # 940 calls cost 94 tokens, at 0.02 a token 1.88
    assert ("Calls", "94 TOKEN", "", "1.88") in cells(Bill.of(Usage(calls=940), plan).to_html())


def test_prepaid_tokens_show_what_is_left_and_until_when():
    token = Currency("TOKEN", places=0)
    plan = BillingPlan.prepaid(
        PriceSchedule(calls="0.1", currency=token), currency="USD", token_price=PerUnit("0.02")
    )
    account = Account(balance=[Grant("spring", 5000, token, expires="2026-12-01")])
    rows = cells(Bill.of(Usage(calls=940), plan, opening=account, at="2026-10-05").to_html())

    assert rows[-1] == ("spring", "94 TOKEN", "4,906 TOKEN", "30 November 2026")
    assert ("Due", "0.00 USD") in rows


@pytest.mark.parametrize(
    ("period", "english", "chinese"),
    [
        (("2026-10-01", "2026-10-02"), "1 October 2026", "2026年10月1日"),
        (("2026-10-15", "2026-11-15"), "15 October to 14 November 2026", "2026年10月15日至11月14日"),
        (
            ("2026-12-15", "2027-01-15"),
            "15 December 2026 to 14 January 2027",
            "2026年12月15日至2027年1月14日",
        ),
        (
            ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
            "1 to 31 October 2026 (UTC)",
            "2026年10月1日至10月31日 (UTC)",
        ),
        (
            ("2026-10-01T06:00:00Z", "2026-10-01T18:30:00Z"),
            "1 October 2026, 06:00 – 1 October 2026, 18:30 (UTC)",
            "2026年10月1日, 06:00 – 2026年10月1日, 18:30 (UTC)",
        ),
    ],
)
def test_a_period_is_told_by_its_first_and_last_day(period, english, chinese):
    bill = Bill.of(Usage(api_calls=5), CALLS, period=Period(*period))

    assert head(bill.to_html())["Period"] == english
    assert head(bill.to_html(lang="zh"))["计费周期"] == chinese


def test_what_a_schedule_has_to_say_is_on_the_page():
    priced = PriceSchedule(calls="0.71", currency="CNY")
    priced = priced.converted("USD", rate="1/7.10", source="a bank", on="2026-10-30")
    bill = Bill.of(Usage(calls=10), BillingPlan.on_demand(priced))

    assert "<li>converted from CNY to USD at 1/7.10, a bank, 2026-10-30</li>" in bill.to_html()
    assert "<li>由 CNY 换算为 USD，汇率 1/7.10, a bank, 2026-10-30</li>" in bill.to_html(lang="zh")


def test_a_grant_dated_by_instants_ends_at_one():
    grant = Grant("ahead", 5, "USD", expires="2027-01-01T00:00:00Z")
    bill = Bill.of(Usage(api_calls=5), CALLS, opening=Account(balance=[grant]), at="2026-10-05T12:00:00Z")

    assert cells(bill.to_html())[-1] == ("ahead", "0.05 USD", "4.95 USD", "1 January 2027, 00:00")


def test_of_a_grant_that_is_spent_nothing_is_left():
    plan, opening = BillingPlan.prepaid(PriceSchedule(calls=1)), Account(balance=[Grant("all", 5, "USD")])
    bill = Bill.of(Usage(calls=8), plan, opening=opening, period=Period("2026-06-01", "2026-07-01"))

    # it has left the balance with this bill
    assert bill.closing.balance.grants == ()
    assert cells(bill.to_html())[-1][:3] == ("all", "5.00 USD", "0.00 USD")


def test_lines_rounded_one_by_one_need_no_rounding_line():
    prices = PriceSchedule(a="7.89495", b="3.10505")
    plan = BillingPlan(prices, rounding=Rounding(stage="line"), taxes=[Tax("VAT", 19)])

    assert cells(Bill.of(Usage(a=1, b=1), plan).to_html())[1:5] == [
        ("A", "1", "7.89495", "7.89"),
        ("B", "1", "3.10505", "3.11"),
        ("Net", "11.00"),
        ("VAT 19 %", "2.09"),
    ]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"lang": "de"}, InvalidName),
        ({"lang": None}, InvalidName),
        ({"names": 5}, InvalidName),
        ({"names": {"calls": 5}}, InvalidName),
        ({"names": {"10 % off": "\x1b"}}, InvalidName),
        ({"issuer": 5}, InvalidName),
        ({"customer": ["a"] * 21}, InvalidName),
        ({"number": 7}, InvalidName),
        ({"places": -1}, InvalidCurrency),
        ({"places": True}, InvalidCurrency),
        ({"issued": "soon"}, InvalidPeriod),
    ],
)
def test_what_no_page_can_say_is_refused(options, error):
    with pytest.raises(error):
        INVOICE.to_html(**options)


def test_an_option_that_no_page_has_is_refused_with_the_nearest():
    bill = Bill.of(Usage(gpu_seconds=1), BillingPlan.on_demand(PRICES))

    with pytest.raises(InvalidName, match="not an option of to_html: 'isued'; did you mean 'issued'"):
        bill.to_html(isued="2026-11-01")
    with pytest.raises(InvalidName, match=r"not an option of to_html: 'xyz'; name one of 'customer'"):
        Invoice.of(bill).to_html(xyz="x")


@pytest.mark.parametrize("party", ["customer", "issuer"])
def test_what_is_no_address_is_refused(party):
    bill = Bill.of(Usage(gpu_seconds=1), BillingPlan.on_demand(PRICES))

    with pytest.raises(InvalidName, match=f"not an address of the {party}: 3"):
        bill.to_html(**{party: 3})


def test_a_page_takes_0_to_12_decimals_and_addresses_of_20_lines():
    assert ("GPU seconds", "1,734 s", "0.10 per hour", "≈ 0.05") in cells(INVOICE.to_html(places=0))
    assert INVOICE.to_html(places=PLACES, customer=["a"] * LONGEST_ADDRESS)
    with pytest.raises(InvalidCurrency, match="decimals"):
        INVOICE.to_html(places=PLACES + 1)
    with pytest.raises(InvalidName, match="address"):
        INVOICE.to_html(customer=["a"] * (LONGEST_ADDRESS + 1))


def test_what_comes_to_nothing_is_no_credit_note():
    assert "<h1>Invoice</h1>" in Bill.of(Usage(), CALLS).to_html()
    assert "Credit note" not in Adjustment((), Decimal(5), Decimal(5), "USD").to_html()


def test_a_quantity_of_nothing_has_no_sign():
    bill = Bill.of(Usage(api_calls=0), BillingPlan(PriceSchedule(api_calls=Flat(5, at_zero=True))))

    assert "\u2212" not in bill.to_html()


def test_a_debt_that_is_collected_is_added_to_the_credit_balance():
    opening = Account(credit_balance=-5, credit_currency="USD")

    rows = cells(Bill.of(Usage(), CALLS, opening=opening).to_html())

    assert [(row[0], row[-1]) for row in rows[-4:]] == [
        ("Net", "0.00"),
        ("Total", "0.00 USD"),
        ("Added to the credit balance", "5.00"),
        ("Due", "5.00 USD"),
    ]


def test_an_amount_below_one_is_an_amount_all_the_same():
    opening = Account(balance=[Grant("g", 5, "USD")])
    bill = Bill.of(Usage(u="0.5"), BillingPlan(PriceSchedule(u=1)), opening=opening)

    assert "<h1>Invoice</h1>" in bill.to_html()
    assert ("Paid from credit", "0.50") in [(row[0], row[-1]) for row in cells(bill.to_html(places=0))]


def test_why_a_bill_was_corrected_is_said_on_its_note():
    bill, right = (Bill.of(Usage(api_calls=used), CALLS) for used in (300, 200))
    note = evolve(right - bill, reason="calls of another customer")

    assert head(note.to_html())["reason"] == "calls of another customer"
    assert "reason" not in head((right - bill).to_html())


@pytest.mark.parametrize("used", ["0.50", "1", "1.50"])
def test_what_credit_paid_of_a_small_bill_is_shown(used):
    bill = Bill.of(
        {"a": used}, BillingPlan(PriceSchedule(a=1)), opening=Account(balance=[Grant("g", 5, "USD")])
    )
    page = bill.to_html()

    assert f'Paid from credit</td><td class="n">{Decimal(used):.2f}<' in page
    assert 'Due</td><td class="n">0.00 USD<' in page


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.0000005", "≈ 0.000001"),
        ("0.00000049", "0.00000049"),
        ("0.0000004", "0.0000004"),
        ("0.00000034", "0.00000034"),
        ("0.00000000012", "≈ 0.0000000001"),
    ],
)
def test_no_amount_reads_as_nothing(amount, text):
    assert amount_text(Decimal(amount), 2) == text


def test_a_line_of_an_address_may_be_empty():
    page = Bill.of({"a": 1}, BillingPlan(PriceSchedule(a=1))).to_html(issuer=["Example", "", "1 High Street"])

    assert "Example" in page
    assert "1 High Street" in page


def test_rates_of_units_of_time_are_said_for_the_time_they_are_for():
    # a rate has at most ten decimals more than its currency
    prices = {
        "cpu_seconds": PerUnit("0.60", per=60),
        "disk_seconds": PerUnit("7.20", per=86_400),
        "gpu_seconds": PerUnit("3.60", per=3600),
        "net_minutes": PerUnit("6", per=60),
        "tokens_in": PerUnit("1.0000000000004"),
        "tokens_out": PerUnit("1.000000000004"),
    }
    page = cells(Bill.of(dict.fromkeys(prices, 3600), BillingPlan.on_demand(PriceSchedule(prices))).to_html())
    assert [row[2] for row in page[1:7]] == [
        "0.60 per minute",
        "7.20 per day",
        "3.60 per hour",
        "6.00 per hour",
        "≈ 1.000000000000",
        "1.000000000004",
    ]


def test_only_a_row_with_a_look_of_its_own_has_a_class():
    page = INVOICE.to_html(names=NAMES)
    assert 'class=""' not in page
    assert "<tr><td>" in page
    assert page.count("<tr class=") > 1
