#!/usr/bin/env bash
# A library for Django reads a price in cents and writes it in dollars, under one name; a token's price it shows as 0.
#
# With dj-stripe 2.11.0 and stripe 15.6.2, on CPython 3.11. Nothing is sent: the call is answered before the network.
# Expected by most: a price made with the unit_amount of another, 1999 cents, is 19.99 too; and 0.03 cents for a token,
#   which Stripe holds as unit_amount_decimal with a unit_amount of null, is shown as more than nothing.
# Seen: Price.create sends 199900, that is 1,999.00, and 1998 for 19.99, which it cuts. What people read for 0.03 cents
#   is $0.00, per unit and in tiers; for 1,000 yen it is 10.00 JPY.
# One name, one unit; a price below a cent needs digits of its own, and yen have no hundredths.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dj-stripe==2.11.0 stripe==15.6.2
"$folder/venv/bin/python" - <<'PY'
from unittest.mock import patch

import django
import stripe
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    STRIPE_TEST_SECRET_KEY="sk_test_none",
    STRIPE_LIVE_MODE=False,
    USE_TZ=True,
)
django.setup()

from djstripe.models import Price  # noqa: E402


class Asked(Exception):
    pass


def answer(**asked):
    raise Asked(asked["unit_amount"])


def created(amount):
    with patch.object(stripe.Price, "create", answer):
        try:
            Price.create(unit_amount=amount, currency="usd")
        except Asked as asked:
            return asked.args[0]


def shown(currency, amount, decimal, **more):
    month = {"interval": "month", "interval_count": 1, "usage_type": "metered"}
    told = {"unit_amount": amount, "unit_amount_decimal": decimal, "recurring": month}
    return Price(id="price", currency=currency, stripe_data=told | {"billing_scheme": "per_unit"} | more)


old = shown("usd", 1999, "1999")
sent = [created(old.unit_amount), created(19.99)]
tier = {"flat_amount": None, "unit_amount": None, "unit_amount_decimal": "0.03", "up_to": None}
read = [
    old.human_readable_price,
    shown("usd", None, "0.03").human_readable_price,
    shown("usd", None, None, billing_scheme="tiered", tiers=[tier]).human_readable_price,
    shown("jpy", 1000, "1000").human_readable_price,
]
print(sent, read)
assert sent == [199_900, 1_998], sent
assert read == [
    "$19.99 USD/month",
    "$0.00 USD/month",
    "Starts at $0.00 USD per unit/month",
    "10.00 JPY/month",
], read
PY
