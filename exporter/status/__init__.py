"""What the month cost and how the exporter is doing, for people: the page at `/`, and the same as JSON."""
