"""What settings are called, and the sources other than flags that they come from: the environment and a YAML file.

Values stay text, so that pydantic converts and checks all in one way. What a source does not know it passes on under
the name that its user wrote, with what there is to say of it for a value: the model forbids it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

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


def unknown(name: str, known: Mapping[str, str]) -> str:
    """What there is to say of an unknown setting, with the nearest of those known, each as compared and as written."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"unknown setting, did you mean {known[near[0]]}?" if near else "unknown setting"


def unknown_flags(settings: type[BaseSettings], words: Sequence[str]) -> Iterator[str]:
    """What there is to say of the words of the arguments that are not known."""
    known = {flag: flag for leaf in leaves_of(settings) for flag in (leaf.flag, leaf.off_flag) if flag}
    flags = [word.partition("=")[0] for word in words if word.startswith("-")]
    for flag in flags:
        yield f"{flag}: {KEY_REFUSED if flag == flag_of(KEY) else unknown(flag, known)}"
    if not flags:  # else they may be the values of those, and secret
        yield from (f"{word}: surplus argument, after the command" for word in words)


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
        return path[0]
    value = values[path[0]][path[1]]
    if isinstance(value, Given):
        return value.name
    return f"{'.'.join(path)} in {values['config']['file']}" if isinstance(value, dict | list) else flag_of(path)


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
        # Compared without the prefix, which would make every two variables look alike.
        bare = {"_".join(path).upper(): leaf.env for path, leaf in self.leaves.items()}
        tree: dict[str, Any] = {}
        for name, text in self.environ.items():
            if text.strip() and name in known:
                section, leaf = known[name]
                tree.setdefault(section, {})[leaf] = Given.under(name, text.strip())
            elif text.strip() and name.startswith(PREFIX) and not self._is_of_kubernetes(name):
                tree[name] = unknown(name.removeprefix(PREFIX), bare)
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
        import yaml  # noqa: PLC0415, only where there is a file

        try:
            data = yaml.safe_load(Path(file).read_bytes())
        except OSError as error:
            problem = f"cannot read {file}: {error.strerror}"
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            # Its own text would quote the file.
            mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None)
            where = f", line {mark.line + 1}" if mark else ""
            problem = f"{file}{where}: not valid YAML{f': {what}' if what else ''}"
        else:
            if isinstance(data, dict | None):
                return self._tree(data or {}, file)
            problem = f"{file}: must be a mapping of settings"
        return {getattr(file, "name", flag_of(CONFIG_FILE)): problem}

    def _tree(self, data: dict[object, object], file: str) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        known = {".".join(path): ".".join(path) for path in self.leaves if path not in {KEY, CONFIG_FILE}}
        for section, settings in data.items():
            if section not in sections(self.settings_cls):
                tree[f"{section} in {file}"] = unknown(str(section), known)
            elif not isinstance(settings, dict | None):
                tree[f"{section} in {file}"] = "must be a mapping of settings"
            for name, value in settings.items() if isinstance(settings, dict) else ():
                path, place = (str(section), str(name)), f"{section}.{name} in {file}"
                if path == KEY:
                    tree[place] = KEY_REFUSED
                elif ".".join(path) not in known:
                    tree[place] = unknown(".".join(path), known)
                elif value is not None:
                    scalar = not isinstance(value, dict | list)
                    tree.setdefault(path[0], {})[path[1]] = Given.under(place, value) if scalar else value
        return tree
