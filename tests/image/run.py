"""`make image-test`: `make image` where no registry can be reached, and the demo in it, run as strictly as can be.

A Debian of debootstrap stands in for the official base, under its name. All that is made is in a temporary folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
DOCKERFILE = PROJECT / "Dockerfile"
IMAGE = "localhost/anthropic-exporter"
PROGRAMS = ("buildah", "debootstrap", "gpgv")  # Debian's packages have the same names
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PATIENCE_SECONDS = 60.0

# $1 is the image's folder, $2 the user, the rest the command: its whole file system is read-only, the base's shells are
# hidden, it has no capability and no way to gain one. In namespaces of its own: the command is process 1, and no mount
# outlives it.
CONTAINER = """
set -e
root=$1 user=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
for shell in bash dash; do mount --bind /dev/null "$root/usr/bin/$shell"; done
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot \
    chroot --userspec="$user" --groups= "$root" "$@"
"""
WRITE = """
import os, tempfile
for folder in ["/", "/opt/venv", "/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", os.path.expanduser("~")]:
    try:
        tempfile.TemporaryFile(dir=folder)
    except OSError:
        continue
    raise SystemExit(f"{folder} is writable")
"""
COMPILED = """
import os, sys, exporter.cli, exporter.commands, exporter.health
missing = [n for n, m in sys.modules.items() if getattr(m, "__cached__", 0) and not os.path.exists(m.__cached__)]
sys.exit(" ".join(missing) or 0)
"""


def say(text: str) -> None:
    print(f"image-test: {text}", flush=True)  # noqa: T201  a command prints


def run(*command: str | Path) -> str:
    """Its standard output; what else it says is shown only when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}image-test: failed with {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout.strip()


def check(fact: object, what: str) -> None:
    if not fact:
        sys.exit(f"image-test: NOT so: {what}")
    say(f"ok: {what}")


def eventually(probe: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not probe():
        if time.monotonic() > deadline:
            sys.exit(f"image-test: not in time: {what}")
        time.sleep(0.1)


def check_host() -> None:
    if os.geteuid() != 0:
        sys.exit("image-test: root is needed to make and mount a base image: sudo make image-test")
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if not KEYRING.exists():
        missing.append("debian-archive-keyring")
    if missing:
        sys.exit(f"image-test: please install: apt install {' '.join(missing)}")


def make_tools(folder: Path) -> Path:
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--require-hashes", "--requirement", PROJECT / "tests/image/requirements.txt")
    return folder / "bin"


class Buildah:
    """With storage of its own, in the folder."""

    def __init__(self, folder: Path) -> None:
        storage = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"), "--storage-driver", "vfs")
        self.command = ("buildah", *storage)

    def __call__(self, *arguments: str | Path) -> str:
        return run(*self.command, *arguments)

    @contextlib.contextmanager
    def files(self, image: str) -> Iterator[tuple[str, Path]]:
        """A container of the image: its name and its folder."""
        name = self("from", "--pull-never", image)
        yield name, Path(self("mount", name))
        self("rm", name)

    def make_base(self, name: str) -> None:
        suite = name.rpartition("-")[2]  # its Python is of the official base's series
        with self.files("scratch") as (container, root):
            signed = ("--force-check-gpg", f"--keyring={KEYRING}")
            include = "--include=python3,python3-venv,ca-certificates"
            run("unshare", "--mount", "debootstrap", *signed, "--variant=minbase", include, suite, root)
            # The official base has this command, and no byte code of the standard library either.
            self("config", "--cmd", "python3", container)
            caches = [*root.glob("usr/lib/python3*/**/__pycache__"), root / "var/cache/apt", root / "var/lib/apt"]
            for each in (*caches, root / "usr/share/doc", root / "usr/share/locale", root / "usr/share/man"):
                shutil.rmtree(each)
            self("commit", container, name)

    def build(self, folder: Path, pip: Path) -> None:
        """This machine's way to PyPI is mounted while the image is built, and in no layer."""
        found = re.findall(r"(?m)^(?:global|install|:env:)\.([\w-]+)='(.*)'$", run(pip, "config", "list"))
        settings = dict(reversed(found))  # the environment comes first, and goes before the files
        wanted = ("default-timeout", "extra-index-url", "index-url", "proxy", "timeout", "trusted-host")
        kept = {name: text for name, text in settings.items() if name in wanted}
        volumes = []
        if certificates := settings.get("cert"):
            kept["cert"] = "/etc/ssl/certs/ca-certificates.crt"
            volumes = ["--volume", f"{certificates}:{kept['cert']}:ro"]
        config = folder / "pip.conf"
        config.write_text("\n".join(["[global]", *(f"{name} = {text}" for name, text in kept.items()), ""]))
        options = ("--isolation", "chroot", "--pull-never", "--secret", f"id=pip,src={config}", *volumes)
        variables = (f"DOCKER={shlex.join(self.command)}", f"ARGS={shlex.join(options)}")
        run("make", "--directory", PROJECT, "image", *variables)


class Container:
    """Runs the image's own entry point and health check, with its own user and environment."""

    def __init__(self, root: Path, config: dict[str, Any]) -> None:
        self.root = root
        self.user = config["User"]
        self.environ = dict(pair.split("=", 1) for pair in config["Env"])
        self.entry_point = config["Entrypoint"]
        self.health = config["Healthcheck"]["Test"]
        self.pid = 0

    @contextlib.contextmanager
    def started(self, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
        """What waits for the container's process 1, and ends as that does."""
        inside = (str(self.root), self.user, *self.entry_point, *arguments)
        process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "sh", "-c", CONTAINER, "container", *inside],
            env=self.environ | environ,
            stdout=subprocess.DEVNULL,
        )
        self.pid = 0
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        try:
            eventually(lambda: process.poll() is not None or children.read_text(), "the container's process 1")
            self.pid = int(children.read_text())  # as it is known outside
            yield process
        finally:
            # Process 1, with which all in the container end; unshare's own end would leave it.
            if self.pid and process.poll() is None:
                os.kill(self.pid, signal.SIGKILL)
            process.kill()
            process.wait()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Another command in the container, as its user."""
        uid, gid = self.user.split(":")
        namespaces = ("--target", str(self.pid), "--mount", "--pid", "--root", "--wd", "--setuid", uid, "--setgid", gid)
        return subprocess.run(
            ["nsenter", *namespaces, *command], env=self.environ, capture_output=True, text=True, check=False
        )

    def is_healthy(self) -> bool:
        return self.run(*self.health[1:]).returncode == 0

    def check_python(self, script: str, what: str) -> None:
        done = self.run("/opt/venv/bin/python3", "-I", "-c", script)
        check(done.returncode == 0, f"{what} {done.stderr}".strip())

    def status(self, name: str) -> list[str]:
        found = re.search(rf"(?m)^{name}:(.*)$", Path(f"/proc/{self.pid}/status").read_text())
        return found[1].split() if found else []


def get(url: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except OSError as error:
        return getattr(error, "code", 0), ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def check_config(config: dict[str, Any], labels: dict[str, str], version: str) -> None:
    check(re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"]), f"the user is a number and not root: {config['User']}")
    check(
        isinstance(config["Entrypoint"], list) and "/bin/sh" not in config["Entrypoint"],
        "the entry point is no shell's",
    )
    check(not config.get("Cmd"), "it has no arguments unless some are given")
    check("Healthcheck" in config, "it has a health check")
    check(config["Healthcheck"]["Test"][0] == "CMD", "the health check is no shell's")
    check(labels.keys() >= {"title", "description", "licenses"}, f"labels: {', '.join(sorted(labels))}")
    check(labels["version"] == version, f"the version is {version}")


def check_demo(container: Container, revision: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with container.started("demo", "--web.listen-address", f"127.0.0.1:{port}") as process:
        begun = time.monotonic()
        eventually(lambda: process.poll() is not None or get(f"{url}/-/ready")[0] == 200, "readiness")
        check(process.poll() is None, f"the demo is ready after {time.monotonic() - begun:.1f} s")
        status, metrics = get(f"{url}/metrics")
        check(status == 200 and "\nanthropic_usage_tokens{" in metrics, "anthropic_usage_tokens is scraped")
        check(revision != "unknown" or not (PROJECT / ".git").exists(), "the revision is known")
        check(f'revision="{revision}"' in metrics, f"the revision is in the metrics and in a label: {revision}")
        check({*container.status("Uid"), *container.status("Gid")} == {*container.user.split(":")}, "it is its user")
        check(not container.status("Groups") and {*container.status("CapEff")} == {"0" * 16}, "it has no capability")
        check(container.run("/bin/sh", "-c", "true").returncode != 0, "no shell is needed: the base's are hidden")
        container.check_python(WRITE, "nothing is writable")
        container.check_python(COMPILED, "all is byte-compiled")
        check(container.is_healthy(), "it is healthy, listening where a flag says")
        os.kill(container.pid, signal.SIGSTOP)
        check(not container.is_healthy(), "it is not healthy when it hangs")
        os.kill(container.pid, signal.SIGCONT)
        os.kill(container.pid, signal.SIGTERM)
        check(process.wait(PATIENCE_SECONDS) == 0, "SIGTERM ends it with 0")
    for address, path in ((":0", "/metrics"), ("127.0.0.2:0,[::1]:0", "/m/x")):
        environ = {"ANTHROPIC_EXPORTER_WEB_LISTEN_ADDRESS": address, "ANTHROPIC_EXPORTER_WEB_TELEMETRY_PATH": path}
        with container.started("demo", **environ) as process:
            eventually(lambda: process.poll() is not None or container.is_healthy(), "health")
            check(process.poll() is None, f"it is healthy, serving what the environment says: {address} {path}")


def main() -> None:
    base, version = (
        re.search(pattern, file.read_text(), re.MULTILINE)
        for pattern, file in (
            (r"^ARG BASE=(\S+)$", DOCKERFILE),
            (r'^__version__ = "(.*)"$', PROJECT / "exporter/__init__.py"),
        )
    )
    assert base
    assert version
    check_host()
    with tempfile.TemporaryDirectory(prefix="image-test-") as temporary:
        folder = Path(temporary)
        tools = make_tools(folder / "tools")
        run(tools / "hadolint", DOCKERFILE)
        say("ok: hadolint finds nothing")
        buildah = Buildah(folder)
        say(f"making a Debian in place of {base[1]}")
        buildah.make_base(base[1])
        say("building the image")
        buildah.build(folder, tools / "pip")
        config = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
        prefix = "org.opencontainers.image."
        labels = {name.removeprefix(prefix): text for name, text in config["Labels"].items() if name.startswith(prefix)}
        check_config(config, labels, version[1])
        with buildah.files(IMAGE) as (_, root):
            check_demo(Container(root, config), labels["revision"])
        say(buildah("images", "--format", "passed; {{.Name}} is {{.Size}}", IMAGE))


if __name__ == "__main__":
    main()
