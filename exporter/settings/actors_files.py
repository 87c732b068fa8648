"""The files that say how people are shown: the key of the hash, and the map from addresses to teams, in YAML:

ada@example.com: Search
"*@example.com": Everybody else
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporter.contract.people import EVERYBODY_OF
from exporter.settings.yaml_file import Entry, entries_of, read_texts

SHORTEST_KEY_BYTES = 16


def read_hash_key(path: Path) -> bytes:
    """Without blanks around it. Raises ValueError: whoever guesses a short key has all the names."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    if len(key) < SHORTEST_KEY_BYTES:
        raise ValueError(f"{path} must have at least {SHORTEST_KEY_BYTES} bytes, as `openssl rand -hex 32` writes them")
    return key


def read_teams(path: Path) -> Mapping[str, str]:
    """By address or `*@domain`, in lower case. Raises ValueError, which names no address."""
    teams: dict[str, str] = {}
    for entry in entries_of(path, read_texts):
        address = entry.path[0].strip().lower()
        if problem := _problem(entry, address, teams):
            raise ValueError(f"{path}, line {entry.line}: {problem}")
        teams[address] = str(entry.value).strip()
    return teams


def _problem(entry: Entry, address: str, teams: Mapping[str, str]) -> str:
    local, _, domain = address.rpartition("@")
    if not local or not domain or (EVERYBODY_OF[0] in address and local != EVERYBODY_OF[0]):
        return "must be an e-mail address, or *@ and a domain"
    if address in teams or entry.problem:
        return "is there twice; addresses that differ in case alone are one"
    if not isinstance(entry.value, str) or not entry.value.strip():
        return "must have the name of a team, as text"
    return ""
