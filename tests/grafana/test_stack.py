"""The stack of compose.yaml: real programs accept its files, the files fit each other, and it is safe to start."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from tests.support.grafana.cases import CASES
from tests.support.grafana.stack import ALERTS, ROOT, STACK, alertmanager, ask, load
from tests.support.processes import environment, eventually, exporter_command

COMPOSE_FILE = ROOT / "compose.yaml"
COMPOSE = load(COMPOSE_FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS = load(STACK / "prometheus.yml")
ALERTMANAGER = load(STACK / "alertmanager.yml")
PROVISIONING = ROOT / "grafana/provisioning"
DATASOURCES: list[dict[str, Any]] = load(PROVISIONING / "datasources/anthropic.yml")["datasources"]
DASHBOARDS = load(PROVISIONING / "dashboards/anthropic.yml")
KEY_FILE = "ANTHROPIC_ADMIN_API_KEY_FILE"
ALERT_NAMES = set(re.findall(r"- alert: (\w+)", (ALERTS / "alerts.yml").read_text(encoding="utf-8")))

each_service = pytest.mark.parametrize("name", SERVICES)


class Mount(NamedTuple):
    source: Path
    target: PurePosixPath
    mode: str


def mounts(name: str) -> Iterator[Mount]:
    """What a service has of the repository."""
    for volume in SERVICES[name].get("volumes", ()):
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            yield Mount(ROOT / source, PurePosixPath(target), *mode)


def inside(name: str, path: str) -> Path:
    """The file of the repository that a service finds under a path of its own."""
    for mount in mounts(name):
        if PurePosixPath(path).is_relative_to(mount.target):
            return mount.source / PurePosixPath(path).relative_to(mount.target)
    raise AssertionError(f"{name} has no {path}")


def flag(name: str, flag: str) -> str:
    (value,) = (word.removeprefix(f"{flag}=") for word in SERVICES[name]["command"] if word.startswith(f"{flag}="))
    return str(value)


def ran(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(**environ), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def compose(program: Callable[[str], str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`docker compose config`, or that of the program that came before; neither needs an engine."""
    is_plugin = shutil.which("docker") and ran("docker", "compose", "version").returncode == 0
    command = ("docker", "compose") if is_plugin else (program("docker-compose"),)

    def run(**environ: str) -> subprocess.CompletedProcess[str]:
        return ran(*command, "--file", COMPOSE_FILE, "config", **environ)

    return run


# The programs' own word


def test_prometheus_accepts_its_configuration_with_every_rule_file(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    for mount in mounts("prometheus"):
        target = tmp_path / mount.target.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if mount.source.is_dir() else shutil.copy)(mount.source, target)
    config = tmp_path / PurePosixPath(flag("prometheus", "--config.file")).relative_to("/")
    result = ran(program("promtool"), "check", "config", config)
    assert result.returncode == 0, result.stderr
    for path in ALERTS.glob("*.yml"):
        assert f"Checking {config.parent / 'alerts' / path.name}" in result.stdout


def test_alertmanager_accepts_its_configuration(program: Callable[[str], str]) -> None:
    config = inside("alertmanager", flag("alertmanager", "--config.file"))
    result = ran(program("amtool"), "check-config", config)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("environ", "mode"), [({}, "demo"), ({"EXPORTER_MODE": ""}, "demo"), ({"EXPORTER_MODE": "serve"}, "serve")]
)
def test_numbers_are_invented_unless_real_ones_are_asked_for_and_the_two_never_share_a_history(
    compose: Callable[..., subprocess.CompletedProcess[str]], environ: Mapping[str, str], mode: str
) -> None:
    result = compose(**environ)
    assert result.returncode == 0, result.stderr
    services = yaml.safe_load(result.stdout)["services"]
    assert services["exporter"]["command"] == [mode]
    assert f"prometheus-{mode}" in str(services["prometheus"]["volumes"])


