from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings.model import FLAGS, SettingsError, leaves, load
from exporter.settings.sources import Leaf
from tests.support.loading import KEY, in_our_words, problems, yaml

THREE = "['speed', 'api_key_id', 'account_id']"
DIMENSIONS = "api_key_id, account_id, service_account_id, context_window, inference_geo, speed"
SECONDS = "must be a number, more than 0, at most 86400"

# What is refused, and how it is said


@pytest.mark.parametrize(
    ("flag", "problem"),
    [
        ("--usage.days=99", "--usage.days: must be a whole number from 1 to 31, got '99'"),
        ("--usage.days=0", "--usage.days: must be a whole number from 1 to 31, got '0'"),
        ("--usage.days=abc", "--usage.days: must be a whole number from 1 to 31, got 'abc'"),
        ("--usage.days=1.5", "--usage.days: must be a whole number from 1 to 31, got '1.5'"),
        ("--usage.days=", "--usage.days: must be a whole number from 1 to 31, got ''"),
        ("--usage.days", "--usage.days: needs a value"),
        ("--demo.actors=-1", "--demo.actors: must be a whole number, at least 0, got '-1'"),
        ("--demo.seed=x", "--demo.seed: must be a whole number, got 'x'"),
        ("--usage.day=3", "--usage.day: unknown setting, did you mean --usage.days?"),
        (
            "--usage.interval_seconds=3",
            "--usage.interval_seconds: unknown setting, did you mean --usage.interval-seconds?",
        ),
        ("--nonsense", "--nonsense: unknown setting"),
        ("-v", "-v: unknown setting"),
        ("dmeo", "command: must be one of serve, demo, check, once, got 'dmeo', did you mean demo?"),
        ("serv", "command: must be one of serve, demo, check, once, got 'serv', did you mean serve?"),
        ("CHECK", "command: must be one of serve, demo, check, once, got 'CHECK', did you mean check?"),
        ("run", "command: must be one of serve, demo, check, once, got 'run'"),
        ("--usage.enabled=maybe", "--usage.enabled: must be true or false, got 'maybe'"),
        ("--no-usage.enabled=", "--no-usage.enabled: must be true or false, got ''"),
        ("--help=me", "-h/--help: takes no value"),
        ("--api.timeout-seconds=nan", f"--api.timeout-seconds: {SECONDS}, got 'nan'"),
        ("--api.timeout-seconds=inf", f"--api.timeout-seconds: {SECONDS}, got 'inf'"),
        ("--api.retry-seconds=0", f"--api.retry-seconds: {SECONDS}, got '0'"),
        ("--api.retry-seconds=soon", f"--api.retry-seconds: {SECONDS}, got 'soon'"),
        ("--log.level=loud", "--log.level: must be one of debug, info, warning, error, got 'loud'"),
        (
            "--log.level=warn",
            "--log.level: must be one of debug, info, warning, error, got 'warn', did you mean warning?",
        ),
        ("--log.level=INFO", "--log.level: must be one of debug, info, warning, error, got 'INFO', did you mean info?"),
        ("--log.format=text", "--log.format: must be one of logfmt, json, got 'text'"),
        (
            "--web.listen-address=",
            "--web.listen-address: must name at least one address",
        ),
        ("--web.telemetry-path=/", "--web.telemetry-path: must not be /, which serves something else"),
        ("--web.telemetry-path=/-/ready", "--web.telemetry-path: must not be /-/ready, which serves something else"),
        ("--usage.group-by=model", f"--usage.group-by: must be at most 2 of {DIMENSIONS}, got 'model'"),
        (
            "--usage.group-by=speed,api_key_id,account_id",
            f"--usage.group-by: must be at most 2 of {DIMENSIONS}, got {THREE}",
        ),
        ("--usage.group-by=speed,speed", "--usage.group-by: must name each dimension once, got speed, speed"),
        ("--organization.name=", "--organization.name: must be text, not empty, got ''"),
        ("--api.key-file=/nowhere", "--api.key-file: cannot read /nowhere: No such file or directory"),
        ("--api.ca-file=/nowhere", "--api.ca-file: cannot read /nowhere: No such file or directory"),
        ("--api.key-file=a\0", "--api.key-file: must be the name of a file"),
        ("--config.file=a\0", "--config.file: must be the name of a file"),
        ("--config.file=/nowhere", "--config.file: cannot read /nowhere: No such file or directory"),
        ("--cost.interval-seconds=59.9", "--cost.interval-seconds: must be at least 60 for the real API, got '59.9'"),
    ],
)
def test_a_wrong_flag(flag: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load([flag], {} if "key-file" in flag else KEY)
    assert caught.value.problems == [problem]
    assert str(caught.value) == problem


def test_short_intervals_are_for_loopback_and_the_demo() -> None:
    flag = "--usage.interval-seconds=0.1"
    refused = "--usage.interval-seconds: must be at least 60 for the real API, got '0.1'"
    alone = "--no-limits.enabled"
    assert problems(flag, alone, "--no-nowcast.enabled") == problems(flag, alone, "--no-cost.enabled") == [refused]
    assert load([flag, "--api.base-url=http://127.0.0.1:1"], KEY).usage.interval_seconds == 0.1
    assert load([flag, "demo"], {}).usage.interval_seconds == 0.1


def test_the_usage_report_has_room_for_the_nowcast() -> None:
    beside = "beside the nowcast and the minutes of the limits, which poll the same report"
    refused = f"--usage.interval-seconds: must be at least 120 for the real API {beside}, got '119'"
    assert problems("--usage.interval-seconds=119") == [refused]
    assert load(["--usage.interval-seconds=120", "--usage.hours=170"], KEY).has_nowcast
    alone = ["--no-nowcast.enabled", "--no-limits.enabled"]
    assert load(["--usage.interval-seconds=60", *alone], KEY).usage.interval_seconds == 60


@pytest.mark.parametrize(
    ("usage", "flags", "left", "others", "wanted"),
    [
        ("175", ["--usage.hours=1"], 21, "the nowcast and the minutes of the limits and the hours", 28),
        ("120", ["--limits.interval-seconds=60"], 30, "the nowcast and the minutes of the limits", 72),
    ],
)
def test_what_polls_the_usage_report_has_to_fit_between_the_polls_of_usage(
    usage: str, flags: list[str], left: int, others: str, wanted: int
) -> None:
    refused = (
        f"--usage.interval-seconds: {usage} leaves {left} polls an hour of the usage report to {others}, which want "
    )
    refused += f"{wanted}: make one of these intervals longer"
    assert problems(f"--usage.interval-seconds={usage}", *flags) == [refused]
    local = load([f"--usage.interval-seconds={usage}", *flags, "--api.base-url=http://127.0.0.1:1"], KEY)
    assert local.usage.interval_seconds == float(usage)


def test_something_must_be_collected() -> None:
    collectors = ("usage", "cost", "claude-code", "organization", "limits")
    off = [f"--no-{collector}.enabled" for collector in collectors]
    assert problems(*off) == ["nothing to collect: all collectors are disabled"]
    assert load(off[1:], KEY).usage.enabled


def test_a_second_command_is_refused() -> None:
    assert problems("check", "serve") == ["serve: surplus argument, after the command"]
    assert problems("--usage.enabled", "yes", "check") == [
        "check: surplus argument, after the command",
        "command: must be one of serve, demo, check, once, got 'yes'",
    ]


def test_unknown_variables_are_refused_by_name() -> None:
    assert problems(
        ANTHROPIC_EXPORTER_USAGE_DAY="3",
        ANTHROPIC_EXPORTER_API_BASE_URL="https://host",
        ANTHROPIC_EXPORTER_WEB_PORT="1",
        ANTHROPIC_EXPORTER_WEB_CONFIG_FILE="x",
        ANTHROPIC_EXPORTERS="of no concern",
    ) == [
        "ANTHROPIC_EXPORTER_USAGE_DAY: unknown setting, did you mean ANTHROPIC_EXPORTER_USAGE_DAYS?",
        "ANTHROPIC_EXPORTER_API_BASE_URL: unknown setting, did you mean ANTHROPIC_BASE_URL?",
        "ANTHROPIC_EXPORTER_WEB_PORT: unknown setting",
        "ANTHROPIC_EXPORTER_WEB_CONFIG_FILE: unknown setting",
    ]


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("--web.config.file", None),
        ("--web.config-file", None),
        ("--log.file", None),
        ("--web.timeout-seconds", None),
        ("--no-nonsense", None),
        ("--config-file", "--config.file"),
        ("--config.fil", "--config.file"),
        ("--usages.days", "--usage.days"),
        ("--usage.dyas", "--usage.days"),
        ("--usage_days", "--usage.days"),
        ("--usage.interval", "--usage.interval-seconds"),
        ("--claude_code.days", "--claude-code.days"),
        ("--claude-code.day", "--claude-code.days"),
        ("--claudecode.days", "--claude-code.days"),
        ("--web.listen-adress", "--web.listen-address"),
        ("--no-usage.enable", "--no-usage.enabled"),
        ("--no-usage-enabled", "--no-usage.enabled"),
        ("--no-usage.days", "--usage.days"),
        ("--api.keyfile", "--api.key-file"),
        ("--API.KEY-FILE", "--api.key-file"),
        ("-usage.days", "--usage.days"),
    ],
)
def test_the_setting_that_was_meant_is_of_the_same_section_or_really_near(flag: str, meant: str | None) -> None:
    assert problems(flag) == [f"{flag}: unknown setting{f', did you mean {meant}?' if meant else ''}"]


