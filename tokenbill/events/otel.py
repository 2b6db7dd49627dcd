"""OpenTelemetry: the attributes of a GenAI span as usage."""

from tokenbill.shared.spans import read_otel

__all__ = ["read_otel"]
