#!/usr/bin/env bash
# A subscription library rounds a day's price to the cent, and prices a year by the month one day after it was paid.
#
# With django-plans 2.8.2 and Django 5.2.19, on CPython 3.11; PlanChangePolicy is the one without a surcharge.
# Expected by most: to move for a whole year costs what the years differ by: 0.03 from 60.22 to 60.25, and 3.55 from
#   there to 63.80; from 100.00 to 200.00 it costs 100.00, and a day later 99.73, for one day is over.
# Seen: a day is 0.16 or 0.17, so the step of 0.03 is 3.65, and that of 3.55 costs nothing. Where the plans sell months
#   at 10.00 and 20.00 too, the step of 100.00 is 102.20 on the first day, and 123.76 on the second: a year of 365 days
#   does not fit into 364, so a day of it is priced by the month.
# Divide last, and round what is owed; prorate the price that was paid, not the one which fits what is left.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet django-plans==2.8.2 Django==5.2.19
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "ordered_model", "plans"],
    PLANS_CURRENCY="EUR",
    PLANS_TAXATION_POLICY="plans.taxation.eu.EUTaxationPolicy",
    PLANS_TAX_COUNTRY="DE",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command
from plans.models import Plan, PlanPricing, Pricing
from plans.plan_change import PlanChangePolicy

call_command("migrate", verbosity=0)
periods = {days: Pricing.objects.create(name=f"{days} days", period=days) for days in (30, 365)}


def plan(name, prices):
    made = Plan.objects.create(name=name, slug=name)
    for days, price in prices.items():
        PlanPricing.objects.create(plan=made, pricing=periods[days], price=Decimal(price))
    return made


change = PlanChangePolicy().get_change_price
first, second, third = (plan(f"plan-{price}", {365: price}) for price in ("60.22", "60.25", "63.80"))
small, large = plan("small", {30: "10", 365: "100"}), plan("large", {30: "20", 365: "200"})
steps = change(first, second, 365), change(second, third, 365)
days = change(small, large, 365), change(small, large, 364)
print(steps, days)
assert steps == (Decimal("3.65"), None), steps
assert days == (Decimal("102.20"), Decimal("123.76")), days
PY
