"""A soak: rounds of faults by seed against the whole exporter, every scrape checked. `make soak`."""
