"""Settings that are given, and what is said of wrong ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.settings.model import Settings, SettingsError, load
from exporter.settings.sources import Leaf

SECRET = "hunter2-" + "x" * 20
KEY = {"ANTHROPIC_ADMIN_API_KEY": SECRET}
KEY_REFUSED = "the key is read from ANTHROPIC_ADMIN_API_KEY, or from the file that --api.key-file names, only"


def refused(*argv: str, **environ: str) -> list[str]:
    """What is wrong with these flags and variables."""
    with pytest.raises(SettingsError) as caught:
        load(argv, environ)
    return caught.value.problems


def problems(*argv: str, **environ: str) -> list[str]:
    """What is wrong with these flags and variables, beside a good key."""
    return refused(*argv, **KEY | environ)


def yaml(folder: Path, text: str) -> str:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def value(settings: Settings, leaf: Leaf) -> object:
    section, name = leaf.path
    return getattr(getattr(settings, section), name)


# Words that only a library says.
LIBRARYS = re.compile(
    r"Input should|should have|should be|validation|Tuple|explicit argument|expected|Value error|type=|unable to parse"
    r"|embedded|codec|hex digits|surrogate"
)


def in_our_words(problem: str) -> bool:
    """One line that names what is wrong, and says so in nobody else's words."""
    return ": " in problem and "\n" not in problem and not LIBRARYS.search(problem)
