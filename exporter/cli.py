"""The command `anthropic-exporter`: serve (default), demo, check."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from exporter.settings import Settings, SettingsError, load

WRONG_SETTINGS = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 when it ended as asked, 1 when it failed, 2 when the settings are wrong."""
    try:
        settings = load(sys.argv[1:] if argv is None else argv, os.environ)
    except SettingsError as error:
        for problem in error.problems:
            print(f"anthropic-exporter: {problem}", file=sys.stderr)
        sys.exit(WRONG_SETTINGS)
    status = _run(settings)
    if settings.command == "check":
        sys.exit(status)
    # Nothing is left to do or to write, and the interpreter would free a large organization object by object.
    os._exit(status)


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
    finally:
        log.flush()