@pytest.mark.parametrize("service", ["ANTHROPIC_EXPORTER", "ANTHROPIC_EXPORTER_DEMO"])
def test_the_variables_of_kubernetes_pass(service: str) -> None:
    names = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP_METRICS", "PORT", "PORT_9817_TCP"]
    names += [f"PORT_9817_TCP_{name}" for name in ("PROTO", "PORT", "ADDR")]
    environ = {f"{service}_{name}": "10.0.0.1" for name in names}
    assert load([], KEY | environ) == load([], KEY)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = yaml(tmp_path, "usage: {dayz: 3, days: 99}\ncosts: {}\nlog: 3\nweb: {telemetry_path: {}}\ncommand: demo")
    assert problems(
        "--nope",
        "--cost.days=0",
        "--cost.interval-seconds=1",
        f"--config.file={path}",
        ANTHROPIC_EXPORTER_DEMO_SEED="x",
        ANTHROPIC_EXPORTER_WHAT="x",
    ) == [
        "--nope: unknown setting",
        f"usage.days in {path}: must be a whole number from 1 to 31, got '99'",
        "--cost.days: must be a whole number from 1 to 31, got '0'",
        "ANTHROPIC_EXPORTER_DEMO_SEED: must be a whole number, got 'x'",
        f"usage.dayz in {path}: unknown setting, did you mean usage.days?",
        f"costs in {path}: unknown setting, did you mean cost?",
        f"log in {path}: must be a mapping of settings",
        f"web.telemetry_path in {path}: must be text, or a list of texts",
        f"command in {path}: unknown setting",
        "ANTHROPIC_EXPORTER_WHAT: unknown setting",
        "--cost.interval-seconds: must be at least 60 for the real API, got '1'",
    ]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert problems(f"--api.ca-file={tmp_path}") == [f"--api.ca-file: cannot read {tmp_path}: it is a folder"]


