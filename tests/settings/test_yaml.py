from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings.model import Settings, SettingsError, load
from tests.support.loading import KEY, in_our_words, problems, yaml

TAGS = "tags, as in !!int or !secret, are not read: write the value alone"
LAUGHS = "\n".join(
    ["a: &a0 [x, x]", *(f"b{n}: &a{n + 1} [*a{n}, *a{n}]" for n in range(60)), "usage: {group_by: *a60}"]
)


def of_file(folder: Path, text: str) -> Settings:
    return load([f"--config.file={yaml(folder, text)}"], KEY)


def name_in(folder: Path, written: str) -> str | None:
    return of_file(folder, f"organization: {{name: {written}}}").organization.name


def test_a_whole_file(tmp_path: Path) -> None:
    path = yaml(
        tmp_path,
        """
        web: {listen_address: [":1", ":2"], telemetry_path: /other}
        usage: {enabled: no, group_by: speed, days: 3}
        api: {timeout_seconds: 0.5, key_file: null}
        organization: {name: 123}
        log:
        """,
    )
    settings = load([], KEY | {"ANTHROPIC_EXPORTER_CONFIG_FILE": path})
    assert settings.web.listen_address == (":1", ":2")
    assert settings.web.telemetry_path == "/other"
    assert (settings.usage.enabled, settings.usage.group_by, settings.usage.days) == (False, ("speed",), 3)
    assert (settings.api.timeout_seconds, settings.organization.name) == (0.5, "123")


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert load([f"--config.file={yaml(tmp_path, '# nothing')}"], KEY).usage == load([], KEY).usage


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- usage", ": must be a mapping of settings"),
        ("usage: {", ", line 1: not valid YAML: expected the node content, but found '<stream end>'"),
        ("\0", ": not valid YAML"),
        ("usage: {days: ?}", ", line 1: not valid YAML: expected the node content, but found '?'"),
        ("usage: {}\n---\nusage: {}", ", line 3: must be one document, another begins here"),
        ("text", ": must be a mapping of settings"),
        ("'null'", ": must be a mapping of settings"),
        ("? [usage]\n: 1", ", line 1: the name of a setting must be text"),
        ("usage:\n  ? {days: 1}\n  : 1", ", line 2: the name of a setting must be text"),
        ("usage: !!python/object:os.system {}", f", line 1: {TAGS}"),
        ("usage:\n  days: !!int 3", f", line 2: {TAGS}"),
        ("web: {listen_address: [!secret x]}", f", line 1: {TAGS}"),
        ("usage: &u {days: 5}\ncost:\n  <<: *u", ", line 3: merge keys are not read: write the settings out"),
        ("<<: {usage: {days: 5}}", ", line 1: merge keys are not read: write the settings out"),
        ("usage: {!x days: 3}", f", line 1: {TAGS}"),
        ("[" * 5000, ": not valid YAML"),
    ],
)
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str, problem: str) -> None:
    path = yaml(tmp_path, text)
    assert problems(f"--config.file={path}") == [f"--config.file: {path}{problem}"]


@pytest.mark.parametrize(
    "text", ["usage: {days: [1]}", "config: {file: x}", "usage: {days: true}", "usage: {days: 1.5}"]
)
def test_a_wrong_value_in_a_file(tmp_path: Path, text: str) -> None:
    path = yaml(tmp_path, text)
    (problem,) = problems(f"--config.file={path}")
    assert problem.startswith(f"{'config.file' if 'config' in text else 'usage.days'} in {path}: ")


@pytest.mark.parametrize("name", ["command", "unknown_flags"])
def test_what_only_arguments_say_is_not_in_the_file(tmp_path: Path, name: str) -> None:
    path = yaml(tmp_path, f"{name}: [demo]")
    assert problems(f"--config.file={path}") == [f"{name} in {path}: unknown setting"]


# Text stays text


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "on",
        "True",
        "0123",
        "1_000",
        "2026-01-01",
        "0x1F",
        "1e3",
        ".inf",
        ".nan",
        "1:30",
        "=",
        "nil",
        "None",
        "1.0",
        "12345678901234567890",
    ],
)
def test_text_is_what_was_written(tmp_path: Path, text: str) -> None:
    assert name_in(tmp_path, text) == text


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1).filter(
        lambda text: text == text.strip()
    )
)
def test_quoted_text_is_what_was_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    escaped = "".join(char if char.isalnum() else f"\\U{ord(char):08x}" for char in text)
    assert name_in(tmp_path_factory.mktemp("yaml"), f'"{escaped}"') == text


@pytest.mark.parametrize("null", ["", "~", "null", "Null", "NULL"])
def test_null_is_not_set_and_quoted_it_is_text(tmp_path: Path, null: str) -> None:
    assert name_in(tmp_path, null) is None
    if null:
        assert name_in(tmp_path, f"'{null}'") == null
    assert of_file(tmp_path, f"organization: {null}") == of_file(tmp_path, null)


