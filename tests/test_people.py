"""How people are shown: as the API names them, as hashes, as teams, all as one; never as what they are not to be."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.settings.actors_files import read_teams
from tests.support.answers import (
    API_KEYS,
    CLAUDE_CODE,
    COST,
    INVITES,
    ME,
    MEMBERS_OF_WORKSPACE,
    SERVICE_ACCOUNTS,
    USAGE,
    USERS,
    WORKSPACES,
    Row,
    api_key_row,
    buckets,
    claude_code_row,
    invite_row,
    listing,
    member_row,
    records,
    script,
    usage_row,
    workspace_row,
)
from tests.support.exporting import Exporter, Labels, exporting, labels
from tests.support.loading import problems
from tests.support.processes import eventually, exporter, get, until_ready
from tests.support.scripted import KEY, ScriptedApi, error
from tests.test_process import run

ACTOR = "anthropic_claude_code_sessions"
ACTIVE = "anthropic_claude_code_active_actors"
CREATED_BY = "anthropic_api_key_info"
TODAY = "2026-11-21"
HASH_KEY = "a-key-of-more-than-sixteen-bytes"
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
BY_ACCOUNT = "--usage.group-by=account_id"
MODES = ("email", "hash", "map", "drop")
MAP = """\
ada@example.com: Search
GRACE@Example.com: Platform
"*@partner.example": Partners
"""


@pytest.fixture
def noon(clock: Callable[[str], Any]) -> None:
    clock(f"{TODAY}T12:00:00Z")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("actors")
    (folder / "key").write_text(HASH_KEY)
    (folder / "map.yml").write_text(MAP)
    return folder


def flags(mode: str, files: Path) -> list[str]:
    file = {"hash": [f"--actors.hash-key-file={files / 'key'}"], "map": [f"--actors.map-file={files / 'map.yml'}"]}
    return [f"--actors.mode={mode}", *file.get(mode, [])]


def person(address: str | None, **values: object) -> Row:
    return claude_code_row(TODAY, actor={"type": "user_actor", "email_address": address}, **values)


def key_of(name: str, **values: object) -> Row:
    return claude_code_row(TODAY, actor={"type": "api_actor", "api_key_name": name}, **values)


def shown(mode: str, files: Path, rows: list[Row], *more: str, answers: Mapping[str, object] | None = None) -> Exporter:
    async def refreshed(base_url: str) -> Exporter:
        async with exporting(base_url, *flags(mode, files), *more) as exporter:
            await exporter.refresh()
            return exporter

    with ScriptedApi() as api:
        script(api, claude_code={TODAY: rows})
        for path, answer in (answers or {}).items():
            api.on(path, answer)
        return asyncio.run(refreshed(api.base_url))


def actors(exporter: Exporter) -> dict[tuple[str, str], float]:
    """Sessions by actor and type."""
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for key, value in exporter.exposed[ACTOR].items():
        found[dict(key)["actor"], dict(key)["actor_type"]] += value
    return dict(found)


ROWS = [
    person("ada@example.com"),
    person("Ada@Example.com", terminal_type="iTerm.app"),
    person("grace@example.com"),
    person("someone@partner.example"),
    person("nobody@elsewhere.example"),
    key_of("ci-runner"),
    key_of("CI-runner"),
]


@pytest.mark.usefixtures("noon")
def test_addresses_that_differ_in_case_alone_are_one_person_s_and_names_of_keys_are_not(files: Path) -> None:
    exporter = shown("email", files, ROWS)
    assert actors(exporter) == {
        ("ada@example.com", "user"): 2,
        ("grace@example.com", "user"): 1,
        ("someone@partner.example", "user"): 1,
        ("nobody@elsewhere.example", "user"): 1,
        ("ci-runner", "api_key"): 1,
        ("CI-runner", "api_key"): 1,
    }


@pytest.mark.usefixtures("noon")
def test_a_map_has_teams_by_address_and_by_domain_and_the_rest_is_unmapped(files: Path) -> None:
    assert actors(shown("map", files, ROWS)) == {
        ("Search", "user"): 2,
        ("Platform", "user"): 1,
        ("Partners", "user"): 1,
        ("unmapped", "user"): 1,
        ("ci-runner", "api_key"): 1,
        ("CI-runner", "api_key"): 1,
    }


@pytest.mark.usefixtures("noon")
def test_dropped_everybody_is_one_and_so_are_keys(files: Path) -> None:
    assert actors(shown("drop", files, ROWS)) == {("all", "user"): 5, ("all", "api_key"): 2}


@pytest.mark.usefixtures("noon")
def test_a_hash_is_the_same_after_a_restart_and_another_with_another_key(files: Path, tmp_path: Path) -> None:
    first, again = (actors(shown("hash", files, ROWS)) for _ in range(2))
    assert first == again
    people = {name for name, kind in first if kind == "user"}
    assert len(people) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in people)
    (tmp_path / "key").write_text("another-key-of-more-than-sixteen")
    others = {name for name, kind in actors(shown("hash", tmp_path, ROWS)) if kind == "user"}
    assert not people & others


USERS_LISTED = listing(
    {"id": "user_01", "email": "Ada@example.com", "name": "Ada", "role": "admin"},
    {"id": "user_02", "email": "nobody@elsewhere.example", "name": "N", "role": "user"},
)
DIRECTORY: Mapping[str, object] = {
    USERS: USERS_LISTED,
    API_KEYS: listing(
        api_key_row("apikey_01"),
        api_key_row("apikey_02", created_by={"id": "svac_01", "type": "service_account"}),
        api_key_row("apikey_03", created_by={"id": "user_99", "type": "user"}),
        api_key_row("apikey_04", created_by=None),
    ),
    USAGE: lambda seen: buckets(
        {TODAY: [usage_row(account_id=each, output_tokens=7) for each in ("user_01", "user_02", "user_99", None)]}, seen
    ),
}


@pytest.mark.usefixtures("noon")
@pytest.mark.parametrize("mode", MODES)
def test_somebody_is_the_same_in_all_families(files: Path, mode: str) -> None:
    exporter = shown(mode, files, [person("ada@example.com")], BY_ACCOUNT, answers=DIRECTORY)
    ((ada, _),) = actors(exporter)
    key = labels(token_type="output", days_ago="0", actor=ada)
    of_usage = {each for each in exporter.exposed["anthropic_usage_tokens"] if each >= key}
    assert {dict(each)["actor_id"] for each in of_usage} == {"user_01" if mode == "email" else ada}
    creators = {dict(each)["api_key_id"]: dict(each)["created_by"] for each in exporter.exposed[CREATED_BY]}
    assert creators["apikey_01"] == ("user_01" if mode == "email" else ada)
    assert creators["apikey_02"] == ("all" if mode == "drop" else "svac_01")
    assert creators["apikey_04"] == "none"
    strangers = {"email": "user_99", "map": "unmapped", "drop": "all"}
    assert creators["apikey_03"] == strangers.get(mode, creators["apikey_03"]) != ("user_99" if mode == "hash" else "")


people = st.sampled_from(
    ["ada@example.com", "ADA@example.com", "grace@example.com", "x@partner.example", "y@else.example"]
)
rows = st.lists(
    st.one_of(
        st.builds(person, people, terminal_type=st.sampled_from(["vscode", "tmux"])),
        st.builds(key_of, st.sampled_from(["ci", "CI", "ada@example.com's key"])),
        st.builds(person, st.none()),
    ),
    max_size=12,
)


def sums(exporter: Exporter, family: str) -> dict[Labels, float]:
    """Over people."""
    found: defaultdict[Labels, float] = defaultdict(float)
    for key, value in exporter.exposed.get(family, {}).items():
        found[frozenset(each for each in key if each[0] not in {"actor", "actor_id"})] += value
    return dict(found)


@pytest.mark.usefixtures("noon")
def test_sums_and_the_number_of_actors_are_the_same_in_all_modes(files: Path) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(rows)
    def holds(rows: list[Row]) -> None:
        of_modes = [shown(mode, files, rows, BY_ACCOUNT, answers=DIRECTORY) for mode in MODES]
        names = {name for name in of_modes[0].exposed if name.startswith(("anthropic_claude_code_", "anthropic_usage"))}
        for name in names:
            first, *others = (sums(each, name) for each in of_modes)
            assert all(other == pytest.approx(first) for other in others), name
        assert not any(ADDRESS.search(each.text) for each in of_modes[1:])

    holds()


# Everything that the process writes

LEAKS = {
    "user": "ada@example.com",
    "user in capitals": "GRACE@EXAMPLE.COM",
    "creator": "creator@example.com",
    "invite": "invited@example.com",
    "name of a key": "key.owner@example.com",
    "key of Claude Code": "cc.key@example.com",
    "workspace": "w.owner@example.com",
    "organization": "org.owner@example.com",
    "service account": "bot.owner@example.com",
    "tag": "tagged@example.com",
    "terminal": "terminal@example.com",
    "error": "denied@example.com",
    "member": "member@example.com",
}


def leaking(api: ScriptedApi) -> None:
    """An address at every place where the API could put one."""
    now = datetime.now(UTC)
    days = [(now - timedelta(days=back)).date().isoformat() for back in range(9)]
    every = [
        claude_code_row(day, actor={"type": kind, name: text}, terminal_type=LEAKS["terminal"])
        for day in days
        for kind, name, text in (
            ("user_actor", "email_address", LEAKS["user"]),
            ("user_actor", "email_address", LEAKS["user in capitals"]),
            ("api_actor", "api_key_name", f"{LEAKS['key of Claude Code']}'s key"),
        )
    ]
    script(api, usage={day: [usage_row(account_id="user_01", workspace_id="wrkspc_01")] for day in days})
    api.on(
        CLAUDE_CODE,
        lambda seen: records({day: [row for row in every if row["date"].startswith(day)] for day in days}, seen),
    )
    api.on(ME, {"id": "org_01", "name": f"{LEAKS['organization']}'s Organization", "type": "organization"})
    api.on(
        WORKSPACES,
        listing(workspace_row("wrkspc_01", name=f"of {LEAKS['workspace']}", tags={"team": LEAKS["tag"]})),
    )
    api.on(
        API_KEYS,
        listing(
            api_key_row("apikey_01", name=f"{LEAKS['name of a key']}-key"),
            api_key_row("apikey_02", created_by={"id": LEAKS["creator"], "type": "user"}),
        ),
    )
    api.on(USERS, listing({"id": "user_01", "email": LEAKS["user"], "name": LEAKS["user"], "role": "admin"}))
    bot = {"id": "svac_01", "name": LEAKS["service account"], "organization_role": "developer", "archived_at": None}
    api.on(SERVICE_ACCOUNTS, {"data": [bot], "next_page": None})
    api.on(INVITES, listing(invite_row("invite_01", email=LEAKS["invite"])))
    api.on(MEMBERS_OF_WORKSPACE, listing(member_row("user_01") | {"email": LEAKS["member"]}))
    api.on(COST, error(403, f"{LEAKS['error']} may not read this"))


@pytest.fixture
def leaky() -> Iterator[ScriptedApi]:
    with ScriptedApi() as api:
        leaking(api)
        yield api


@pytest.mark.parametrize("mode", ["hash", "map", "drop"])
def test_nothing_that_the_process_writes_has_an_address_in_it(leaky: ScriptedApi, files: Path, mode: str) -> None:
    own = [*flags(mode, files), f"--api.base-url={leaky.base_url}", BY_ACCOUNT, "--organization.workspace-tags=team"]
    environ = {"ANTHROPIC_ADMIN_API_KEY": KEY}
    written: dict[str, str] = {}
    with exporter(*own, "--log.level=debug", **environ) as (process, base_url):
        until_ready(base_url)
        eventually(lambda: "may not read this" in get(f"{base_url}/").text, "the page")
        for path in ("/metrics", "/", "/api/v1/status"):
            written[path] = get(base_url + path).text
        written["openmetrics"] = get(f"{base_url}/metrics", accept="application/openmetrics-text").text
        process.stop(signal.SIGTERM)
        written["log"] = process.output
    assert "anthropic_claude_code_sessions{" in written["/metrics"]
    for command in ("check", "once"):
        done = run(command, *own, **environ)
        written[command] = done.stdout + done.stderr
        assert len(written[command]) > 100
    found = {where: ADDRESS.findall(text) for where, text in written.items()}
    assert not any(found.values()), found


def test_in_the_log_and_in_messages_there_is_no_address_in_any_mode(leaky: ScriptedApi) -> None:
    own = [f"--api.base-url={leaky.base_url}"]
    with exporter(*own, "--log.level=debug", ANTHROPIC_ADMIN_API_KEY=KEY) as (process, base_url):
        until_ready(base_url)
        page = eventually(lambda: text if "may not read this" in (text := get(f"{base_url}/").text) else None, "it")
        assert LEAKS["error"] not in page
        process.stop(signal.SIGTERM)
    assert not ADDRESS.findall(process.output)


# Settings


def test_the_documentation_s_map_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "people.md").read_text(encoding="utf-8")
    (tmp_path / "teams.yml").write_text(next(re.finditer(r"```yaml\n(.*?)```", page, re.DOTALL))[1])
    assert read_teams(tmp_path / "teams.yml") == {
        "ada@example.com": "Search",
        "grace@example.com": "Platform",
        "*@partner.example": "Partners",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--actors.mode=hash"], "--actors.mode: hash needs --actors.hash-key-file"),
        (["--actors.mode=map"], "--actors.mode: map needs --actors.map-file"),
        (["--actors.mode=hash", "--actors.hash-key-file={short}"], "{short} must have at least 16 bytes"),
        (["--actors.hash-key-file={key}"], "--actors.hash-key-file: is for --actors.mode=hash"),
        (["--actors.mode=hidden"], "must be one of email, hash, map, drop"),
        (["--actors.mode=map", "--actors.map-file={twice}"], "{twice}, line 2: is there twice"),
        (["--actors.mode=map", "--actors.map-file={number}"], "{number}, line 1: must be an e-mail address"),
        (["--actors.mode=map", "--actors.map-file={list}"], "{list}, line 1: must have the name of a team"),
        (["--actors.mode=map", "--actors.map-file={empty}"], "{empty}, line 1: must have the name of a team"),
        (["--actors.mode=map", "--actors.map-file={broken}"], "{broken}, line 2: not valid YAML"),
        (["--actors.mode=map", "--actors.map-file={missing}"], "cannot read {missing}"),
    ],
)
def test_what_is_wrong_is_refused_at_start_and_names_nobody(tmp_path: Path, given: list[str], said: str) -> None:
    contents = {
        "short": "0123456789",
        "key": HASH_KEY,
        "twice": "ada@example.com: A\nADA@example.com: B\n",
        "number": "ada: A\n",
        "list": "ada@example.com: [A]\n",
        "empty": "ada@example.com:\n",
        "broken": "ada@example.com: [\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    paths = {name: str(tmp_path / name) for name in (*contents, "missing")}
    (problem,) = problems(*(flag.format(**paths) for flag in given))
    assert said.format(**paths) in problem
    assert not ADDRESS.search(problem)


# The map, read again


def reloads(base_url: str) -> tuple[str, str]:
    text = get(f"{base_url}/metrics").text
    found = dict(re.findall(r"^anthropic_exporter_config_last_reload_(\w+) (.*)$", text, re.MULTILINE))
    return found["successful"], found["success_timestamp_seconds"]


def test_the_map_is_read_again_on_sighup_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "map.yml"
    file.write_text('"*@example.com": Before\n')
    today = datetime.now(UTC).date().isoformat()
    with ScriptedApi() as api:
        script(api, claude_code={today: [claude_code_row(today)]})
        own = ["--actors.mode=map", f"--actors.map-file={file}", f"--api.base-url={api.base_url}"]
        with exporter(*own, ANTHROPIC_ADMIN_API_KEY=KEY) as (process, base_url):

            def has(team: str) -> bool:
                return f'actor="{team}"' in get(f"{base_url}/metrics").text

            until_ready(base_url)
            eventually(lambda: has("Before"), "the first map")
            asked = len(api.requests)
            successful, at = reloads(base_url)
            assert successful == "1.0"
            file.write_text('"*@example.com": After\n')
            process.process.send_signal(signal.SIGHUP)
            eventually(lambda: has("After"), "the second map")
            assert not has("Before")
            eventually(lambda: reloads(base_url) > (successful, at), "the time of it")
            successful, at = reloads(base_url)
            file.write_text("not a map\n")
            process.process.send_signal(signal.SIGHUP)
            eventually(lambda: reloads(base_url) == ("0.0", at), "that it failed")
            assert has("After")
            assert process.process.poll() is None
            assert len(api.requests) == asked
            process.stop(signal.SIGTERM)
    assert "was not read again" in process.output


def test_without_a_map_there_is_nothing_to_read_again(files: Path) -> None:
    assert "config_last_reload" not in shown("hash", files, []).text
