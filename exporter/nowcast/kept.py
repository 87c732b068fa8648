"""Results that need not be made again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """By name, for as long as what they were made of is the same, object by object."""

    def __init__(self) -> None:
        self._before: dict[Hashable, tuple[tuple[object, ...], V]] = {}
        self._used: dict[Hashable, tuple[tuple[object, ...], V]] = {}

    def of(self, name: Hashable, parts: tuple[object, ...], make: Callable[[], V]) -> V:
        found = self._used.get(name) or self._before.get(name)
        if (
            found is None
            or len(found[0]) != len(parts)
            or any(a is not b for a, b in zip(found[0], parts, strict=True))
        ):
            found = parts, make()
        self._used[name] = found
        return found[1]

    def forget_unused(self) -> None:
        """What has not been asked for since the last time."""
        self._before, self._used = self._used, {}
