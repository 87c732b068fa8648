from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import __version__
from exporter.settings import FLAGS, Settings, SettingsError, leaves, load
from exporter.settings_sources import Leaf

SECRET = "hunter2-" + "x" * 20
KEY = {"ANTHROPIC_ADMIN_API_KEY": SECRET}
NO_KEY = (
    "no Admin API key: set ANTHROPIC_ADMIN_API_KEY or ANTHROPIC_ADMIN_API_KEY_FILE,"
    " or try `anthropic-exporter demo`, which needs none"
)
THREE = ["speed", "api_key_id", "account_id"]
DIMENSIONS = "'api_key_id', 'account_id', 'service_account_id', 'context_window', 'inference_geo' or 'speed'"
KEY_REFUSED = "the key is read from ANTHROPIC_ADMIN_API_KEY, or from the file that --api.key-file names, only"


def problems(*argv: str, **environ: str) -> list[str]:
    """What is wrong with these flags and variables, beside a good key."""
    with pytest.raises(SettingsError) as caught:
        load(argv, KEY | environ)
    return caught.value.problems


def yaml(folder: Path, text: str) -> str:
    path = folder / "settings.yaml"
    path.write_text(text)
    return str(path)


def value(settings: Settings, leaf: Leaf) -> object:
    section, name = leaf.path
    return getattr(getattr(settings, section), name)


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


# What is refused, and how it is said


