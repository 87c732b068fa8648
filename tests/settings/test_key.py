from __future__ import annotations

from pathlib import Path

import pytest

from exporter.settings.model import load
from tests.support.loading import KEY, KEY_REFUSED, SECRET, problems, refused, yaml

NO_KEY = (
    "no Admin API key: set ANTHROPIC_ADMIN_API_KEY or ANTHROPIC_ADMIN_API_KEY_FILE,"
    " or try `anthropic-exporter demo`, which needs none"
)
HOW = NO_KEY.removeprefix("no Admin API key: ")


@pytest.mark.parametrize("command", ["serve", "check"])
def test_without_a_key_there_is_one_message(command: str) -> None:
    assert refused(command, ANTHROPIC_ADMIN_API_KEY=" \n") == [NO_KEY]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("ANTHROPIC_API_KEY", "it is for the Messages API: the exporter needs an Admin key"),
        ("ANTHROPIC_AUTH_TOKEN", "it is for the Messages API: the exporter needs an Admin key"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "it is for Claude Code: the exporter needs an Admin key"),
        ("ANTHROPIC_ADMIN_KEY", "the exporter reads ANTHROPIC_ADMIN_API_KEY"),
        ("ANTHROPIC_ADMIN_APIKEY", "the exporter reads ANTHROPIC_ADMIN_API_KEY"),
        ("ANTHROPIC_ADMIN_KEY_FILE", "the exporter reads ANTHROPIC_ADMIN_API_KEY_FILE"),
        ("ANTHROPIC_ADMIN_API_KEY_PATH", "the exporter reads ANTHROPIC_ADMIN_API_KEY_FILE"),
    ],
)
def test_a_key_in_another_variable_is_pointed_out(name: str, what: str) -> None:
    assert refused(**{name: SECRET}) == [f"no Admin API key: {name} is set, but {what}; {HOW}"]
    assert load([], KEY | {name: SECRET}) == load([], KEY)
    assert refused(**{name: "  "}) == [NO_KEY]


def test_all_keys_in_other_variables_are_pointed_out() -> None:
    (problem,) = refused(
        ANTHROPIC_API_KEY=SECRET, ANTHROPIC_ADMIN_KEY=SECRET, ANTHROPIC_VERSION="1", OPENAI_API_KEY="x"
    )
    assert "ANTHROPIC_ADMIN_KEY is set, but" in problem
    assert "ANTHROPIC_API_KEY is set, but" in problem
    assert not any(word in problem for word in ("ANTHROPIC_VERSION", "OPENAI", SECRET))


@pytest.mark.parametrize(
    "wrong",
    [
        "--config.file=/nowhere",
        "--config.flie=/nowhere",
        "--api.key-file=/nowhere",
        "--api.key-flie=/nowhere",
        f"--api.key={SECRET}",
        "--api-key",
        "dmeo",
    ],
)
def test_that_there_is_no_key_is_not_said_where_the_reason_is(wrong: str) -> None:
    assert len(refused(wrong)) == 1


@pytest.mark.parametrize("text", ["api: {kee: x}", "api: x", "api: {key: x}", "api: {key_fil: /x}", "api: {}\napi: {}"])
def test_that_there_is_no_key_is_not_said_where_the_file_says_why(tmp_path: Path, text: str) -> None:
    (problem,) = refused(f"--config.file={yaml(tmp_path, text)}")
    assert problem.startswith("api")


@pytest.mark.parametrize("wrong", ["--usage.days=99", "--nonsense", "--api.timeout-seconds=0", "--usage.enabled=x"])
def test_that_there_is_no_key_is_said_beside_what_else_is_wrong(wrong: str) -> None:
    first, second = refused(wrong)
    assert first.startswith(wrong.partition("=")[0])
    assert second == NO_KEY
    assert problems(wrong) == [first]


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
    assert problems("--api-key", SECRET) == [f"--api-key: {KEY_REFUSED}"]
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
        problems(f"--usage.enabled={key}"),
        problems(f"--help={SECRET}"),
        problems(f"--config.file={key}"),
        problems("check", "--usage.enabled", key),
        problems(ANTHROPIC_ADMIN_API_KEY_FILE=key),
    ):
        assert said
        assert "abc_DEF" not in "".join(said)
        assert SECRET not in "".join(said)


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


def test_what_the_environment_leaves_undecodable_is_not_shown() -> None:
    (problem,) = problems(ANTHROPIC_ADMIN_API_KEY=f"{SECRET}\udcff")
    assert problem.startswith("ANTHROPIC_ADMIN_API_KEY: ")
    assert SECRET not in problem
