"""The Admin API key: where it comes from, and its renewal when the API refuses it."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr


class KeyFileError(Exception):
    """The key file cannot be used; the text names the file and what to do, never its content."""


class AdminKey:
    """A key from the environment, or from a file that is read again when the API answers 401."""

    def __init__(self, key: SecretStr | None, file: Path | None) -> None:
        self._file = file
        self._current = _read(file) if file else key or SecretStr("")

    @property
    def current(self) -> SecretStr:
        return self._current

    def renew(self, refused: SecretStr) -> bool:
        """Whether there is another key to try than the refused one (raises nothing: a half-written file is no key)."""
        if self._current == refused and self._file:
            try:
                self._current = _read(self._file)
            except KeyFileError:
                return False
        return self._current != refused


def _read(file: Path) -> SecretStr:
    try:
        key = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"the key file {file} is not text") from None
    if not key:
        raise KeyFileError(f"the key file {file} is empty: write the Admin API key into it")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise KeyFileError(f"the key file {file} must hold the Admin API key alone, on one line")
    return SecretStr(key)
