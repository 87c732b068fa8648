"""CPU work beside the event loop that does not outlive the process's end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_background(work: Callable[[], T]) -> T:
    """The work's result, from a daemon thread: unlike a pool's threads, it is not waited for when the process ends."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if result.cancelled():
            return
        if error is None:
            result.set_result(value)  # type: ignore[arg-type]  # without an error there is a value
        else:
            result.set_exception(error)

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as raised:  # noqa: BLE001  it is raised again where the result is awaited
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody wants the result
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return await result
