"""The command `anthropic-exporter`: serve (default), demo, check."""

from __future__ import annotations

# Nothing more is imported before `main`, which has a line for what does not fit into memory.
import os
import sys

TYPE_CHECKING = False  # as in typing, whose import is not free
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from exporter.settings import Settings

WRONG_SETTINGS = 2
INTERRUPTED = 130
ENOMEM = 12
# What the loader says of a shared object that there is no memory for.
UNMAPPED = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory", "out of memory")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 when it ended as asked, 1 when it failed, 2 when the settings are wrong."""
    try:
        _main(sys.argv[1:] if argv is None else argv)
    except (MemoryError, ImportError, OSError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        os.write(2, b"anthropic-exporter: not enough memory, raise its limit (ulimit -v, the container's)\n")
        os._exit(1)


def _main(argv: Sequence[str]) -> NoReturn:
    from exporter.settings import SettingsError, load  # noqa: PLC0415

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


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether it says so: also a library that cannot be mapped, and a thread that gets no stack."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == ENOMEM)
        or (isinstance(error, ImportError) and any(words in str(error) for words in UNMAPPED))
        or (isinstance(error, RuntimeError) and str(error) == "can't start new thread")
    )


def _run(settings: Settings) -> int:
    # Only now: the settings, --help and --version answer without the cost of these imports.
    from exporter import commands, log  # noqa: PLC0415
    from exporter.api.client import ConnectionSettingsError  # noqa: PLC0415
    from exporter.api.key import KeyFileError  # noqa: PLC0415
    from exporter.web.server import ListenError  # noqa: PLC0415

    log.configure(settings.log.level, settings.log.format)
    command = {"serve": commands.serve, "demo": commands.demo, "check": commands.check}[settings.command]
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
