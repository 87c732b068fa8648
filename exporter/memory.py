"""How the interpreter and the C library handle memory, in a process that renders large texts again and again."""

from __future__ import annotations

import contextlib
import gc

# glibc's <malloc.h>
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
MAPPED_BYTES = 131_072
YOUNG_OBJECTS = 10_000


def limit_heaps() -> None:
    """Give memory back after a refresh; before there are threads. Without effect where the C library differs."""
    # Rendered pieces outlive what is around them: in the heaps that glibc makes for every thread, each keeps a hole.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415  not every Python has it

        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)


def stop_less() -> None:
    """Collect garbage less often, and nothing of what is there already."""
    # A refresh makes millions of small objects, and next to no cycles; what is there at the start stays.
    gc.set_threshold(YOUNG_OBJECTS)
    gc.collect()
    gc.freeze()
