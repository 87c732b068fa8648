"""Threads that are not waited for when the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThreads(ThreadPoolExecutor):
    """An event loop's default executor with a daemon thread for each call.

    Rendering a large organization, or a name server that hangs, would delay the end by seconds otherwise: the threads
    of an ordinary pool are joined when the loop closes, and again when the interpreter exits. A call that gets no
    thread of its own, for the machine or a limit has no more of them, waits for the one that is kept from the start.
    Raises RuntimeError where not even that one is to be had.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        _start(self._run_waiting)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401  as in Executor
        future, run = _call(lambda: fn(*args, **kwargs))
        try:
            _start(run)
        except (RuntimeError, MemoryError):
            self._waiting.put(run)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to wait for."""

    def _run_waiting(self) -> None:
        while True:
            self._waiting.get()()


def call(fn: Callable[[], T]) -> Future[T]:
    """Call it in a daemon thread of its own. Raises RuntimeError where none is to be had."""
    future, run = _call(fn)
    _start(run)
    return future


def _call(fn: Callable[[], T]) -> tuple[Future[T], Callable[[], None]]:
    future: Future[T] = Future()

    def run() -> None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(fn())
            except BaseException as error:  # noqa: BLE001  it is raised again where the result is awaited
                future.set_exception(error)

    return future, run


def _start(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="background", daemon=True).start()
