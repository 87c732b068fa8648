"""`anthropic-exporter once`: one exposition, after one refresh of everything."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.answers import (
    API_KEYS,
    CLAUDE_CODE,
    COST,
    ME,
    RATE_LIMITS,
    USAGE,
    USERS,
    WORKSPACES,
    script,
    usage_row,
)
from tests.support.exporting import parse
from tests.support.scripted import KEY, ScriptedApi, error

YESTERDAY = "2026-11-20"
COLLECTORS = ("usage", "cost", "nowcast", "claude_code", "organization", "members", "limits")


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as api:
        script(api)
        yield api


def once(api: ScriptedApi, *flags: str) -> tuple[int, str, str]:
    """The exit status, standard output and standard error."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", "once", "--api.base-url", api.base_url, "--api.retry-seconds=0.1", *flags],
        check=False,
        capture_output=True,
        text=True,
        env=clean | {"ANTHROPIC_ADMIN_API_KEY": KEY},
        cwd=Path(__file__).parent.parent,
        timeout=60,
    )
    assert KEY not in ended.stdout + ended.stderr
    return ended.returncode, ended.stdout, ended.stderr


def test_it_prints_one_exposition_of_everything_and_ends_with_0(api: ScriptedApi) -> None:
    status, text, _ = once(api)
    found = parse(text)
    assert status == 0
    assert found["anthropic_exporter_up"] == {frozenset(): 1}
    assert found["anthropic_organization_info"]
    assert found["anthropic_exporter_collector_up"].keys() == {frozenset({("collector", name)}) for name in COLLECTORS}
    assert not [name for name in found if name.startswith("process_")]


def test_names_are_there_at_once(api: ScriptedApi) -> None:
    script(api, usage={day: [usage_row(workspace_id="wrkspc_01")] for day in _days()})
    _, text, _ = once(api)
    workspaces = {dict(key)["workspace"] for key in parse(text)["anthropic_usage_tokens"]}
    assert workspaces == {dict(key)["workspace"] for key in parse(text)["anthropic_workspace_info"]} - {"default"}


def _days() -> list[str]:
    today = datetime.now(UTC).date()
    return [(today - timedelta(days=age)).isoformat() for age in range(10)]


@pytest.mark.parametrize("path", [USAGE, COST, CLAUDE_CODE, WORKSPACES, USERS, API_KEYS, ME, RATE_LIMITS])
def test_a_failure_is_logged_and_told_by_the_exit_status_and_the_rest_is_there(api: ScriptedApi, path: str) -> None:
    api.on(path, error(400, "so it is"))
    status, text, log = once(api)
    assert status == 1
    assert parse(text)["anthropic_exporter_up"] == {frozenset(): 0}
    # The nowcast and the limits read usage, members and limits the workspaces, too.
    failed = 3 if path in (USAGE, WORKSPACES) else 1
    assert sum(parse(text)["anthropic_exporter_collector_up"].values()) == len(COLLECTORS) - failed
    assert "so it is" in log


def test_what_is_not_served_is_no_failure_and_nothing_at_all_is_one(api: ScriptedApi) -> None:
    api.on(CLAUDE_CODE, error(403, "no"))
    assert once(api)[0] == 0
    for path in (USAGE, COST, WORKSPACES, RATE_LIMITS):
        api.on(path, error(403, "no"))
    assert once(api)[0] == 1


def test_a_file_is_written_as_a_whole_for_everybody_to_read(api: ScriptedApi, tmp_path: Path) -> None:
    file = tmp_path / "anthropic.prom"
    file.write_text("before", encoding="utf-8")
    reader = file.open(encoding="utf-8")
    status, text, _ = once(api, f"--output-file={file}")
    assert (status, text) == (0, "")
    assert parse(file.read_text(encoding="utf-8"))["anthropic_exporter_up"] == {frozenset(): 1}
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    with reader:
        assert reader.read() == "before"  # whoever reads it meanwhile has the old one whole
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_failure_is_in_the_file_too(api: ScriptedApi, tmp_path: Path) -> None:
    api.on(COST, error(400, "x"))
    file = tmp_path / "anthropic.prom"
    assert once(api, f"--output-file={file}")[0] == 1
    assert parse(file.read_text(encoding="utf-8"))["anthropic_exporter_up"] == {frozenset(): 0}


@pytest.mark.parametrize("make", [lambda folder: folder / "none" / "x.prom", lambda folder: folder])
def test_a_file_that_cannot_be_written_is_one_line(
    api: ScriptedApi, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    file = make(tmp_path)
    status, text, log = once(api, f"--output-file={file}", "--log.level=error")
    assert (status, text) == (1, "")
    assert log.startswith(f"anthropic-exporter: cannot write {file}: ")
    assert len(log.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["serve", "demo", "check"])
def test_its_flag_belongs_to_no_other_command(api: ScriptedApi, command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", command, "--output-file=x"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"ANTHROPIC_ADMIN_API_KEY": KEY},
        cwd=Path(__file__).parent.parent,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (2, "anthropic-exporter: --output-file: belongs to the command once\n")
