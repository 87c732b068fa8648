"""Prometheus exporter for an Anthropic organization's usage, cost and Claude Code activity."""

__version__ = "0.1.0"
__revision__ = "unknown"
