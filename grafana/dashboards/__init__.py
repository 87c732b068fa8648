"""The dashboards as code: `make dashboards` writes the JSON beside it, which is what Grafana loads."""
