"""The alert rules as code: what is the same in many of them is written once. `make rules` writes `alerts.yml`."""
