"""How traffic spreads over the hours of a day and the days of a week, all in UTC."""

from datetime import date
from itertools import accumulate
from random import Random
from typing import NamedTuple

STEP_SECONDS = 600
STEPS = 86_400 // STEP_SECONDS
SATURDAY = 5
WORKDAYS = (1.0, 1.03, 1.02, 1.0, 0.93)


class Rhythm(NamedTuple):
    """`hours` are weights of the hours from 00:00; `weekend` is a Saturday's traffic relative to a Monday's."""

    name: str
    hours: tuple[float, ...]
    weekend: float

    def volume(self, day: date) -> float:
        """A day's traffic relative to a Monday's."""
        return self.weekend if is_weekend(day) else WORKDAYS[day.weekday()]


OFFICE_HOURS = (0.3, 0.2, 0.2, 0.2, 0.3, 0.5, 1, 3, 6, 8, 8, 7, 6, 7, 9, 9, 8, 7, 5, 4, 3, 2, 1, 0.5)
AROUND_THE_CLOCK = (3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 5, 5, 5, 4, 4, 3)
OFFICE = Rhythm("office", OFFICE_HOURS, weekend=0.15)
CLOSED_WEEKENDS = Rhythm("closed-weekends", OFFICE_HOURS, weekend=0.0)
SERVICE = Rhythm("service", AROUND_THE_CLOCK, weekend=0.6)
NIGHTLY = Rhythm("nightly", (2, 9, 9, 8, 5, 1) + (0,) * 16 + (1, 2), weekend=0.8)


def is_weekend(day: date) -> bool:
    return day.weekday() >= SATURDAY


class Curve:
    """The share of a day's traffic seen by each of its seconds: monotone, from exactly 0.0 to exactly 1.0."""

    def __init__(self, weights: list[float]) -> None:
        total = sum(weights)
        self._knots = [0.0, *(min(1.0, seen / total) for seen in accumulate(weights))]
        self._knots[-1] = 1.0

    def share(self, seconds: float) -> float:
        """The share seen `seconds` after the day's start; before it 0, after its end 1."""
        if seconds <= 0:
            return 0.0
        if seconds >= STEPS * STEP_SECONDS:
            return 1.0
        step, beyond = divmod(seconds, STEP_SECONDS)
        low, high = self._knots[int(step)], self._knots[int(step) + 1]
        # Rounding must never lift a point above the knot that follows it.
        return min(high, low + (high - low) * beyond / STEP_SECONDS)


def curve(rhythm: Rhythm, rng: Random) -> Curve:
    per_hour = 3600 // STEP_SECONDS
    return Curve([rhythm.hours[step // per_hour] * rng.uniform(0.7, 1.3) for step in range(STEPS)])
