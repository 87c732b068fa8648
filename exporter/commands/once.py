"""`anthropic-exporter once`: one exposition after one refresh, for a look, for support, for a textfile collector."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from exporter.api.key import AdminKey
from exporter.background import DaemonThreads
from exporter.commands.assembly import Upstream, assemble, utc_now
from exporter.exposition.formats import Format
from exporter.settings.model import Settings

# Of this process, which is over when they are read.
OF_THE_PROCESS = (b"process_", b"# HELP process_", b"# TYPE process_")
READABLE_BY_ALL = 0o644  # node_exporter is another user


def once(settings: Settings) -> int:
    """0 when every collector that the API serves has been read, else 1; what could be read is written all the same."""
    exposition, is_up = asyncio.run(_read(settings))
    try:
        if settings.output_file:
            _replace(settings.output_file, exposition)
        else:
            sys.stdout.buffer.write(exposition)
            sys.stdout.buffer.flush()
    except OSError as error:
        where = settings.output_file or "standard output"
        print(f"anthropic-exporter: cannot write {where}: {error.strerror}", file=sys.stderr)
        return 1
    return 0 if is_up else 1


async def _read(settings: Settings) -> tuple[bytes, bool]:
    """The exposition, and whether it is whole."""
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    parts = assemble(settings, Upstream(settings.api.base_url, AdminKey(settings.api.key, settings.api.key_file)))
    async with parts.client:
        await asyncio.gather(*(job.refresh_once(utc_now()) for job in parts.organization))
        await parts.poller.publish()
    lines = b"".join(parts.publisher.snapshot.plain[Format.TEXT].chunks).splitlines(keepends=True)
    served = [job.state for job in parts.organization if job.state.available]
    is_up = bool(served) and all(state.up for state in served)
    return b"".join(line for line in lines if not line.startswith(OF_THE_PROCESS)), is_up


def _replace(file: Path, content: bytes) -> None:
    """As a whole: whoever reads it meanwhile reads the old one or the new one."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        Path(name).chmod(READABLE_BY_ALL)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
