"""Every section of settings: its defaults, units (in names), descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import NoDecode

from exporter.settings.values import (
    BaseUrl,
    CertificatesFile,
    Days,
    Distinct,
    HashKeyFile,
    Interval,
    Key,
    ListenAddresses,
    PricesFile,
    ReadableFile,
    Seconds,
    Tag,
    TeamsFile,
    TelemetryPath,
    WithinAnHour,
    Words,
)

Dimension = Literal["api_key_id", "account_id", "service_account_id", "context_window", "inference_geo", "speed"]


class SettingsSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)


class Config(SettingsSection):
    file: Path | None = Field(default=None, description="YAML file with any of these settings, nested, in snake_case")


class Api(SettingsSection):
    base_url: BaseUrl = Field(
        default="https://api.anthropic.com", description="Address of the API; https unless the host is loopback"
    )
    key: Key | None = Field(default=None, description="Admin API key; neither a flag nor in the YAML file")
    key_file: ReadableFile | None = Field(default=None, description="File with the Admin API key")
    timeout_seconds: Seconds = Field(default=30, description="Longest time that one HTTP request may take")
    retry_seconds: Seconds = Field(default=60, description="Most time that a request may spend on retries")
    ca_file: CertificatesFile | None = Field(
        default=None, description="PEM file of certificate authorities to trust in addition to the default ones"
    )


class Web(SettingsSection):
    listen_address: ListenAddresses = Field(
        default=(":9817",),
        description="Address to listen on: :PORT, HOST:PORT or [IPV6]:PORT; repeatable or with commas",
    )
    telemetry_path: TelemetryPath = Field(default="/metrics", description="Path under which the metrics are served")
    max_series: int = Field(
        default=0,
        ge=0,
        description="Most samples that a scrape may have: the smallest contributors become `other`, people first; 0 for"
        " no bound",
    )
    max_requests: int = Field(
        default=40,
        ge=1,
        description="Most requests that are answered at the same time; further ones get 503, but for probes",
    )
    page: bool = Field(
        default=True, description="Whether the page at / shows what was spent; otherwise it has links only"
    )


class Collector(SettingsSection):
    enabled: bool = True
    interval_seconds: Interval


def _collect(what: str) -> Any:  # noqa: ANN401  as pydantic's own Field
    return Field(default=True, description=f"Whether to collect {what}")


class Usage(Collector):
    enabled: bool = _collect("tokens and web searches")
    interval_seconds: Interval = 300
    days: Days = 10
    # The API groups by five at most, three of which are always there.
    group_by: Annotated[tuple[Dimension, ...], NoDecode, Words, Distinct] = Field(
        default=(),
        max_length=2,
        description="Dimensions to add to workspace_id, model, service_tier, at most 2 of api_key_id, account_id,"
        " service_account_id, context_window, inference_geo, speed; repeatable or with commas",
    )
    hours: int = Field(
        default=0, ge=0, le=192, description="Number of UTC hours to expose, the current one included; 0 for none"
    )
    hours_group_by: Annotated[tuple[Literal["model"], ...], NoDecode, Words, Distinct] = Field(
        default=(), description="Dimensions of the hours to add to workspace_id: model"
    )


class Cost(Collector):
    enabled: bool = _collect("billed cost")
    interval_seconds: Interval = 900
    days: Days = 31
    prices_file: PricesFile | None = Field(
        default=None, description="YAML file of list prices, over those of the package: the nowcast begins with them"
    )


class Nowcast(Collector):
    enabled: bool = Field(
        default=True, description="Whether to estimate what is not billed yet; only where usage and cost are collected"
    )
    interval_seconds: Interval = 300


class ClaudeCode(Collector):
    enabled: bool = _collect("Claude Code activity")
    interval_seconds: Interval = 900
    days: Days = 9
    actor_days: Days = Field(default=2, description="Number of the newest UTC days on which actors have their names")
    group_by: Annotated[tuple[Literal["remote", "subscription_type"], ...], NoDecode, Words, Distinct] = Field(
        default=(), description="Labels to add, of remote, subscription_type; repeatable or with commas"
    )


class Organization(Collector):
    enabled: bool = _collect(
        "workspaces and their members, API keys, users, invites and service accounts, and the names of what is in the"
        " reports"
    )
    interval_seconds: Interval = 3600
    name: str | None = Field(
        default=None, min_length=1, description="Value of the label `organization`; without it there is no such label"
    )
    workspace_tags: Annotated[tuple[Tag, ...], NoDecode, Words, Distinct] = Field(
        default=(),
        description="Tags of workspaces that become labels of anthropic_workspace_info, such as team: the label is"
        " tag_team; repeatable or with commas",
    )


class Limits(Collector):
    enabled: bool = _collect("rate limits and the busiest minute beside them, and spend limits")
    interval_seconds: WithinAnHour = 900


class Actors(SettingsSection):
    mode: Literal["email", "hash", "map", "drop"] = Field(
        default="email",
        description="How people are shown: email, as the API names them; hash of the address; map to teams; drop, all"
        " as one",
    )
    hash_key_file: HashKeyFile | None = Field(
        default=None, description="File with the key of the hash, of at least 16 bytes, the same in all replicas"
    )
    map_file: TeamsFile | None = Field(
        default=None, description="YAML file of teams by e-mail address or *@domain; SIGHUP has it read again"
    )
    max: int = Field(
        default=0,
        ge=0,
        description="Most actors of Claude Code that keep their names, the others are `other`; 0 for no bound",
    )


class Log(SettingsSection):
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged"
    )
    format: Literal["logfmt", "json"] = Field(default="logfmt", description="Format of a line: logfmt or json")


class Demo(SettingsSection):
    actors: int = Field(default=50, ge=0, description="Number of people and API keys that use Claude Code")
    workspaces: int = Field(default=6, ge=1, description="Number of workspaces")
    seed: int = Field(default=1, description="Seed of the simulation: the same seed gives the same organization")
    spike: bool = Field(default=False, description="One workspace's traffic runs away yesterday and today")
    growth: bool = Field(
        default=True,
        description="The current day grows as the clock does; without it every day is whole from its start",
    )
