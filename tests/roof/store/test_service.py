"""The billing service of docs/examples/service, on SQLite and on PostgreSQL."""

import importlib.util
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest

for package in ("sqlalchemy", "fastapi", "httpx2"):
    pytest.importorskip(package, reason=f"not run: install {package}")

from fastapi.testclient import TestClient

from tests.wings.events.postgresql_server import programs, server
from tokenbill import BillingPlan, Currency, Cycle, Grant, Period, PerUnit, PriceSchedule
from tokenbill.store import Store

ROOT = Path(__file__).parents[3]
TOKEN = Currency("TOKEN", places=0)
PRICES = PriceSchedule(
    {"gpu_seconds{gpu=H100}": PerUnit(3, per=60), "calls": PerUnit(1, per=10)}, currency=TOKEN
)
PREPAID = BillingPlan.prepaid(PRICES, overage="refuse")


def module():
    path = ROOT / "docs" / "examples" / "service" / "app.py"
    spec = importlib.util.spec_from_file_location("billing_service", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request, tmp_path):
    if request.param == "sqlite":
        made = Store(f"sqlite:///{tmp_path / 'billing.db'}")
        yield made
        made.engine.dispose()
        return
    pytest.importorskip("psycopg", reason="POSTGRESQL WAS NOT TESTED: pip install 'psycopg[binary]'")
    if programs() is None:
        pytest.skip("POSTGRESQL WAS NOT TESTED: install a server, or put its initdb on the PATH")
    with server(programs()) as url:
        made = Store(url.replace("postgresql:", "postgresql+psycopg:"))
        yield made
        made.engine.dispose()


@pytest.fixture
def client(store):
    with TestClient(module().service(store)) as made:
        yield made


def message(id, customer="acme", type="calls", quantity="1", **labels):
    data = {"quantity": quantity, **({"labels": labels} if labels else {})}
    shared = {"specversion": "1.0", "source": "gateway", "time": "2026-11-05T10:00:00Z"}
    return {**shared, "id": str(id), "subject": customer, "type": type, "data": data}


def prepaid(store, customer, tokens):
    store.agree(customer, PREPAID)
    store.grant(customer, Grant("first", tokens, TOKEN))


def test_an_event_is_answered_with_200_402_409_or_422(store, client):
    prepaid(store, "acme", 5)

    first = client.post("/events", json=message(1, quantity="20"))
    again = client.post("/events", json=message(1, quantity="20"))
    other = client.post("/events", json=message(1, quantity="21"))
    too_much = client.post("/events", json=message(2, quantity="140"))
    unfit = client.post("/events", json=message(3) | {"time": "yesterday"})

    assert (first.status_code, first.json()["total"]) == (200, "2")
    assert (again.status_code, again.json()) == (200, first.json())
    assert (other.status_code, other.json()["code"]) == (409, "conflicting_event")
    assert (too_much.status_code, too_much.json()["code"]) == (402, "balance_exhausted")
    assert (too_much.json()["short"], too_much.json()["customer"]) == ("11", "acme")  # 2 + 14 of 5
    assert (unfit.status_code, "time" in unfit.json()["detail"]) == (422, True)
    assert client.post("/events", content="{").status_code == 422
    assert client.post("/events", content='{"id": 0.5}').status_code == 422
    assert client.post("/events", json=message(4, "nobody")).status_code == 422
    assert client.get("/customers/nobody").status_code == 422
    assert store.balance("acme").remaining() == 3


def test_a_batch_tells_what_became_of_each(store, client):
    prepaid(store, "acme", 5), prepaid(store, "poor", 1)

    batch = [message(1), message(2, "poor", quantity="11"), message(1)]
    done = client.post("/events", json=batch).json()

    assert [each["id"] for each in done["charged"]] == ["1"]
    assert [each["id"] for each in done["repeated"]] == ["1"]
    assert [(each["id"], each["short"]) for each in done["refused"]] == [("2", "1")]


def test_eight_threads_post_the_events_of_eight_customers_and_every_balance_is_exact(store, client):
    customers = [f"c{i}" for i in range(8)]
    for customer in customers:
        prepaid(store, customer, 5000)
    numbers = random.Random(1)
    posts = []
    for i in range(180):
        h100 = {"type": "gpu_seconds", "quantity": str(numbers.randint(1, 99)), "gpu": "H100"}
        posts.append(
            message(i, customers[i % 8], **(h100 if i % 3 else {"quantity": str(numbers.randint(1, 9))}))
        )
    posts = sorted(posts + posts[::9], key=lambda post: int(post["id"]) + numbers.randint(0, 40))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda post: client.post("/events", json=post), posts))

    assert {answer.status_code for answer in answers} == {200}
    for customer in customers:
        own = {post["id"]: post for post in posts if post["subject"] == customer}.values()
        rate = {"calls": Fraction(1, 10), "gpu_seconds": Fraction(3, 60)}
        cost = sum(int(post["data"]["quantity"]) * rate[post["type"]] for post in own)
        assert store.balance(customer).remaining() == 5000 - round(cost)
    assert store.verify().events == 180


def test_a_customer_sees_credit_usage_and_bills_and_no_name_is_markup(store, client):
    name = "<b>acme & co</b>"
    store.create()
    plan = BillingPlan.subscription("20.00", PriceSchedule(calls="0.50"), cycle=Cycle.monthly())
    store.agree(name, plan)
    store.grant(name, Grant("welcome", "5.00", "USD", kind="promotional"))
    batch = [message(i, name, quantity="3") for i in range(4)]
    client.post("/events", json=batch)
    store.close(name, Period("2026-11-01", "2026-12-01"))
    client.post("/events", json=message("late", name) | {"time": "2026-11-30T00:00:00Z"})
    client.post("/events", json=message("next", name) | {"time": "2026-12-05T00:00:00Z"})

    page = client.get("/customers/%3Cb%3Eacme%20&%20co%3C%2Fb%3E").text
    links = [client.get(link) for link in re.findall('href="([^"]*)"', page)]

    # the open period, the bill and its correction, though the name holds a slash
    assert [each.status_code for each in links] == [200] * 3
    assert all("&lt;b&gt;acme &amp; co&lt;/b&gt;" in each.text for each in links)
    assert "<b>acme" not in page
    assert "&lt;b&gt;acme &amp; co&lt;/b&gt;" in page
    assert all(
        each in page
        for each in ("2026-12-01 to 2026-12-31", "20.50 USD", "21.00 USD", "correction", "0.50 USD")
    )
    store.agree("acme", plan)
    store.grant("acme", Grant("top-up", 1200, "USD"))
    client.post("/events", json=message("own", quantity="1234"))
    shown = client.get("/customers/acme").text
    used = ("1,234", "637.00 USD", ">563.00<", "1,200.00 USD", 'href="/open/2026-11-01/acme"')
    assert all(each in shown for each in used)
    assert "637.00" in client.get("/open/2026-11-01/acme").text
    assert client.get("/open/2026-12-01/acme").status_code == 404
    assert json.dumps([each.total == 0 for each in store.bills(name)]) == "[false, false]"
