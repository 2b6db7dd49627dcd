"""Integer price functions by their former name, until frames read them where they live."""

from tokenbill.core.rating.integer_price import (
    IntegerPrice,
    Line,
    Mode,
    Whole,
    denominator_of,
    places_for,
    value,
    whole,
)

__all__ = ["Line", "Mode", "Program", "Whole", "denominator_of", "places_for", "value", "whole"]

Program = IntegerPrice
