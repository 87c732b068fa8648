"""The Admin API key: where it comes from, its renewal when the API refuses it, and what kind of key it looks like."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from exporter import background

READ_SECONDS = 5.0  # a file on a mount that hangs is no key
LARGEST_FILE_BYTES = 65_536
NEEDED = "an Admin key begins with sk-ant-admin (Console > Settings > Admin keys)"

ADMIN = "an Admin key"
_KINDS = (
    (r"sk-ant-admin", ADMIN),
    (r"sk-ant-api03-", "a workspace's key (sk-ant-api03-…)"),
    (r"sk-ant-api01-", "a Claude Enterprise key (sk-ant-api01-…)"),
    (r"sk-ant-oat", "an OAuth token (sk-ant-oat…)"),
    (r"sk-ant-", "an Anthropic key of another kind"),
    (r"[\"'`]", "a key in quotes"),
    (r"(?i:bearer|authorization|x-api-key)\b", "a whole header, not the key alone"),
    (r"[A-Za-z_]\w*=[^=]", "NAME=value, not the key alone"),
    (r"[{[]", "JSON, not the key alone"),
    (r"\.{0,2}/|~", "the path of a file (which --api.key-file would read)"),
)


class KeyFileError(Exception):
    """The key file cannot be used; the text names the file and what to do, never its content."""


class AdminKey:
    """A key from the environment, or from a file that is read again when the API answers 401."""

    def __init__(self, key: SecretStr | None, file: Path | None) -> None:
        self._file = file
        self._current = _read(file) if file else key or SecretStr("")
        self._reading: asyncio.Future[SecretStr | None] | None = None

    @property
    def current(self) -> SecretStr:
        return self._current

    async def renew(self, refused: SecretStr) -> bool:
        """Whether there is another key to try than the refused one (raises nothing: a half-written file is no key)."""
        if self._current == refused and self._file:
            self._current = await self._reread(self._file) or self._current
        return self._current != refused

    async def _reread(self, file: Path) -> SecretStr | None:
        """The file's key, read in a thread: there is one at the most, however often a mount hangs."""
        reading = self._reading
        if reading is None or reading.done():
            reading = asyncio.wrap_future(background.call(partial(_read_if_usable, file)))
        self._reading = reading
        await asyncio.wait({reading}, timeout=READ_SECONDS)
        return reading.result() if reading.done() else None


def advice(key: str) -> str:
    """What there is to say of a key that is refused, never more of it than its kind; empty where it looks right."""
    kind = kind_of(key)
    if kind == ADMIN:
        return ""
    looks = f"the key looks like {kind}" if kind else "the key does not look like one of Anthropic's"
    return f"{looks}; {NEEDED}"


def kind_of(key: str) -> str:
    """What the key looks like, never more of it; empty where it does not look like one of Anthropic's."""
    return next((kind for pattern, kind in _KINDS if re.match(pattern, key)), "")


def _read_if_usable(file: Path) -> SecretStr | None:
    try:
        return _read(file)
    except KeyFileError:
        return None


def _read(file: Path) -> SecretStr:
    try:
        key = _content(file).decode().strip()
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"the key file {file} is not text") from None
    if not key:
        raise KeyFileError(f"the key file {file} is empty: write the Admin API key into it")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise KeyFileError(f"the key file {file} must hold the Admin API key alone, on one line")
    return SecretStr(key)


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"


def _content(file: Path) -> bytes:
    # Without waiting for the other end of a pipe.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) and status.st_rdev != Path(os.devnull).stat().st_rdev:  # Compose's "no key"
            raise KeyFileError(f"the key file {file} is {_kind(status.st_mode)}: it must be an ordinary file")
        with open(descriptor, "rb", closefd=False) as opened:
            content = opened.read(LARGEST_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > LARGEST_FILE_BYTES:
        raise KeyFileError(f"the key file {file} is larger than {LARGEST_FILE_BYTES} bytes: it must hold the key alone")
    return content