@pytest.mark.parametrize(
    ("flag", "problem"),
    [
        ("--usage.days=99", "--usage.days: Input should be less than or equal to 31, got '99'"),
        ("--usage.days=0", "--usage.days: Input should be greater than or equal to 1, got '0'"),
        (
            "--usage.days=abc",
            "--usage.days: Input should be a valid integer, unable to parse string as an integer, got 'abc'",
        ),
        (
            "--usage.days=",
            "--usage.days: Input should be a valid integer, unable to parse string as an integer, got ''",
        ),
        ("--usage.days", "--usage.days: expected one argument"),
        ("--usage.day=3", "--usage.day: unknown setting, did you mean --usage.days?"),
        (
            "--usage.interval_seconds=3",
            "--usage.interval_seconds: unknown setting, did you mean --usage.interval-seconds?",
        ),
        ("--nonsense", "--nonsense: unknown setting"),
        ("-v", "-v: unknown setting"),
        ("dmeo", "command: Input should be 'serve', 'demo' or 'check', got 'dmeo'"),
        ("--no-usage.enabled=true", "--usage.enabled/--no-usage.enabled: ignored explicit argument 'true'"),
        ("--demo.spike=perhaps", "--demo.spike/--no-demo.spike: ignored explicit argument 'perhaps'"),
        ("--api.timeout-seconds=nan", "--api.timeout-seconds: Input should be a finite number, got 'nan'"),
        ("--api.timeout-seconds=inf", "--api.timeout-seconds: Input should be a finite number, got 'inf'"),
        ("--api.retry-seconds=0", "--api.retry-seconds: Input should be greater than 0, got '0'"),
        (
            "--api.retry-seconds=soon",
            "--api.retry-seconds: Input should be a valid number, unable to parse string as a number, got 'soon'",
        ),
        ("--log.level=loud", "--log.level: Input should be 'debug', 'info', 'warning' or 'error', got 'loud'"),
        (
            "--web.listen-address=",
            "--web.listen-address: must name at least one address",
        ),
        ("--web.telemetry-path=/", "--web.telemetry-path: must not be /, which serves something else"),
        ("--web.telemetry-path=/-/ready", "--web.telemetry-path: must not be /-/ready, which serves something else"),
        ("--usage.group-by=model", f"--usage.group-by: Input should be {DIMENSIONS}, got 'model'"),
        (
            "--usage.group-by=speed,api_key_id,account_id",
            f"--usage.group-by: Tuple should have at most 2 items after validation, not 3, got {THREE}",
        ),
        ("--usage.group-by=speed,speed", "--usage.group-by: must be distinct dimensions, got speed, speed"),
        ("--organization.name=", "--organization.name: String should have at least 1 character, got ''"),
        ("--api.key-file=/nowhere", "--api.key-file: cannot read /nowhere: No such file or directory"),
        ("--api.ca-file=/nowhere", "--api.ca-file: cannot read /nowhere: No such file or directory"),
        ("--config.file=/nowhere", "--config.file: cannot read /nowhere: No such file or directory"),
        ("--cost.interval-seconds=59.9", "--cost.interval-seconds: must be at least 60 for the real API, got '59.9'"),
    ],
)
def test_a_wrong_flag(flag: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load([flag], {} if "key-file" in flag else KEY)
    assert caught.value.problems == [problem]
    assert str(caught.value) == problem


@pytest.mark.parametrize("path", ["metrics", "/metrics?x=1", "/a b", "/{day}", "/é"])
def test_a_wrong_telemetry_path(path: str) -> None:
    assert problems(f"--web.telemetry-path={path}") == [
        f"--web.telemetry-path: must be a path such as /metrics, of letters, digits and ._~-/, got {path!r}"
    ]


@pytest.mark.parametrize("address", ["9817", ":65536", ":-1", "::1:9817", "a b:1", "[]:1", "host:", "h:1:2"])
def test_a_wrong_listen_address(address: str) -> None:
    assert problems(f"--web.listen-address=:1,{address}") == [
        f"--web.listen-address: must be :PORT, HOST:PORT or [IPV6]:PORT, got {address!r}"
    ]


def test_an_address_in_brackets_is_of_ipv6() -> None:
    assert problems("--web.listen-address=[::z]:1") == [
        "--web.listen-address: Only hex digits permitted in 'z' in '::z'"
    ]


@pytest.mark.parametrize("address", [":9817", "my-host.example:0", "127.0.0.1:65535", "[::1]:80"])
def test_a_good_listen_address(address: str) -> None:
    assert load([f"--web.listen-address={address}"], KEY).web.listen_address == (address,)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("api.anthropic.com", "must be an http or https address"),
        ("ftp://host", "must be an http or https address"),
        ("https://", "must be an http or https address"),
        ("https://host:port", "must be an http or https address"),
        ("https://[::1", "must be an http or https address"),
        ("https://ho st", "must be an http or https address"),
        (f"https://user:{SECRET}@host", "must be without user, password, query and fragment"),
        (f"https://host/?{SECRET}", "must be without user, password, query and fragment"),
        ("https://host#", "must be without user, password, query and fragment"),
        (
            "http://127.0.0.1.example.com",
            "must be https, for the key would travel in the clear: http is for loopback addresses only",
        ),
    ],
)
def test_a_wrong_base_url(url: str, problem: str) -> None:
    assert problems(ANTHROPIC_BASE_URL=url) == [f"ANTHROPIC_BASE_URL: {problem}"]


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.3.2.1", "http://[::1]:80", "https://proxy.example/api", "HTTPS://host"]
)
def test_a_good_base_url_loses_its_slash(url: str) -> None:
    assert load([f"--api.base-url={url}/"], KEY).api.base_url == url


def test_short_intervals_are_for_loopback_and_the_demo() -> None:
    flag = "--usage.interval-seconds=0.1"
    assert problems(flag) == ["--usage.interval-seconds: must be at least 60 for the real API, got '0.1'"]
    assert load([flag, "--api.base-url=http://127.0.0.1:1"], KEY).usage.interval_seconds == 0.1
    assert load([flag, "demo"], {}).usage.interval_seconds == 0.1


def test_something_must_be_collected() -> None:
    off = ["--no-usage.enabled", "--no-cost.enabled", "--no-claude-code.enabled", "--no-organization.enabled"]
    assert problems(*off) == ["nothing to collect: all collectors are disabled"]
    assert load(off[1:], KEY).usage.enabled


def test_a_second_command_is_refused() -> None:
    assert problems("check", "serve") == ["serve: surplus argument, after the command"]
    assert problems("--usage.enabled", "yes", "check") == [
        "check: surplus argument, after the command",
        "command: Input should be 'serve', 'demo' or 'check', got 'yes'",
    ]


