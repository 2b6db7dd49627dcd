#!/usr/bin/env bash
# The converter of the FOCUS project makes nothing of a correction by Google Cloud, and an empty period of its month.
#
# With focus-converter 1.0.0, which pins polars 0.20.10, on CPython 3.11.
# Expected by most: rows of 100.00, of 100.00 with a committed-use credit of -30.00, and a later correction of -40.00
#   (cost_type adjustment) are an EffectiveCost of 130.00; and October ends when November begins.
# Seen: 170.00, for whatever is below zero becomes 0: of the correction only BilledCost tells, which keeps -40.00, but
#   knows of no credit: 160.00. So no column of the month is what is paid. BillingPeriodStart and BillingPeriodEnd are
#   both made of the invoice's month, and are the same moment.
# Corrections and refunds are rows below zero: sum a converted month, and compare it with the invoice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet focus-converter==1.0.0
"$folder/venv/bin/python" - "$folder/export.parquet" <<'PY'
import datetime
import sys

import pyarrow
import pyarrow.parquet
from focus_converter.converter import FocusConverter
from focus_converter.data_loaders.data_loader import DataFormats, ParquetDataFormat


def row(cost, kind="regular", credit=None):
    begin = datetime.datetime(2026, 10, 5)
    return {
        "billing_account_id": "0123AB-4567CD-89EF01",
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": "0012-B7E8-E9B0", "description": "Nvidia GPU"},
        "usage_start_time": begin,
        "usage_end_time": begin + datetime.timedelta(hours=1),
        "project": {"id": "project", "name": "project", "number": "1"},
        "location": {"location": "us-central1", "country": "US", "region": "us-central1", "zone": "us-central1-a"},
        "resource": {"name": "gpu", "global_name": "//gpu"},
        "price": {"effective_price": 100.0, "tier_start_amount": 0.0, "unit": "hour", "pricing_unit_quantity": 1.0},
        "usage": {"amount": 3600.0, "unit": "seconds", "amount_in_pricing_units": 1.0, "pricing_unit": "hour"},
        "credits": [{"name": "credit", "amount": credit, "type": "COMMITTED_USAGE_DISCOUNT"}] if credit else [],
        "cost": cost,
        "cost_at_list": cost,
        "cost_type": kind,
        "currency": "USD",
        "invoice": {"month": "202610"},
        "seller_name": "Google",
    }


class Rows:
    """In place of the exporter, which starts processes that write files."""

    def collect(self, lf, collected_columns):
        self.rows = lf.collect().to_dicts()

    def close(self):
        pass


export = [row(100.0), row(100.0, credit=-30.0), row(-40.0, "adjustment")]
pyarrow.parquet.write_table(pyarrow.Table.from_pylist(export), sys.argv[1])
converter = FocusConverter(column_prefix=None, converted_column_prefix=None)
converter.load_provider_conversion_configs()
converter.load_data(sys.argv[1], data_format=DataFormats.PARQUET, parquet_data_format=ParquetDataFormat.FILE)
converter.data_exporter = Rows()
converter.prepare_horizontal_conversion_plan(provider="gcp")
converter.convert()
rows = converter.data_exporter.rows
effective, billed = ([line[name] for line in rows] for name in ("EffectiveCost", "BilledCost"))
period = rows[0]["BillingPeriodStart"], rows[0]["BillingPeriodEnd"]
print(effective, billed, *period)
assert effective == [100.0, 70.0, 0.0], effective
assert billed == [100.0, 100.0, -40.0], billed
assert period[0] == period[1], period
PY
