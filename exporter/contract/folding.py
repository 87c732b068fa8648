"""Which values of a label keep their names where series are bounded; the others are one, `other`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import TypeVar

from exporter.contract.labels import label_text
from exporter.contract.metric import Declared, Number, Sums
from exporter.contract.names import Names
from exporter.contract.sums import Fold, plus

R = TypeVar("R")
LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')  # a quote in a value is escaped

OTHER = "other"


class Dimension(StrEnum):
    """Values are as they are shown; of what has a name and an ID, the ID."""

    ACTOR = "actor"
    ACCOUNT = "account_id"
    API_KEY = "api_key_id"
    SERVICE_ACCOUNT = "service_account_id"
    MODEL = "model"
    WORKSPACE = "workspace_id"


# A dimension that is not in it is not folded.
Kept = Mapping[Dimension, frozenset[str]]
# How much each value contributes.
Weights = Mapping[Dimension, Mapping[str, float]]


class Folding:
    """What an organization's tables fold; may be another from one moment to the next, by whoever holds the lock."""

    def __init__(self) -> None:
        self.kept: Kept = {}

    def value(self, dimension: Dimension, value: str) -> str:
        kept = self.kept.get(dimension)
        return value if kept is None or value in kept else OTHER

    def named(self, dimension: Dimension, named: tuple[str, str]) -> tuple[str, str]:
        """Of (name, ID)."""
        return named if self.value(dimension, named[1]) == named[1] else (OTHER, OTHER)

    def workspace(self, names: Names, workspace_id: str | None) -> tuple[str, str]:
        named = names.workspace(workspace_id)
        return self.named(Dimension.WORKSPACE, named) if self.kept else named

    def own(self, declared: Declared, values: tuple[str, ...]) -> tuple[str, ...]:
        """The values of a metric's own labels."""
        if Dimension.MODEL not in self.kept or Dimension.MODEL not in declared.own:
            return values
        place = declared.own.index(Dimension.MODEL)
        return (*values[:place], self.value(Dimension.MODEL, values[place]), *values[place + 1 :])

    def fold(self, text_of: Callable[[Folding, R], str]) -> Fold[R] | None:
        """How to fold records that have this label text; None where there is nothing to fold."""
        return Fold(partial(text_of, self), self.own) if self.kept else None


UNFOLDED = Folding()


def with_other_models(sums: Sums, declared: Declared, folding: Folding) -> tuple[Sums, int]:
    """Sums that have their label text already, and how many samples are others' now."""
    kept = folding.kept.get(Dimension.MODEL)
    if kept is None or Dimension.MODEL not in declared.own:
        return sums, 0
    names = {label_text([(Dimension.MODEL, model)]) for model in (*kept, OTHER)}
    found: dict[str, Number] = {}
    folded = 0
    for whole, number in sums.items():
        # Label by label: a value may look like another label.
        model = next((label for label in LABEL.finditer(whole) if label[1] == Dimension.MODEL), None)
        text = whole
        if model and model[0] not in names:
            folded += 1
            text = f'{whole[: model.start()]}model="{OTHER}"{whole[model.end() :]}'
        found[text] = plus(found[text], number) if text in found else number
    return found, folded
