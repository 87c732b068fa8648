"""Every setting: its default, its unit (in its name), its description; from flags, the environment and a YAML file.

Whatever is unknown or wrong is refused at once and together, each under the name that its user wrote.
"""

from __future__ import annotations

import os
import platform
import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, get_args

import pydantic_settings
from pydantic import Field, model_validator
from pydantic_core import ErrorDetails, ValidationError
from pydantic_settings import BaseSettings, CliApp, CliPositionalArg, CliSettingsSource, CliUnknownArgs

from exporter import __version__
from exporter.api.address import is_loopback
from exporter.settings.flags import unknown_flags, without_values_of_switches, wrong_flag
from exporter.settings.messages import no_key, wrong_value
from exporter.settings.polls import too_often
from exporter.settings.sections import (
    Actors,
    Api,
    ClaudeCode,
    Collector,
    Config,
    Cost,
    Demo,
    Limits,
    Log,
    Nowcast,
    Organization,
    Usage,
    Web,
)
from exporter.settings.sources import BASE_URL, KEY, KEY_FILE, Environment, File, Leaf, flag_of, leaves_of, name_of

LONGEST_PROBLEM = 1000
HELP_COLUMNS = 100
REAL_API = (KEY, KEY_FILE, BASE_URL)  # what the demo, which brings its own API, must not even look at
DEMO_ADDRESS = "127.0.0.1:9817"  # whoever only has a look shows it to nobody
DEMO_TAGS = "team,cost_center"
DEMO_HOURS = 170  # as the alert on the last hour needs them
# Problems with these in them are of the key, or of what may name its file: they say why there is none.
OF_THE_KEY = ("ANTHROPIC_ADMIN_API_KEY", "api.key", "api in ", "config.file", "CONFIG_FILE")


class SettingsError(Exception):
    """All that is wrong with the settings, a line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        # A key that was put in the wrong place, say as the name of the key file, stays secret.
        lines = (re.sub(r"sk-ant-[\w-]*", "sk-ant-***", " ".join(problem.split())) for problem in problems)
        self.problems = [line if len(line) <= LONGEST_PROBLEM else f"{line[:LONGEST_PROBLEM]}…" for line in lines]
        super().__init__("\n".join(self.problems))


Command = Literal["serve", "demo", "check", "once"]
# Flags of one command: the field, and whose it is.
OF_COMMANDS = {"output": "check", "output_file": "once"}
EPILOG = """\
examples:
  anthropic-exporter demo                       invented numbers, on http://localhost:9817
  anthropic-exporter check                      what the key may read
  anthropic-exporter --cost.days=14 --no-claude-code.enabled
  anthropic-exporter once --output-file=/var/lib/node_exporter/anthropic.prom

