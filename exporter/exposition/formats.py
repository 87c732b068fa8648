"""The two exposition formats. They share every line but the headers of counters and the end.

All data families are gauges without time stamps. https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from enum import Enum

from exporter.contract.metric import Declared, Kind


class Format(Enum):
    """An exposition format, by its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @property
    def end(self) -> bytes:
        """What the last family is followed by."""
        return b"# EOF\n" if self is Format.OPENMETRICS else b""

    def header(self, family: Declared) -> bytes:
        """The lines before a family's samples."""
        name = family.name
        if self is Format.OPENMETRICS and family.kind is Kind.COUNTER:
            name = name.removesuffix("_total")
        return f"# HELP {name} {_escaped(family.help)}\n# TYPE {name} {family.kind}\n".encode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
