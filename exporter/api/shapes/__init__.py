"""The JSON shapes of the API's answers, as far as the exporter reads them.

Unknown fields and values pass; a missing or mistyped number does not, nor does a mistyped time of a report. Counts are
tokens or events, money is in cents. Pages: https://platform.claude.com/docs/en/api/admin
"""
