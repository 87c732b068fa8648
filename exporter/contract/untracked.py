"""What records of the larger reports are made of."""

from __future__ import annotations

from msgspec import Struct


class Untracked(Struct, gc=False):
    """Left out by the garbage collector: a walk through a million of them would hold up scrapes. None is in a cycle."""
