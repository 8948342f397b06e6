"""What deploy/ holds, by the tools that read it; and its image, where MBC_TEST_IMAGE names one."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

import httpx
import pytest
import yaml

from challenge.commands.cli import mbc
from challenge.commands.client import Account, Client
from tests.support.deployment import bundle
from tests.support.processes import free_port

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
CLOUD = sorted(DEPLOY.glob("*.cloud-init.yaml"))
IMAGE = os.environ.get("MBC_TEST_IMAGE", "")
ENGINE = os.environ.get("MBC_TEST_ENGINE", "podman")


def run(*command, **rest):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **rest)


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"no {tool} here")


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def command_lines():
    """(where it stands, arguments of mbc) of everything that deploy/ starts."""
    for path in (*UNITS, *CLOUD):
        for line in re.findall(r"^ *Exec\w+=\W*/opt/mbc/bin/mbc (.*)$", path.read_text(), re.MULTILINE):
            yield path.name, shlex.split(line)
    for name in ("server", "worker"):
        yield f"compose.yaml, {name}", list(map(str, compose()["services"][name]["command"]))
    (default,) = re.findall(r"^CMD (.*)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    yield "Containerfile", json.loads(default)


@pytest.mark.parametrize(("where", "arguments"), list(command_lines()))
def test_every_command_that_is_started_exists_with_its_options(where, arguments):
    name, *rest = arguments
    with mbc.make_context("mbc", [name]) as context:
        command = mbc.get_command(context, name)
        command.make_context(name, rest, parent=context)


def test_compose_sets_what_the_server_reads():
    names = {name for name in compose()["services"]["server"]["environment"] if name.startswith("MBC_BOARD_")}
    table = re.findall(r"^\| (`[A-Z_, `]+`)", (ROOT / "docs" / "server.md").read_text(), re.MULTILINE)
    known = {f"MBC_BOARD_{name}" for row in table for name in re.findall(r"[A-Z_]+", row)}
    assert len(names) >= 3
    assert names <= known


def test_what_the_image_copies_is_all_that_the_wheel_is_made_of():
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    copied = {path for line in lines for path in line.split()}
    assert [path for path in copied if not (ROOT / path).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["importlinter"]["root_packages"])
    assert packages | {"pyproject.toml", "setup.py", "README.md", "LICENSE", "submissions"} <= copied


@needs("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_reads_the_units(unit, tmp_path):
    text = unit.read_text()
    # Users and programs of the machine that the unit is for.
    text = re.sub(r"^(User|SupplementaryGroups)=.*", r"\1=root", text, flags=re.MULTILINE)
    text = re.sub(r"/opt/mbc/bin/mbc|/usr/bin/qemu-system-x86_64", shutil.which("true"), text)
    text = text.replace("Documentation=file:/opt/mbc/docs/server.md", "")
    # They are of systemd 254 and later, which the unit says; earlier ones warn and go on.
    text = re.sub(r"^Restart(MaxDelaySec|Steps)=.*\n", "", text, flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = run("systemd-analyze", "verify", "--man=no", copy)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])


@needs("nginx")
@needs("openssl")
@pytest.mark.parametrize("servers", ["one", "several"])
def test_nginx_reads_its_settings(servers, tmp_path):
    board = (DEPLOY / "nginx" / "board.conf").read_text()
    if servers == "several":
        upstreams = (DEPLOY / "nginx" / "servers.conf").read_text()
        board = re.sub(r"upstream board \{.*?\n\}\n", lambda _: upstreams, board, flags=re.DOTALL)
    board = re.sub(r"server(-\d)?:8000", "127.0.0.1:8000", board).replace(
        "/etc/nginx/certificates", str(tmp_path)
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{board}}}\n"
    )
    made = run(
        *(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=board.example",
            "-days",
            "1",
        ),
        *("-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"),
    )
    assert made.returncode == 0, made.stderr
    done = run("nginx", "-t", "-e", "stderr", "-p", tmp_path, "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@needs("cloud-init")
@pytest.mark.parametrize("file", CLOUD, ids=lambda path: path.name)
def test_cloud_init_knows_the_schema(file):
    done = run("cloud-init", "schema", "--config-file", file)
    assert done.returncode == 0, done.stderr


@needs("docker-compose")
def test_compose_reads_its_file_and_asks_for_a_password():
    command = (
        "docker-compose",
        "-f",
        DEPLOY / "compose.yaml",
        "--env-file",
        os.devnull,
        "--profile",
        "worker",
    )
    environment = os.environ | {"POSTGRES_PASSWORD": "x", "CERTIFICATES": "/certificates"}
    done = run(*command, "config", "--services", env=environment)
    assert set(done.stdout.split()) == {"proxy", "server", "worker", "database", "broker"}, done.stderr
    done = run(*command, "config", "-q", env=environment | {"POSTGRES_PASSWORD": ""})
    assert "POSTGRES_PASSWORD" in done.stderr


def container(*command, settings=(), options=()):
    """The engine's command line, as compose.yaml starts a container, in the host's network."""
    variables = [word for pair in settings for word in ("-e", "=".join(pair))]
    return [
        *(ENGINE, "run", "--rm", "--network=host", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *(*variables, *options, IMAGE, *map(str, command)),
    ]


@pytest.mark.slow
@pytest.mark.skipif(not IMAGE, reason="MBC_TEST_IMAGE names no image of deploy/Containerfile")
def test_the_image_serves_a_board_and_judges(tmp_path):
    found = json.loads(run(*container("doctor", "--json")).stdout)
    assert found["can_judge"]
    assert found["sandbox"].startswith(("landlock", "bubblewrap"))
    name, port = f"mbc-test-{os.getpid()}", free_port()
    url = f"http://127.0.0.1:{port}"
    small = [("MBC_BOARD_CHAINS", "2"), ("MBC_BOARD_OCTAVES", "4"), ("MBC_BOARD_POINTS", "64")]
    serve = ("serve", "--port", port, "--data", "/data", "--no-worker")
    served = container(*serve, settings=small, options=["--name", name, "-d"])
    assert run(*served).returncode == 0
    try:
        assert _answers(f"{url}/readyz")
        admin = [ENGINE, "exec", name, "mbc", "admin", "--data", "/data"]
        worker = run(*admin, "tokens", "new", "--worker").stdout.split()[-1]
        ada = run(*admin, "users", "add", "ada").stdout.split()[-1]
        (tmp_path / "one.zip").write_bytes(bundle(1))
        with Client(Account(url, ada)) as client:
            client.submit(tmp_path / "one.zip", "open")
        variables = [("MBC_WORKER_TOKEN", worker), ("MBC_SANDBOX", "landlock"), *small]
        judged = run(*container("worker", "--once", "--server", url, settings=variables), timeout=1200)
        board = httpx.get(f"{url}/api/v1/board", params={"entries": "all"}).json()
        (entry,) = [*board["entries"], *board["unranked"]]
        assert entry["octaves"] > 0, judged.stderr
    finally:
        run(ENGINE, "rm", "-f", name)


def _answers(url):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            return httpx.get(url).is_success
        except httpx.TransportError:
            time.sleep(0.5)
    return False
