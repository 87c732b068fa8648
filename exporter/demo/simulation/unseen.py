"""What a stream's bill depends on, and no dimension of the usage report shows."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import NamedTuple

# All tokens of a request of a hundred thousand or more cost five times as much.
WITH_LONG_REQUESTS = "claude-haiku-5-5"
LONG_REQUEST = 5
LEAST_LONG, MOST_LONG = 0.06, 0.14  # of a workspace's tokens on an ordinary day
LONG_NOISE, MOST_NOISE = 0.13, 0.35

# Used, but answered with nothing that is billed: 0.4 percent of all tokens, half of them in bursts.
BLOCKED = 0.002
BURST_CHANCE, LARGEST_BURST = 0.13, 0.03

DIGITS = 5  # so that amounts of money are exact


class Unseen(NamedTuple):
    """Shares of a day's tokens: those that the bill has, and those of long requests."""

    billed: Decimal
    long: Decimal

    def weight(self, model: str) -> Decimal:
        """What a token costs on average, where one that is billed and of a short request costs 1."""
        return self.billed * (1 + (LONG_REQUEST - 1) * self.long if model == WITH_LONG_REQUESTS else 1)


def unseen_of(seed: int, day: date, workspace_id: str, position: int) -> Unseen:
    """Of a stream. Long requests are a matter of the organization's day, and of habits of the workspace."""
    rng = Random(f"{seed}/{day}/unseen/{position}")
    blocked = BLOCKED + (rng.uniform(0, LARGEST_BURST) if rng.random() < BURST_CHANCE else 0.0)
    habit = Random(f"{seed}/long/{workspace_id}").uniform(LEAST_LONG, MOST_LONG)
    noise = Random(f"{seed}/{day}/long").gauss(0, LONG_NOISE)
    return Unseen(_exact(1 - blocked), _exact(habit * (1 + max(-MOST_NOISE, min(noise, MOST_NOISE)))))


def _exact(share: float) -> Decimal:
    return Decimal(f"{share:.{DIGITS}f}")
