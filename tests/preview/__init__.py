"""`make preview`: pictures of the dashboards, and what can be seen on them. Needs Prometheus, Chromium and Node."""
