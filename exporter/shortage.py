"""Too little memory, or too few threads: which errors say so, and what to say of them."""

from __future__ import annotations

# Imported before anything that is not free: whatever else is needed may be what there is no memory for.
import errno

SHORTAGE = "not enough memory or threads, raise the limits (ulimit -v, ulimit -u)"
# What the loader says of a shared object that there is no memory for.
_UNMAPPED = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory", "out of memory")


def is_shortage(error: BaseException) -> bool:
    """Whether it says so: also a library that cannot be mapped, a thread that gets no stack, and a group of such."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, ImportError) and any(words in str(error) for words in _UNMAPPED))
        or (isinstance(error, RuntimeError) and str(error) == "can't start new thread")
        or (isinstance(error, BaseExceptionGroup) and all(map(is_shortage, error.exceptions)))
    )