Flags override environment variables, which override the YAML file.
"""

# The library hands nothing on to the sources: this is the environment that `load` was called with.
environment: ContextVar[Mapping[str, str]] = ContextVar("environment", default=os.environ)


class Settings(BaseSettings):
    """Prometheus exporter for the usage, cost and Claude Code activity of an Anthropic organization."""

    model_config = pydantic_settings.SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        cli_prog_name="anthropic-exporter",
        cli_exit_on_error=False,
        cli_hide_none_type=True,
        cli_ignore_unknown_args=True,  # they are kept in unknown_flags, to be refused together with all else
        cli_implicit_flags=True,
        cli_kebab_case=True,
        cli_parse_none_str="\0",  # no argument means None
    )

    command: CliPositionalArg[Command] = Field(
        default="serve",
        description="serve: the metrics of an organization (default); demo: those of a simulated one, without key or"
        " network; check: what the key may read, and yesterday's cost; once: one exposition, after one refresh",
    )
    # Of one command each, and so but flags.
    output: Literal["text", "json"] = Field(default="text", description="Of check: text for people, json for programs")
    output_file: Path | None = Field(
        default=None,
        description="Of once: the file to write, replaced as a whole, as node_exporter's textfile collector wants it",
    )
    config: Config = Field(default=Config(), description="Configuration file")
    api: Api = Field(default=Api(), description="Admin API; its key: ANTHROPIC_ADMIN_API_KEY")
    web: Web = Field(default=Web(), description="Endpoint")
    usage: Usage = Field(default=Usage(), description="Usage of the API")
    cost: Cost = Field(default=Cost(), description="Cost")
    nowcast: Nowcast = Field(default=Nowcast(), description="Nowcast: what is not billed yet")
    claude_code: ClaudeCode = Field(default=ClaudeCode(), description="Claude Code")
    organization: Organization = Field(
        default=Organization(), description="Organization: workspaces, keys, people, and their names"
    )
    limits: Limits = Field(default=Limits(), description="Rate and spend limits")
    actors: Actors = Field(default=Actors(), description="People: what stands for their e-mail addresses")
    log: Log = Field(default=Log(), description="Log")
    demo: Demo = Field(default=Demo(), description="Simulated organization of the command `demo`")
    unknown_flags: CliUnknownArgs

    def collectors(self) -> dict[str, Collector]:
        """The sections that are of a collector."""
        return {name: section for name, section in self if isinstance(section, Collector)}

    @property
    def has_nowcast(self) -> bool:
        """It has nothing to say without usage and cost."""
        return self.nowcast.enabled and self.usage.enabled and self.cost.enabled

    def enabled(self) -> dict[str, Collector]:
        """The collectors that refresh."""
        return {
            name: section
            for name, section in self.collectors().items()
            if (self.has_nowcast if name == "nowcast" else section.enabled)
        }

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: object, **__: object
    ) -> tuple[pydantic_settings.PydanticBaseSettingsSource, ...]:
        return Environment(settings_cls, environment.get()), File(settings_cls)  # flags go before both

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, values: dict[str, Any], validate: Callable[[object], Self]) -> Self:
        """Raises SettingsError with all that is wrong."""
        words = values.pop("unknown_flags", [])
        if (values.get("command") or "").startswith("-"):
            words = [values.pop("command"), *words]  # argparse takes an unknown flag with a space in it for a word
        problems = list(unknown_flags(words, list(leaves())))
        if values.get("command") == "demo":
            values = _without(values, REAL_API)
            values["web"] = {"listen_address": DEMO_ADDRESS} | values.get("web", {})
            values["usage"] = {"hours": DEMO_HOURS} | values.get("usage", {})
            values["organization"] = {"workspace_tags": DEMO_TAGS} | values.get("organization", {})
        wrong: set[tuple[str, ...]] = set()
        try:
            settings = validate(values)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                path = tuple(map(str, details["loc"][:2]))
                wrong.add(path)
                # A word may be the value of an unknown flag, and secret.
                if path != ("command",) or not any(word.startswith("-") for word in words):
                    problems.append(_problem(path, details, values))
            # What is wrong falls back to its default, so that the rest can still be held against each other.
            settings = validate(_without(values, wrong))
        problems += _conflicts(settings, values, wrong, problems)
        if problems:
            raise SettingsError(problems)
        return settings


def leaves() -> Iterator[Leaf]:
    return leaves_of(Settings)


FLAGS = {leaf.flag: leaf for leaf in leaves() if leaf.flag}


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings of the arguments (without the program's name), the environment and the file that they name.

    Raises SettingsError with all that is wrong, and SystemExit after `--help` and `--version`.
    """
    source = CliSettingsSource[ArgumentParser](Settings, add_argument_method=_add_argument)
    source.root_parser.usage = f"anthropic-exporter [{' | '.join(get_args(Command))}] [flags]"
    source.root_parser.epilog = EPILOG
    source.root_parser.formatter_class = partial(RawDescriptionHelpFormatter, width=HELP_COLUMNS, max_help_position=34)
    version = f"anthropic-exporter, version {__version__} (python {platform.python_version()})"
    source.root_parser.add_argument("--version", action="version", version=version, help="print the version and exit")
    words, problems = without_values_of_switches(argv, FLAGS.values())
    token = environment.set(environ)
    try:
        settings = CliApp.run(Settings, words, source)
    except pydantic_settings.SettingsError as error:
        problems.append(wrong_flag(str(error).removeprefix("error parsing CLI: argument ")))
    except SettingsError as error:
        problems += error.problems
    finally:
        environment.reset(token)
    if problems:
        raise SettingsError(problems)
    return settings


