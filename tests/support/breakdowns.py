"""What every breakdown of a bill keeps to."""

from decimal import Decimal
from fractions import Fraction


def check_breakdown(bill):
    """Every row and every column adds up, in whole minor units, and the last row says the bill's total."""
    table = bill.breakdown()
    for row in (*table, table.total):
        parts = (row.list_amount, row.discounts, row.credit, row.included)
        assert sum(map(Fraction, parts)) == row.net
        assert sum(map(Fraction, (row.net, *(amount for _, amount in row.taxes)))) == row.gross
    places = bill.plan.rounding.known_places(bill.plan.currency.places)
    for column in ("list_amount", "discounts", "credit", "included", "net", "tax", "gross"):
        amounts = [getattr(row, column) for row in table]
        assert sum(map(Fraction, amounts)) == getattr(table.total, column), column
        assert all(amount == amount.quantize(Decimal(1).scaleb(-places)) for amount in amounts), column
    assert [name for name, _ in table.total.taxes] == [
        name for row in table[:1] for name, _ in row.taxes
    ] or (not len(table))
    assert table.total.gross == bill.total
    return table
