"""The command `anthropic-exporter`: serve (default), demo, check, once."""

from __future__ import annotations

# Nothing that is not free is imported before `main`, which has a line for what does not fit into memory.
import os
import sys

from exporter.shortage import SHORTAGE, is_shortage

TYPE_CHECKING = False  # as in typing, whose import is not free
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from exporter.settings.model import Settings

WRONG_SETTINGS = 2
INTERRUPTED = 130
# Address space that the imports take, and then a small organization with its threads. With less of it the interpreter
# and its libraries fail in many ways, not all of which say why, or end at all.
IMPORTS_BYTES = 52 << 20
RUNNING_BYTES = 128 << 20
STACK_BYTES = 2 << 20  # of a thread: the usual eight megabytes of address space are not needed
NO_MEMORY = f"anthropic-exporter: {SHORTAGE}\n".encode()


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 when it ended as asked, 1 when it failed, 2 when the settings are wrong."""
    try:
        _require(IMPORTS_BYTES)
        _main(sys.argv[1:] if argv is None else argv)
    except Exception as error:
        if not is_shortage(error):
            raise
        os.write(2, NO_MEMORY)
        os._exit(1)


def _main(argv: Sequence[str]) -> NoReturn:
    from exporter.settings.model import SettingsError, load  # noqa: PLC0415

    try:
        settings = load(argv, os.environ)
    except SettingsError as error:
        for problem in error.problems:
            print(f"anthropic-exporter: {problem}", file=sys.stderr)
        sys.exit(WRONG_SETTINGS)
    status = _run(settings)
    if settings.command == "check":
        sys.exit(status)
    # Nothing is left to do or to write, and the interpreter would free a large organization object by object.
    os._exit(status)


def _require(size_bytes: int) -> None:
    """Raises MemoryError when the address space has no room for it; what is not written to takes no memory."""
    bytes(size_bytes)


def _run(settings: Settings) -> int:
    # Only now: the settings, --help and --version answer without the cost of these imports.
    import threading  # noqa: PLC0415

    from exporter import log, memory  # noqa: PLC0415
    from exporter.api.errors import ConnectionSettingsError  # noqa: PLC0415
    from exporter.api.key import KeyFileError  # noqa: PLC0415
    from exporter.commands.check import check  # noqa: PLC0415
    from exporter.commands.demo import demo  # noqa: PLC0415
    from exporter.commands.once import once  # noqa: PLC0415
    from exporter.commands.serve import serve  # noqa: PLC0415
    from exporter.web.server import ListenError  # noqa: PLC0415

    threading.stack_size(STACK_BYTES)
    memory.limit_heaps()
    log.configure(settings.log.level, settings.log.format)
    command = {"serve": serve, "demo": demo, "check": check, "once": once}[settings.command]
    if settings.command != "check":  # after the log's thread, which takes room of its own
        _require(RUNNING_BYTES)
    try:
        return command(settings)
    except (KeyFileError, ConnectionSettingsError) as error:
        print(f"anthropic-exporter: {error}", file=sys.stderr)
        return WRONG_SETTINGS
    except ListenError as error:
        print(f"anthropic-exporter: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        log.flush()