def _add_argument(parser: ArgumentParser, *names: str, **options: Any) -> None:  # noqa: ANN401, argparse's own
    if leaf := FLAGS.get(names[0]):
        default = f"; default {leaf.default}" if leaf.default else ""
        options["help"] = f"{leaf.description} ({leaf.env}{default})".replace("%", "%%")
        if isinstance(leaf.field.default, tuple):
            options["metavar"] = "str,..."
    own = Settings.model_fields.get(names[0].removeprefix("--").replace("-", "_"))
    if own and (names[0] == "command" or names[0][2:].replace("-", "_") in OF_COMMANDS):
        options["help"] = own.description
        parser.add_argument(*names, **options)
    elif leaf or "dest" not in options:  # others are the key, and each section as a JSON text
        parser.add_argument(*names, **options)


def _without(values: Mapping[str, Any], paths: Collection[tuple[str, ...]]) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if (name,) not in paths}
    return kept | {
        section: {name: value for name, value in kept[section].items() if (section, name) not in paths}
        for section in {path[0] for path in paths if isinstance(kept.get(path[0]), dict)}
    }


def _problem(path: tuple[str, ...], details: ErrorDetails, values: Mapping[str, Any]) -> str:
    if details["type"] == "extra_forbidden":  # what a source refused, with its reason
        return f"{path[0]}: {details['input']}"
    own = Settings.model_fields[path[0]] if len(path) == 1 else None
    field = own or next(leaf.field for leaf in leaves() if leaf.path == path)
    return f"{name_of(path, values)}: {wrong_value(field, details, secret=path in REAL_API)}"


def _conflicts_of_actors(
    settings: Settings, values: Mapping[str, Any], wrong: Collection[tuple[str, ...]]
) -> Iterator[str]:
    own = ("actors", "mode")
    for mode, name in (("hash", "hash_key_file"), ("map", "map_file")):
        is_given, path = getattr(settings.actors, name) is not None, ("actors", name)
        if settings.actors.mode == mode and not is_given and path not in wrong:
            yield f"{name_of(own, values)}: {mode} needs {flag_of(path)}"
        if is_given and settings.actors.mode != mode and own not in wrong:
            yield f"{name_of(path, values)}: is for {flag_of(own)}={mode}"


def _conflicts(
    settings: Settings, values: Mapping[str, Any], wrong: Collection[tuple[str, ...]], problems: Sequence[str]
) -> Iterator[str]:
    key, key_file = (name in values.get("api", {}) for _, name in (KEY, KEY_FILE))
    if key and key_file:
        yield f"{name_of(KEY, values)} and {name_of(KEY_FILE, values)}: set only one of them"
    yield from _conflicts_of_actors(settings, values, wrong)
    if not settings.enabled():
        yield "nothing to collect: all collectors are disabled"
    for name, command in OF_COMMANDS.items():
        if name in values and settings.command != command and ("command",) not in wrong:
            yield f"{flag_of((name,))}: belongs to the command {command}"
    if settings.command == "demo" or ("command",) in wrong:
        return
    if not (key or key_file or any(word in problem for problem in problems for word in OF_THE_KEY)):
        yield no_key(environment.get())
    if BASE_URL not in wrong and not is_loopback(settings.api.base_url):
        yield from too_often(settings, values)
