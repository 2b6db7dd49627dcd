#!/usr/bin/env bash
# A subscription library pays a customer who moves to a smaller plan in a free trial, before anything was paid.
#
# With larzsubscription 0.1.0, on CPython 3.11.
# Expected by most: a trial is free, so a change of plan in it costs and returns nothing; and twelve months' price
#   is for twelve months, not for what is left of the month.
# Seen: from 99.00 to 9.00 on the second day of a trial of 14 is -83.57, with nothing billed before; back up, a free
#   trial costs 83.57. From 10.00 a month to 100.00 a year at half a month is 45.00, and 100.00 more at its end.
# Prorate what was billed, line by line, over the period that it was billed for; where nothing was, nothing is owed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet larzsubscription==0.1.0
"$folder/venv/bin/python" - <<'PY'
from datetime import datetime
from decimal import Decimal

from larzsubscription import Plan, Subscription

JANUARY = datetime(2026, 1, 1)


def changed(before, after, day):
    subscription = Subscription(before, start=JANUARY)
    subscription.change_plan(after, now=datetime(2026, 1, day))
    return subscription


large, small = Plan("large", "99.00", trial_days=14), Plan("small", "9.00", trial_days=14)
month, year = Plan("month", "10.00", interval_days=30), Plan("year", "100.00", interval_days=360)
down, up = changed(large, small, 2), changed(small, large, 2)
yearly = changed(month, year, 16)
yearly.renew(now=yearly.period_end)
seen = [down.total_billed(), up.total_billed(), [amount for _, amount, _ in yearly.invoices]]
print(*seen)
assert seen == [Decimal("-83.57"), Decimal("83.57"), [Decimal("10.00"), Decimal("45.00"), Decimal("100.00")]], seen
PY
