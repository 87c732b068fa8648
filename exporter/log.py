"""Log lines on standard error: logfmt or JSON, with UTC time stamps and without secrets."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from exporter.api.redact import redact
from exporter.lines import LineWriter
from exporter.shortage import SHORTAGE, is_shortage

# They write URLs with queries, and headers.
SILENT_LOGGERS = ("httpx", "httpcore")
QUIET_LOGGERS = ("asyncio",)

_log = structlog.get_logger()


def configure(level: str, form: Literal["logfmt", "json"]) -> None:
    """One handler for the exporter's own lines and for those of its libraries."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _drop_none,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=["ts", "level", "msg"], drop_missing=True)
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.EventRenamer("msg"),
                _redact,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in SILENT_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Below it is what clients do: counted, not logged.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    _take_over()


def report_unforeseen(error: Exception, **about: str | None) -> str:
    """Log what nobody raises on purpose: with its traceback, unless it is for want of memory. What to call it."""
    if is_shortage(error):
        _log.error(SHORTAGE, **about)
        return SHORTAGE
    _log.exception("a defect in the exporter: please report it", exc_info=error, **about)
    return type(error).__name__


def dropped_lines() -> int:
    """Lines that were lost so far, because standard error was not read or could not be written."""
    return sum(handler.lines.dropped for handler in logging.getLogger().handlers if isinstance(handler, _Handler))


def flush() -> None:
    """Before the process ends: wait for what is being written, for half a second at most."""
    for handler in logging.getLogger().handlers:
        handler.flush()


class _Handler(logging.Handler):
    """Formats a line where it is logged, and has it written elsewhere: standard error may be a pipe that is full."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = LineWriter(sys.stderr, self._told)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.lines.put(self._line(record))
        except Exception:  # noqa: BLE001  as every handler: a line that cannot be formatted harms nobody else
            self.lines.drop()

    def flush(self) -> None:
        self.lines.flush()

    def close(self) -> None:
        self.lines.close()
        super().close()

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def _told(self, dropped: int) -> bytes:
        message = f"{dropped} log lines were dropped: standard error was not read, or could not be written"
        return self._line(logging.makeLogRecord({"levelname": "WARNING", "msg": message}))


def _take_over() -> None:
    """What the interpreter itself would write on standard error, and wait for, is logged like the rest."""
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda lost: _uncaught(lost.exc_type, lost.exc_value, lost.exc_traceback)
    threading.excepthook = lambda lost: _uncaught(lost.exc_type, lost.exc_value, lost.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    logging.getLogger(__name__).critical("uncaught exception", exc_info=(kind, error or kind(), trace))


def _drop_none(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: value for key, value in event.items() if value is not None}


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The last fence: messages are composed without secrets, tracebacks of libraries may not be."""
    return {
        key: value if value is None or isinstance(value, int | float) else redact(str(value))
        for key, value in event.items()
    }