def test_unknown_variables_are_refused_by_name() -> None:
    assert problems(
        ANTHROPIC_EXPORTER_USAGE_DAY="3",
        ANTHROPIC_EXPORTER_API_BASE_URL="https://host",
        ANTHROPIC_EXPORTER_WEB_PORT="1",
        ANTHROPIC_EXPORTERS="of no concern",
    ) == [
        "ANTHROPIC_EXPORTER_USAGE_DAY: unknown setting, did you mean ANTHROPIC_EXPORTER_USAGE_DAYS?",
        "ANTHROPIC_EXPORTER_API_BASE_URL: unknown setting, did you mean ANTHROPIC_BASE_URL?",
        "ANTHROPIC_EXPORTER_WEB_PORT: unknown setting",
    ]


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
        f"web.telemetry_path in {path}: Input should be a valid string, got {{}}",
        f"usage.days in {path}: Input should be less than or equal to 31, got '99'",
        "--cost.days: Input should be greater than or equal to 1, got '0'",
        "ANTHROPIC_EXPORTER_DEMO_SEED: Input should be a valid integer, unable to parse string as an integer, got 'x'",
        f"usage.dayz in {path}: unknown setting, did you mean usage.days?",
        f"costs in {path}: unknown setting",
        f"log in {path}: must be a mapping of settings",
        f"command in {path}: unknown setting",
        "ANTHROPIC_EXPORTER_WHAT: unknown setting",
        "--cost.interval-seconds: must be at least 60 for the real API, got '1'",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- usage", ": must be a mapping of settings"),
        ("usage: {", ", line 1: not valid YAML: expected the node content, but found '<stream end>'"),
        ("\0", ": not valid YAML"),
        ("usage: {days: 2024-99-99}", ": not valid YAML"),
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


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert problems(f"--api.ca-file={tmp_path}") == [f"--api.ca-file: cannot read {tmp_path}: it is a folder"]


def test_certificate_authorities_are_loaded_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")
    assert problems(f"--api.ca-file={broken}") == [f"--api.ca-file: {broken} is not a PEM file of certificates"]
    system = ssl.get_default_verify_paths().cafile
    if system:
        assert load([f"--api.ca-file={system}"], KEY).api.ca_file == Path(system)


# The key


