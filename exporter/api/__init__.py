"""The Admin API as a client sees it: the only place that knows HTTP statuses, cursors and JSON shapes."""