def test_certificate_authorities_are_loaded_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")
    assert problems(f"--api.ca-file={broken}") == [f"--api.ca-file: {broken} is not a PEM file of certificates"]
    system = ssl.get_default_verify_paths().cafile
    if system:
        assert load([f"--api.ca-file={system}"], KEY).api.ca_file == Path(system)


@pytest.mark.parametrize("flag", ["--api", "--usage", '--usage={"days": 3}', "--unknown-flags", "--usage.da=3"])
def test_neither_sections_nor_abbreviations_are_flags(flag: str) -> None:
    name = flag.partition("=")[0]
    (problem,) = problems(flag)
    assert problem.startswith(f"{name}: unknown setting")


TEXTS = st.text() | st.sampled_from(["serve", "demo", "0", "-1", "true", "https://[", ":1", ",", "--help", "\udcff"])


@given(
    argv=st.lists(
        TEXTS | st.builds("{}={}".format, st.sampled_from(sorted(FLAGS)), TEXTS) | st.sampled_from(sorted(FLAGS))
    ),
    environ=st.dictionaries(st.sampled_from([leaf.env for leaf in leaves()]), TEXTS),
)
def test_whatever_is_given_is_taken_or_refused_in_words(argv: list[str], environ: dict[str, str]) -> None:
    said: list[str] = []
    try:
        load(argv, environ)
    except SettingsError as error:
        said = error.problems
    except SystemExit:
        pass  # --help
    assert all(map(in_our_words, said)), said


def test_a_problem_is_one_line() -> None:
    assert problems("--log.level=a\nb", "--config.file=a\nb") == [
        "--log.level: must be one of debug, info, warning, error, got 'a\\nb'",
        "--config.file: cannot read a b: No such file or directory",
    ]


WRONG = ["", "x", "-1", "0", "nan", "1e9", "a b", "a\0", "\udcff", "9" * 5000, "/nowhere", "speed,speed", "[::z]:1"]
WRONG_IN_FILES = ["[x]", "[[x]]", "{x: y}", "[{x: y}]", "[~]", "[]", "'\\0'", '"\\0"', '"\\ud83d"']


@pytest.mark.parametrize("leaf", list(leaves()), ids=lambda leaf: ".".join(leaf.path))
def test_what_is_wrong_is_said_in_our_words(leaf: Leaf, tmp_path: Path) -> None:
    section, name = leaf.path
    said = []
    for text in WRONG:
        said += tried(f"{leaf.flag}={text}") if leaf.flag else tried(**{leaf.env: text})
    for written in WRONG_IN_FILES:
        said += tried(f"--config.file={yaml(tmp_path, f'{section}: {{{name}: {written}}}')}")
    assert len(said) > 5, "a kind of value that nothing wrong is known of"
    for problem in said:
        assert in_our_words(problem)
        assert len(problem) <= 1001


def tried(*argv: str, **environ: str) -> list[str]:
    try:
        load(argv, KEY | environ)
    except SettingsError as error:
        return error.problems
    return []
