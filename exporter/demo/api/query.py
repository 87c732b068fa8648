"""The query parameters of one request; whatever is wrong with them is a 400."""

from collections.abc import Collection
from datetime import UTC, date, datetime

from exporter.demo.api.errors import BadRequestError

BOOLEANS = {"true": True, "false": False}
DATE_LENGTH = len("2026-11-20")


class Query:
    """Parameters named `…[]` are lists, all others single values."""

    def __init__(self, items: list[tuple[str, str]], known: Collection[str]) -> None:
        self.items = items
        names = [name for name, _ in items]
        for name in names:
            if name not in known:
                raise BadRequestError(f"{name}: Extra inputs are not permitted")
            if not name.endswith("[]") and names.count(name) > 1:
                raise BadRequestError(f"{name}: Input should be a single value")

    def many(self, name: str) -> list[str]:
        return [value for given, value in self.items if given == name]

    def one(self, name: str) -> str | None:
        return next(iter(self.many(name)), None)

    def required(self, name: str) -> str:
        value = self.one(name)
        if value is None:
            raise BadRequestError(f"{name}: Field required")
        return value

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        value = self.one(name) or default
        if value not in choices:
            raise BadRequestError(f"{name}: Input should be one of {', '.join(choices)}")
        return value

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        value = self.one(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit()) or not least <= int(value) <= most:
            raise BadRequestError(f"{name}: Input should be an integer from {least} to {most}")
        return int(value)

    def flag(self, name: str) -> bool:
        value = self.one(name) or "false"
        if value not in BOOLEANS:
            raise BadRequestError(f"{name}: Input should be true or false")
        return BOOLEANS[value]

    def instant(self, name: str) -> datetime | None:
        """An RFC 3339 instant, in UTC."""
        value = self.one(name)
        if value is None:
            return None
        try:
            parsed = datetime.fromisoformat(value)
            in_utc = parsed.astimezone(UTC) if parsed.tzinfo else None
        except (ValueError, OverflowError):
            in_utc = None
        if in_utc is None:
            raise BadRequestError(f"{name}: Input should be an RFC 3339 date-time with a timezone")
        return in_utc

    def day(self, name: str) -> date:
        value = self.required(name)
        try:
            parsed = date.fromisoformat(value)
        except ValueError:
            parsed = None
        if parsed is None or len(value) != DATE_LENGTH:
            raise BadRequestError(f"{name}: Input should be a date, YYYY-MM-DD")
        return parsed
