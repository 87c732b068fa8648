from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import __version__
from exporter.settings.model import leaves, load
from tests.support.loading import KEY, SECRET, value, yaml

# Defaults, sources and their order


def test_a_key_is_all_that_is_needed() -> None:
    settings = load([], KEY)
    assert settings.command == "serve"
    assert settings.api.key is not None
    assert settings.api.key.get_secret_value() == SECRET
    for leaf in leaves():
        if leaf.env not in KEY:
            assert value(settings, leaf) == leaf.field.default, leaf


def test_every_setting_is_described_and_named_once() -> None:
    every = list(leaves())
    assert all(leaf.description for leaf in every)
    assert len({leaf.env for leaf in every}) == len({leaf.flag for leaf in every}) == len(every)


def test_names_follow_from_the_path() -> None:
    names = {leaf.path: (leaf.flag, leaf.env, leaf.default) for leaf in leaves()}
    assert names["claude_code", "interval_seconds"] == (
        "--claude-code.interval-seconds",
        "ANTHROPIC_EXPORTER_CLAUDE_CODE_INTERVAL_SECONDS",
        "900",
    )
    assert names["web", "listen_address"][2] == ":9817"
    assert names["demo", "growth"][2] == "true"
    assert names["api", "key"] == (None, "ANTHROPIC_ADMIN_API_KEY", "")
    assert names["api", "key_file"][:2] == ("--api.key-file", "ANTHROPIC_ADMIN_API_KEY_FILE")
    assert names["api", "base_url"][:2] == ("--api.base-url", "ANTHROPIC_BASE_URL")


# For each kind of value: the setting, and three texts that differ from each other.
SETTINGS = {
    "usage.days": ("3", "4", "5"),
    "api.timeout-seconds": ("1.5", "2", "3"),
    "log.level": ("debug", "warning", "error"),
    "organization.name": ("a", "b", "c"),
    "web.listen-address": (":1", "host:2", "[::1]:3"),
    "api.base-url": ("https://a", "https://b/c", "http://localhost:1"),
}


@given(
    sources=st.sets(st.sampled_from(["flag", "environment", "file"]), min_size=1),
    flag=st.sampled_from(sorted(SETTINGS)),
)
def test_flag_goes_before_environment_before_file(
    tmp_path_factory: pytest.TempPathFactory, sources: set[str], flag: str
) -> None:
    leaf = next(leaf for leaf in leaves() if leaf.flag == f"--{flag}")
    by_flag, by_environment, by_file = SETTINGS[flag]
    argv, environ, expected = [], dict(KEY), ""
    if "file" in sources:
        section, name = leaf.path
        text = f"{section}:\n  {name}: '{by_file}'\n"
        argv.append(f"--config.file={yaml(tmp_path_factory.mktemp('yaml'), text)}")
        expected = by_file
    if "environment" in sources:
        environ[leaf.env] = expected = by_environment
    if "flag" in sources:
        argv.append(f"--{flag}={by_flag}")
        expected = by_flag
    assert value(load(argv, environ), leaf) == value(load([f"--{flag}={expected}"], KEY), leaf)


def test_both_forms_of_a_flag() -> None:
    assert load(["--usage.days", "3", "--demo.seed", "-1"], KEY) == load(["--usage.days=3", "--demo.seed=-1"], KEY)


@pytest.mark.parametrize("argv", [["demo", "--demo.spike"], ["--demo.spike", "demo"]])
def test_the_command_stands_anywhere(argv: list[str]) -> None:
    settings = load(argv, {})
    assert (settings.command, settings.demo.spike) == ("demo", True)


def test_switches_turn_on_and_off() -> None:
    settings = load(
        ["--no-usage.enabled", "--no-demo.growth", "--demo.spike", "--no-cost.enabled", "--cost.enabled"], KEY
    )
    assert (settings.usage.enabled, settings.demo.growth, settings.demo.spike) == (False, False, True)
    assert settings.cost.enabled
    assert not load([], KEY | {"ANTHROPIC_EXPORTER_USAGE_ENABLED": "false"}).usage.enabled
    assert load(["--usage.enabled"], KEY | {"ANTHROPIC_EXPORTER_USAGE_ENABLED": "false"}).usage.enabled


@pytest.mark.parametrize("text", ["true", "True", "yes", "on", "1"])
def test_a_switch_has_a_value_too(text: str) -> None:
    assert load([f"--demo.spike={text}"], KEY).demo.spike
    assert not load([f"--no-usage.enabled={text}"], KEY).usage.enabled


@pytest.mark.parametrize("text", ["false", "NO", "off", "0"])
def test_a_switch_is_off_by_its_value(text: str) -> None:
    assert not load([f"--usage.enabled={text}"], KEY).usage.enabled
    assert load([f"--no-usage.enabled={text}"], KEY | {"ANTHROPIC_EXPORTER_USAGE_ENABLED": "false"}).usage.enabled


def test_lists_repeat_and_have_commas() -> None:
    settings = load(["--web.listen-address=:1,localhost:2", "--web.listen-address", "[::1]:3"], KEY)
    assert settings.web.listen_address == (":1", "localhost:2", "[::1]:3")
    assert load([], KEY | {"ANTHROPIC_EXPORTER_USAGE_GROUP_BY": "speed, api_key_id"}).usage.group_by == (
        "speed",
        "api_key_id",
    )
    assert load(["--usage.group-by="], KEY | {"ANTHROPIC_EXPORTER_USAGE_GROUP_BY": "speed"}).usage.group_by == ()


def test_an_empty_variable_counts_as_unset() -> None:
    empty = {leaf.env: " " for leaf in leaves()} | {"ANTHROPIC_EXPORTER_NONSENSE": ""}
    assert load([], empty | KEY) == load([], KEY)


# Help and version


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["--nonsense", "dmeo", "--help"]])
def test_help_tells_every_setting(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(argv, {"ANTHROPIC_EXPORTER_NONSENSE": "1"})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for leaf in leaves():
        assert re.search(rf"\b{leaf.env}\b", text)
        assert all(re.search(rf"(  |, ){flag}\b", text) for flag in (leaf.flag, leaf.off_flag) if flag)
    assert max(map(len, text.splitlines())) <= 100
    for example in ("anthropic-exporter demo", "anthropic-exporter check", "anthropic-exporter once --output-file="):
        assert example in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--usage.days=99", "--version"], {})
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"anthropic-exporter, version {__version__} (python 3.")