@pytest.mark.parametrize("command", ["serve", "check"])
def test_without_a_key_there_is_one_message(command: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load([command], {"ANTHROPIC_ADMIN_API_KEY": " \n"})
    assert caught.value.problems == [NO_KEY]


def test_a_key_loses_its_newline() -> None:
    key = load([], {"ANTHROPIC_ADMIN_API_KEY": f" {SECRET}\n"}).api.key
    assert key is not None
    assert key.get_secret_value() == SECRET


@pytest.mark.parametrize("inside", [" ", "\n", "\x7f", "é", "\0"])
def test_a_key_is_printable_ascii(inside: str) -> None:
    assert problems(ANTHROPIC_ADMIN_API_KEY=f"{SECRET}{inside}{SECRET}") == [
        "ANTHROPIC_ADMIN_API_KEY: must be printable ASCII without spaces"
    ]


def test_a_key_or_a_file_but_not_both(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch()
    assert problems(ANTHROPIC_ADMIN_API_KEY_FILE=str(path)) == [
        "ANTHROPIC_ADMIN_API_KEY and ANTHROPIC_ADMIN_API_KEY_FILE: set only one of them"
    ]
    assert load([], {"ANTHROPIC_ADMIN_API_KEY_FILE": str(path)}).api.key_file == path
    assert load(["--api.key-file", str(path)], {}).api.key_file == path


def test_the_key_is_refused_where_others_can_read_it(tmp_path: Path) -> None:
    path = yaml(tmp_path, f"api: {{key: {SECRET}}}")
    assert problems("--api.key", SECRET) == problems(f"--api.key={SECRET}") == [f"--api.key: {KEY_REFUSED}"]
    assert problems(f"--config.file={path}") == [f"api.key in {path}: {KEY_REFUSED}"]
    assert problems(ANTHROPIC_EXPORTER_API_KEY=SECRET) == [
        "ANTHROPIC_EXPORTER_API_KEY: unknown setting, did you mean ANTHROPIC_ADMIN_API_KEY?"
    ]


def test_a_key_in_the_wrong_place_is_not_shown() -> None:
    key = "sk-ant-admin01-abc_DEF-123"
    for said in (
        problems(key),
        problems("--admin-key", SECRET),
        problems(f"--admin-key={SECRET} "),
        problems("check", "--admin-key", SECRET),
        problems(f"--log.level={key}"),
        problems(f"--config.file={key}"),
        problems("check", "--usage.enabled", key),
        problems(ANTHROPIC_ADMIN_API_KEY_FILE=key),
    ):
        assert said
        assert "abc_DEF" not in "".join(said)
        assert SECRET not in "".join(said)


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
    assert all(": " in problem and "\n" not in problem for problem in said)


def test_a_problem_is_one_line() -> None:
    assert problems("--log.level=a\nb", "--config.file=a\nb") == [
        "--log.level: Input should be 'debug', 'info', 'warning' or 'error', got 'a\\nb'",
        "--config.file: cannot read a b: No such file or directory",
    ]


def test_no_representation_shows_the_key() -> None:
    settings = load([], KEY)
    for text in (repr(settings), str(settings), repr(settings.api), settings.model_dump_json()):
        assert SECRET not in text


def test_the_demo_does_not_look_at_the_real_api() -> None:
    environ = {
        "ANTHROPIC_ADMIN_API_KEY": "not a key",
        "ANTHROPIC_ADMIN_API_KEY_FILE": "/nowhere",
        "ANTHROPIC_BASE_URL": "nonsense",
    }
    assert load(["demo"], environ) == load(["demo"], {})


def test_the_demo_ignores_the_real_api_of_flags_and_the_file(tmp_path: Path) -> None:
    file = f"--config.file={yaml(tmp_path, 'api: {key_file: /nowhere, base_url: nonsense, retry_seconds: 3}')}"
    settings = load(["demo", file, "--api.key-file=/nowhere", "--api.base-url=nonsense"], KEY)
    assert (settings.api.key_file, settings.api.base_url) == (None, load(["demo"], {}).api.base_url)
    assert settings.api.retry_seconds == 3


@pytest.mark.parametrize("flag", ["--api", "--usage", '--usage={"days": 3}', "--unknown-flags", "--usage.da=3"])
def test_neither_sections_nor_abbreviations_are_flags(flag: str) -> None:
    name = flag.partition("=")[0]
    (problem,) = problems(flag)
    assert problem.startswith(f"{name}: unknown setting")


@pytest.mark.parametrize("name", ["command", "unknown_flags"])
def test_what_only_arguments_say_is_not_in_the_file(tmp_path: Path, name: str) -> None:
    path = yaml(tmp_path, f"{name}: [demo]")
    assert problems(f"--config.file={path}") == [f"{name} in {path}: unknown setting"]


def test_what_the_environment_leaves_undecodable_is_not_shown() -> None:
    (problem,) = problems(ANTHROPIC_ADMIN_API_KEY=f"{SECRET}\udcff")
    assert problem.startswith("ANTHROPIC_ADMIN_API_KEY: ")
    assert SECRET not in problem


# Help and version


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["--nonsense", "dmeo", "--help"]])
def test_help_tells_every_setting(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(argv, {"ANTHROPIC_EXPORTER_NONSENSE": "1"})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for leaf in leaves():
        assert re.search(rf"\b{leaf.env}\b", text)
        assert all(f"  {flag}" in text or f", {flag}\n" in text for flag in (leaf.flag, leaf.off_flag) if flag)
    assert max(map(len, text.splitlines())) <= 100


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--usage.days=99", "--version"], {})
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"anthropic-exporter, version {__version__} (python 3.")