def test_an_unknown_mode_is_refused(compose: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    result = compose(EXPORTER_MODE="server")
    assert result.returncode != 0
    assert "prometheus-server" in result.stderr


def test_the_key_is_mounted_and_never_shown(
    compose: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("sk-ant-admin01-secret", encoding="utf-8")
    result = compose(
        EXPORTER_MODE="serve", ANTHROPIC_ADMIN_API_KEY_FILE=str(file), ANTHROPIC_ADMIN_API_KEY="sk-ant-admin01-secret"
    )
    assert result.returncode == 0, result.stderr
    assert "sk-ant" not in result.stdout
    (name,) = SERVICES["exporter"]["secrets"]
    assert yaml.safe_load(result.stdout)["secrets"][name]["file"] == str(file)
    assert SERVICES["exporter"]["environment"][KEY_FILE] == f"/run/secrets/{name}"


def test_real_numbers_without_a_key_end_with_a_clear_word() -> None:
    (secret,) = COMPOSE["secrets"].values()
    default = re.fullmatch(rf"\$\{{{KEY_FILE}:-(.*)\}}", secret["file"])
    assert default
    result = ran(*exporter_command("serve"), ANTHROPIC_ADMIN_API_KEY_FILE=default[1])
    assert result.returncode == 2
    assert "is empty: write the Admin API key into it" in result.stderr


# What is started


@each_service
def test_images_are_pinned_or_built_here(name: str) -> None:
    if name == "exporter":
        assert (SERVICES[name]["build"], "image" in SERVICES[name]) == (".", False)
    else:
        assert re.fullmatch(r"docker\.io/[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@each_service
def test_a_service_is_reachable_from_this_machine_only(name: str) -> None:
    assert [re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) is not None for port in SERVICES[name]["ports"]] == [True]


@each_service
def test_a_service_may_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert not service.keys() & {
        "cap_add",
        "devices",
        "ipc",
        "network_mode",
        "pid",
        "privileged",
        "user",
        "userns_mode",
    }
    assert service.get("read_only") or name == "grafana"  # which writes beside its data


@each_service
def test_what_is_mounted_exists_and_stays_as_it_is(name: str) -> None:
    for mount in mounts(name):
        assert mount.source.exists(), mount.source
        assert mount.mode == "ro", mount.source


def test_the_exporter_is_asked_for_its_health_as_in_the_image() -> None:
    (words,) = re.findall(r"HEALTHCHECK.*\\\n +CMD (.*)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert SERVICES["exporter"]["healthcheck"]["test"] == ["CMD", *json.loads(words)]
    assert SERVICES["prometheus"]["depends_on"] == {"exporter": {"condition": "service_healthy"}}


def test_grafana_shows_everything_to_who_reaches_it_and_lets_nobody_in() -> None:
    settings = SERVICES["grafana"]["environment"]
    assert (settings["GF_AUTH_ANONYMOUS_ENABLED"], settings["GF_AUTH_ANONYMOUS_ORG_ROLE"]) == ("true", "Viewer")
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert not [name for name in settings if "PASSWORD" in name]


# How the parts find each other


def address(name: str) -> str:
    (port,) = SERVICES[name]["ports"]
    return f"{name}:{port.rsplit(':', 1)[1]}"


def test_prometheus_scrapes_the_exporter_and_tells_alertmanager() -> None:
    (scraped,) = PROMETHEUS["scrape_configs"]
    (told,) = PROMETHEUS["alerting"]["alertmanagers"]
    assert scraped["static_configs"] == [{"targets": [address("exporter")]}]
    assert told["static_configs"] == [{"targets": [address("alertmanager")]}]


def test_every_data_source_is_a_service() -> None:
    keys = {"name", "uid", "type", "access", "url", "isDefault", "editable", "jsonData"}
    for datasource in DATASOURCES:
        assert datasource.keys() <= keys
        assert datasource["url"] == f"http://{address(datasource['type'])}"
        assert datasource["editable"] is False
    assert len({datasource["uid"] for datasource in DATASOURCES}) == len(DATASOURCES)


def test_the_dashboards_find_prometheus_and_grafana_finds_alertmanager() -> None:
    (default,) = (datasource for datasource in DATASOURCES if datasource.get("isDefault"))
    (other,) = (datasource for datasource in DATASOURCES if datasource != default)
    assert default["jsonData"] == {
        "httpMethod": "POST",
        "prometheusType": "Prometheus",
        "prometheusVersion": SERVICES["prometheus"]["image"].split(":v")[1],
        "timeInterval": PROMETHEUS["global"]["scrape_interval"],
        "alertmanagerUid": other["uid"],
    }
    assert other["jsonData"] == {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    for dashboard in dashboards().values():
        variable = next(one for one in dashboard["templating"]["list"] if one["type"] == "datasource")
        assert variable["query"] == default["type"]
        assert not variable.get("regex")


def test_the_dashboards_are_provisioned_and_stay_as_they_are() -> None:
    assert DASHBOARDS.keys() == {"apiVersion", "providers"}
    (provider,) = DASHBOARDS["providers"]
    assert provider.keys() == {"name", "folder", "folderUid", "type", "allowUiUpdates", "disableDeletion", "options"}
    assert (provider["type"], provider["folder"], provider["allowUiUpdates"]) == ("file", "Anthropic", False)
    assert dashboards()
    assert len({dashboard["uid"] for dashboard in dashboards().values()}) == len(dashboards())
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert inside("grafana", home) in dashboards()


def dashboards() -> dict[Path, dict[str, Any]]:
    (provider,) = DASHBOARDS["providers"]
    folder = inside("grafana", provider["options"]["path"])
    return {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))}


# Alertmanager's routes


def test_no_receiver_is_told_until_one_is_set_up() -> None:
    assert ALERTMANAGER["receivers"] == [{"name": ALERTMANAGER["route"]["receiver"]}]


def test_inhibitions_are_of_alerts_that_exist() -> None:
    for rule in ALERTMANAGER["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            _, pattern = re.split(r" =~? ", matcher)
            assert any(re.fullmatch(pattern.strip('"'), name) for name in ALERT_NAMES), matcher


def labels_of(alert: str, organization: str) -> dict[str, str]:
    """As the rules make them."""
    severity = {"severity": CASES[alert].labels["severity"]}
    return {"alertname": alert, "job": "anthropic", "organization": organization, **severity}


def test_what_follows_from_another_alert_is_not_told_as_well(program: Callable[[str], str], tmp_path: Path) -> None:
    budget = {"job": "anthropic", "organization": "acme", "scope": "organization"}
    states = ("Exceeded", "NearlyUsed", "HalfUsed", "ProjectedToExceed")
    workspace = {**budget, "scope": "workspace", "workspace_id": "wrkspc_1"}
    usage = {"job": "anthropic", "organization": "acme", "collector": "usage"}
    other = {"job": "anthropic", "organization": "other"}
    sent = [
        *({"alertname": f"AnthropicBudget{state}", **budget} for state in states),
        {"alertname": "AnthropicBudgetNearlyUsed", **workspace},
        {"alertname": "AnthropicBudgetHalfUsed", **workspace},
        labels_of("AnthropicCredentialsRejected", "acme"),
        {"alertname": "AnthropicDataStale", **usage},
        {"alertname": "AnthropicCollectorFailing", **usage, "collector": "cost"},
        {"alertname": "AnthropicDataStale", **other, "collector": "cost"},
        {"alertname": "AnthropicCollectorFailing", **other, "collector": "cost"},
        {"alertname": "AnthropicCollectorFailing", **other, "collector": "usage"},
        {"alertname": "AnthropicBudgetHalfUsed", **budget, "organization": "other"},
        labels_of("AnthropicNothingServed", "acme"),
        {"alertname": "AnthropicCollectorUnavailable", **usage},
    ]
    told = [sent[number] for number in (0, 4, 6, 9, 11, 12, 13)]
    with alertmanager(program, tmp_path, ALERTMANAGER) as url:
        answer = httpx.post(
            f"{url}/api/v2/alerts",
            json=[
                {"labels": labels, "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat()} for labels in sent
            ],
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text

        def active() -> list[dict[str, str]] | None:
            """Once every alert has been through the route."""
            alerts = ask(url, "/api/v2/alerts")
            if len(alerts) < len(sent) or any(alert["status"]["state"] == "unprocessed" for alert in alerts):
                return None
            return [alert["labels"] for alert in alerts if alert["status"]["state"] == "active"]

        found = eventually(active, "routed alerts")
    assert {frozenset(labels.items()) for labels in found} == {frozenset(labels.items()) for labels in told}
