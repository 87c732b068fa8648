"""What settings are called, and the sources other than flags that they come from: the environment and a YAML file.

Values stay text, so that pydantic converts and checks all in one way. What a source does not know it passes on under
the name that its user wrote, with what there is to say of it for a value: the model forbids it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

if TYPE_CHECKING:
    from exporter.settings import yaml_file

PREFIX = "ANTHROPIC_EXPORTER_"
SettingPath = tuple[str, ...]  # ("usage", "days")
KEY: SettingPath = ("api", "key")
KEY_FILE: SettingPath = ("api", "key_file")
BASE_URL: SettingPath = ("api", "base_url")
CONFIG_FILE: SettingPath = ("config", "file")
OWN_NAMES = {
    KEY: "ANTHROPIC_ADMIN_API_KEY",
    KEY_FILE: "ANTHROPIC_ADMIN_API_KEY_FILE",
    BASE_URL: "ANTHROPIC_BASE_URL",
}
KEY_REFUSED = "the key is read from ANTHROPIC_ADMIN_API_KEY, or from the file that --api.key-file names, only"
# What Kubernetes sets in pods beside a Service called anthropic-exporter, or anthropic-exporter-more.
KUBERNETES = re.compile(
    rf"({PREFIX}(?:\w+?_)??)(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


class Leaf(NamedTuple):
    """One setting, as the help and the documentation describe it."""

    path: SettingPath
    field: FieldInfo
    flag: str | None
    off_flag: str | None
    env: str
    default: str  # as it would be written; empty where there is none
    description: str


def sections(settings: type[BaseSettings]) -> dict[str, type[BaseModel]]:
    types = {name: field.annotation for name, field in settings.model_fields.items()}
    return {name: type_ for name, type_ in types.items() if isinstance(type_, type) and issubclass(type_, BaseModel)}


def leaves_of(settings: type[BaseSettings]) -> Iterator[Leaf]:
    for section, model in sections(settings).items():
        for name, field in model.model_fields.items():
            path = (section, name)
            flag = None if path == KEY else flag_of(path)
            off_flag = f"--no-{flag[2:]}" if flag and field.annotation is bool else None
            env = OWN_NAMES.get(path, PREFIX + "_".join(path).upper())
            yield Leaf(path, field, flag, off_flag, env, _text(field.default), field.description or "")


def flag_of(path: SettingPath) -> str:
    return "--" + ".".join(path).replace("_", "-")


def closest(written: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that is like what was written."""
    near = difflib.get_close_matches(written.lower(), names, n=1, cutoff=cutoff)
    return near[0] if near else None


def nearest(name: str, leaves: Iterable[Leaf]) -> Leaf | None:
    """The setting that an unknown one seems to mean: of the same section, or else of nearly the same whole name."""
    written = re.sub(r"\W", "_", name.lower())
    named = {"_".join(leaf.path): leaf for leaf in leaves}
    section = next((f"{leaf.path[0]}_" for leaf in named.values() if written.startswith(f"{leaf.path[0]}_")), None)
    if section is None:
        near = closest(written, named, 0.8)
    else:
        own = [each.removeprefix(section) for each in named if each.startswith(section)]
        near = section + rest if (rest := closest(written.removeprefix(section), own)) else None
    return named[near] if near else None


def unknown(meant: str | None) -> str:
    """What there is to say of an unknown setting."""
    return f"unknown setting, did you mean {meant}?" if meant else "unknown setting"


class Given(str):
    """The text of a setting, and what it was called where it was written."""

    __slots__ = ("name",)
    name: str

    @classmethod
    def under(cls, name: str, value: object) -> Self:
        given = cls(_text(value))
        given.name = name
        return given


def name_of(path: SettingPath, values: Mapping[str, Any]) -> str:
    """What the one who gave the value called it."""
    if len(path) == 1:
        return path[0] if path[0] == "command" else flag_of(path)
    value = values[path[0]][path[1]]
    if isinstance(value, Given):
        return value.name
    return f"{'.'.join(path)} in {values['config']['file']}" if isinstance(value, list) else flag_of(path)


def _text(value: object) -> str:
    """A value as it would be written in a flag."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


class _Source(PydanticBaseSettingsSource):
    def __init__(self, settings: type[BaseSettings]) -> None:
        super().__init__(settings)
        self.leaves = {leaf.path: leaf for leaf in leaves_of(settings)}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # these sources are read as a whole


class Environment(_Source):
    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings)
        self.environ = environ

    def __call__(self) -> dict[str, Any]:
        known = {leaf.env: path for path, leaf in self.leaves.items()}
        tree: dict[str, Any] = {}
        for name, text in self.environ.items():
            if text.strip() and name in known:
                section, leaf = known[name]
                tree.setdefault(section, {})[leaf] = Given.under(name, text.strip())
            elif text.strip() and name.startswith(PREFIX) and not self._is_of_kubernetes(name):
                near = nearest(name.removeprefix(PREFIX), self.leaves.values())
                tree[name] = unknown(near and near.env)
        return tree

    def _is_of_kubernetes(self, name: str) -> bool:
        match = KUBERNETES.fullmatch(name)
        return match is not None and (match[1] == PREFIX or f"{match[1]}SERVICE_HOST" in self.environ)


class File(_Source):
    """The YAML file that a flag or a variable names."""

    def __call__(self) -> dict[str, Any]:
        file = self.current_state.get("config", {}).get("file")
        if file is None:
            return {}
        from exporter.settings import yaml_file  # noqa: PLC0415  only where there is a file

        try:
            entries = yaml_file.read(Path(file).read_bytes())
        except OSError as error:
            problem = f"cannot read {file}: {error.strerror}"
        except yaml_file.YamlError as error:
            problem = f"{file}{error}"
        except ValueError:  # a null or half a character in the name
            problem = "must be the name of a file"
        else:
            return self._tree(entries, file)
        return {getattr(file, "name", flag_of(CONFIG_FILE)): problem}

    def _tree(self, entries: Iterable[yaml_file.Entry], file: str) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        known = sections(self.settings_cls)
        for path, value, problem, _ in entries:
            place = f"{'.'.join(path)} in {file}"
            if len(path) == 1:
                wrong = problem if path[0] in known else unknown(self._section_meant(path[0]))
            elif path[0] in known:
                wrong = self._unknown(path) or problem
            else:
                continue
            if wrong:
                tree[place] = wrong
            elif value is not None:
                tree.setdefault(path[0], {})[path[1]] = value if isinstance(value, list) else Given.under(place, value)
        return tree

    def _section_meant(self, name: str) -> str | None:
        if leaf := nearest(name, self.leaves.values()):
            return f"{leaf.path[1]} under {leaf.path[0]}"
        return closest(name, sections(self.settings_cls), 0.8)

    def _unknown(self, path: SettingPath) -> str:
        """What there is to say of a setting that a file has no place for."""
        if path in self.leaves and path not in {KEY, CONFIG_FILE}:
            return ""
        leaf = nearest(".".join(path), (leaf for leaf in self.leaves.values() if leaf.path != CONFIG_FILE))
        return KEY_REFUSED if leaf and leaf.path == KEY else unknown(leaf and ".".join(leaf.path))
