"""Which model the organization uses for what, and since when."""

import re
from datetime import date

DATE_SUFFIX = re.compile(r"-20\d{6}$")
# Models released before February 2026 report no inference geography.
WITHOUT_GEO = ("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5")
WITH_FAST_MODE = ("claude-opus-5-5", "claude-opus-5", "claude-fable-5-2")

# Each line lists the day of adoption and the model adopted, oldest first.
LINES: dict[str, list[tuple[date, str]]] = {
    "opus": [
        (date.min, "claude-opus-4-5-20251101"),
        (date(2026, 2, 23), "claude-opus-4-6"),
        (date(2026, 8, 3), "claude-opus-5"),
        (date(2026, 9, 29), "claude-opus-5-5"),
    ],
    "sonnet": [
        (date.min, "claude-sonnet-4-5-20250929"),
        (date(2026, 3, 9), "claude-sonnet-4-6"),
        (date(2026, 8, 3), "claude-sonnet-5"),
        (date(2026, 10, 5), "claude-sonnet-5-5"),
    ],
    "haiku": [(date.min, "claude-haiku-4-5-20251001"), (date(2026, 10, 12), "claude-haiku-5-5")],
    "fable": [
        (date.min, "claude-opus-4-5-20251101"),
        (date(2026, 2, 23), "claude-opus-4-6"),
        (date(2026, 8, 17), "claude-fable-5"),
        (date(2026, 11, 12), "claude-fable-5-2"),
    ],
    # A service nobody touches until its model retires.
    "legacy": [(date.min, "claude-sonnet-4-5-20250929"), (date(2026, 11, 30), "claude-sonnet-4-6")],
}


def model_of(line: str, day: date) -> str:
    """The model that a line of work used on a day."""
    return next(model for since, model in reversed(LINES[line]) if since <= day)


def geo_of(model: str, preferred: str) -> str:
    return "not_available" if model.startswith(WITHOUT_GEO) else preferred


def speed_of(model: str, preferred: str) -> str:
    return preferred if model in WITH_FAST_MODE else "standard"


def undated(model: str) -> str:
    return DATE_SUFFIX.sub("", model)


def display_name(model: str) -> str:
    """`claude-opus-5-5` is shown as `Claude Opus 5.5`."""
    vendor, family, *version = undated(model).split("-")
    return f"{vendor.title()} {family.title()} {'.'.join(version)}"
