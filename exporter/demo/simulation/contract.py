"""What the organization pays of the list price: a discount for each family of models, and a price that was cut."""

from datetime import date
from decimal import Decimal
from random import Random

HUNDRED = 100
MOST_PERCENT = 15
FAMILIES = ("fable", "opus", "sonnet", "haiku")
CUT_FAMILY, CUT_SINCE, CUT = "opus", date(2026, 11, 2), Decimal("0.8")
WHOLE = Decimal(1)


class Contract:
    def __init__(self, seed: int) -> None:
        rng = Random(f"{seed}/contract")
        self._paid = {family: WHOLE - Decimal(rng.randint(0, MOST_PERCENT)) / HUNDRED for family in FAMILIES}

    def paid(self, model: str, day: date) -> Decimal:
        """The share of a model's list price."""
        family = model.split("-")[1]
        return self._paid[family] * (CUT if family == CUT_FAMILY and day >= CUT_SINCE else WHOLE)
