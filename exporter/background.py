"""Threads that are not waited for when the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class DaemonThreads(ThreadPoolExecutor):
    """An event loop's default executor with a daemon thread for each call.

    Rendering a large organization, or a name server that hangs, would delay the end by seconds otherwise: the threads
    of an ordinary pool are joined when the loop closes, and again when the interpreter exits.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401  as in Executor
        future: Future[Any] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001  it is raised again where the result is awaited
                    future.set_exception(error)

        threading.Thread(target=run, name="background", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing to wait for."""