@pytest.mark.parametrize("text", ["true", "yes", "on", "True", "YES", "'yes'"])
def test_a_switch_is_on_as_people_write_it(tmp_path: Path, text: str) -> None:
    assert of_file(tmp_path, f"demo: {{spike: {text}}}").demo.spike


@pytest.mark.parametrize("text", ["false", "no", "off", "False", "NO", "'no'"])
def test_a_switch_is_off_as_people_write_it(tmp_path: Path, text: str) -> None:
    assert not of_file(tmp_path, f"usage: {{enabled: {text}}}").usage.enabled


# Twice, aliases, merges


@pytest.mark.parametrize(
    ("text", "name", "lines"),
    [
        ("usage: {days: 5}\n\nusage: {days: 4}", "usage", "1 and 3"),
        ("usage:\n  days: 5\n  enabled: true\n  days: 5\n", "usage.days", "2 and 4"),
        ("usage:\nusage: {days: 5}", "usage", "1 and 2"),
        ("usage: {days: 5, 'days': 4}", "usage.days", "1 and 1"),
        ("api: {timeout_seconds: 1,\n retry_seconds: 2,\n timeout_seconds:\n}", "api.timeout_seconds", "1 and 3"),
    ],
)
def test_what_is_given_twice_is_refused_with_both_lines(tmp_path: Path, text: str, name: str, lines: str) -> None:
    path = yaml(tmp_path, text)
    assert problems(f"--config.file={path}") == [f"{name} in {path}: given twice, on lines {lines}"]


def test_the_same_name_in_two_sections_is_not_twice(tmp_path: Path) -> None:
    settings = of_file(tmp_path, "usage: {days: 5}\ncost: {days: 6}")
    assert (settings.usage.days, settings.cost.days) == (5, 6)


def test_aliases_stand_for_what_they_name(tmp_path: Path) -> None:
    text = "usage: &all {days: &days 5}\ncost: *all\nclaude_code: {days: *days}\nweb: {listen_address: [&a ':1', *a]}"
    settings = of_file(tmp_path, text)
    assert (settings.usage.days, settings.cost.days, settings.claude_code.days) == (5, 5, 5)
    assert settings.web.listen_address == (":1", ":1")


def test_aliases_of_aliases_take_no_time(tmp_path: Path) -> None:
    path = yaml(tmp_path, LAUGHS)
    assert problems(f"--config.file={path}")[-1] == f"usage.group_by in {path}: must be text, or a list of texts"
    assert "usage.days" in problems(f"--config.file={yaml(tmp_path, 'usage: {days: &a [*a]}')}")[0]


def test_a_tag_that_says_text_is_text(tmp_path: Path) -> None:
    assert name_in(tmp_path, "!!str 012") == "012"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("costs: {}", "costs in {}: unknown setting, did you mean cost?"),
        ("usage.days: 3", "usage.days in {}: unknown setting, did you mean days under usage?"),
        ("usage_days: 3", "usage_days in {}: unknown setting, did you mean days under usage?"),
        (
            "usage: {interval-seconds: 60}",
            "usage.interval-seconds in {}: unknown setting, did you mean usage.interval_seconds?",
        ),
        ("web: {config: {file: x}}", "web.config in {}: unknown setting"),
        ("web: {config_file: x}", "web.config_file in {}: unknown setting"),
        ("nonsense: {usage: {days: 3}}", "nonsense in {}: unknown setting"),
        ("usage: {days: {at: 3}}", "usage.days in {}: must be text, or a list of texts"),
        ("usage: {days: [3]}", "usage.days in {}: must be a whole number from 1 to 31, got ['3']"),
        ("organization: {name: [a, b]}", "organization.name in {}: must be text, not empty, got ['a', 'b']"),
    ],
)
def test_what_is_said_of_a_wrong_entry(tmp_path: Path, text: str, problem: str) -> None:
    path = yaml(tmp_path, text)
    assert problems(f"--config.file={path}") == [problem.format(path)]


WORDS = "usage cost days : [ ] { } - ? ! !!int & * &a *a << ' > | % # --- ... 3 ~ null".split()  # noqa: SIM905
PIECES = st.sampled_from([*WORDS, ": ", "\n  ", *'\n"\t\0\ufeff,\\'])


@given(data=st.binary() | st.lists(PIECES).map(lambda pieces: "".join(pieces).encode()))
def test_any_file_is_taken_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("yaml") / "settings.yaml"
    path.write_bytes(data)
    said: list[str] = []
    try:
        load([f"--config.file={path}"], KEY)
    except SettingsError as error:
        said = error.problems
    assert all(
        "settings.yaml" in problem and (in_our_words(problem) or "not valid YAML" in problem) for problem in said
    )
