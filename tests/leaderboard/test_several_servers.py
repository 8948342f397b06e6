"""Two servers on one PostgreSQL, Redis and object storage, behind nginx, with a worker at one of them."""

import contextlib
import dataclasses
import io
import os
import re
import shutil
import subprocess
import threading
import time
import zipfile
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import SQLAlchemyError

from challenge.scoring.season import Season
from leaderboard import db
from leaderboard.cli.admin import admin
from leaderboard.config import Config, with_driver
from leaderboard.errors import Refused
from leaderboard.serve import key_agreement
from leaderboard.serve.key_agreement import agreed_key
from leaderboard.services.changes import Changes, Listener, announce, touch
from leaderboard.services.election import Election
from tests.leaderboard.test_views import png
from tests.support import seed_data
from tests.support.databases import PostgreSQL, Redis
from tests.support.deployment import Deployment, Worker
from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]
KEY = "a key that both servers know, as long as it has to be"
PASSWORD = "three quiet elephants"

pytestmark = [pytest.mark.server, pytest.mark.costly]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("servers")
    for above in (made, *made.parents[:2]):
        above.chmod(above.stat().st_mode | 0o55)
    return made


@pytest.fixture(scope="module")
def postgresql(folder):
    cluster = PostgreSQL()
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def redis(folder):
    running = Redis(folder)
    yield running
    running.close()


@pytest.fixture(scope="module")
def bucket():
    """The settings of a new bucket of moto's S3 server."""
    from moto.server import ThreadedMotoServer

    url = f"http://127.0.0.1:{free_port()}"
    server = ThreadedMotoServer("127.0.0.1", int(url.rpartition(":")[2]), verbose=False)
    server.start()
    assert httpx.put(f"{url}/board").is_success
    yield {
        "MBC_BOARD_STORAGE": "s3://board/files",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    server.stop()


@pytest.fixture(scope="module")
def pair(folder, postgresql, redis, bucket):
    """Two servers."""
    settings = {
        "MBC_DATABASE": postgresql.database(),
        "MBC_BOARD_SESSION_KEY": KEY,
        "MBC_BOARD_RATE_STORAGE": redis.url(1),
        "MBC_BOARD_TRUSTED_PROXIES": "1",
        "MBC_BOARD_TRUSTED_PREFIX": "yes",
        **bucket,
    }
    broker = redis.url()
    one = Deployment(folder / "one", workers=0, broker=broker, **settings)
    other = Deployment(folder / "other", workers=0, broker=broker, **settings)
    yield one, other
    one.close()
    other.close()


@pytest.fixture(scope="module")
def proxy(folder, pair):
    """The address of nginx in front of both, with the board below /board/ and the map of deploy/."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("there is no nginx: apt-get install nginx")
    port, place = free_port(), folder / "nginx"
    place.mkdir()
    servers = (ROOT / "deploy" / "nginx" / "servers.conf").read_text()
    for number, server in enumerate(pair, 1):
        servers = servers.replace(f"server-{number}:8000", f"127.0.0.1:{server.port}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {place}/{kind};" for kind in kinds)
    (place / "nginx.conf").write_text(
        f"""
        daemon off; pid {place}/pid; error_log {place}/error.log; events {{}}
        http {{
            access_log off; client_max_body_size 300m;
            {temporary}
            {servers}
            server {{
                listen 127.0.0.1:{port};
                location /board/ {{
                    proxy_pass http://board/;
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-Host $http_host;
                    proxy_set_header X-Forwarded-For $remote_addr;
                    proxy_set_header X-Forwarded-Prefix /board;
                }}
            }}
        }}"""
    )
    running = subprocess.Popen([program, "-c", place / "nginx.conf", "-e", place / "error.log"])
    url = f"http://127.0.0.1:{port}/board"

    def answers():
        return httpx.get(f"{url}/healthz").is_success

    pair[0].until("nginx", answers)
    yield url
    running.terminate()
    running.wait()


def judge(server, picture):
    """Judge the next evaluation as a worker at this server does, without the time that judging takes."""
    with httpx.Client(
        base_url=f"{server.url}/api/v1/worker", headers={"Authorization": f"Bearer {server.token()}"}
    ) as client:
        claim = client.post("/claim").raise_for_status().json()
        held = f"/evaluations/{claim['evaluation_id']}"
        client.headers["X-MBC-Lease"] = claim["lease"]
        bundle = client.get(f"{held}/bundle", follow_redirects=True).raise_for_status().content
        assert zipfile.is_zipfile(io.BytesIO(bundle))
        client.put(f"{held}/artifacts/{picture}", content=png((9, 99, 200))).raise_for_status()
        season = Season(claim["season"]["name"], bytes.fromhex(claim["season"]["secret"]))
        size = claim["season"]["size"]
        skills = seed_data.skills(3.0, chains=size["chains"], octave_count=size["octaves"])
        client.post(f"{held}/report", json=seed_data.report(season, skills)).raise_for_status()
    return claim["evaluation_id"]


def shown_by_both(pair, number, pictures):
    one, other = pair
    assert one.figures(number) == other.figures(number)
    assert number in one.board()
    assert one.board() == other.board()
    for picture in pictures:
        here, there = (httpx.get(server.url + picture).raise_for_status().content for server in pair)
        assert here == there
    # Nothing of it lies in the directory of either.
    assert not [path for server in pair for path in server.data.rglob("*") if path.suffix in {".zip", ".png"}]


def test_what_is_judged_at_one_is_shown_by_both(pair):
    one, other = pair
    number = other.submit()
    seen = []

    def follow():
        with httpx.stream("GET", f"{other.url}/api/v1/submissions/{number}/events", timeout=120) as stream:
            seen.extend(line for line in stream.iter_lines() if line.startswith("event"))

    follower = threading.Thread(target=follow)
    follower.start()
    picture = "seahorse-valley/02/model.png"
    evaluation = judge(one, picture)
    follower.join(120)
    assert seen[-1] == "event: end"
    shown_by_both(pair, number, [f"/evaluations/{evaluation}/{picture}"])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_that_is_stopped_gives_back_what_another_one_ends(pair):
    one, other = pair
    number = other.submit()
    worker = Worker(one, "worker")
    other.until("judge", lambda: other.status(number)["status"] not in {"queued", "validating"})
    worker.process.terminate()
    worker.process.wait(120)
    # Nobody waits for a lease that runs out.
    left = other.status(number)
    assert left["status"] == "queued" or left["final"]
    one.workers.append(Worker(one, "another"))
    (ended,) = other.ended([number])
    assert (ended["status"], ended["attempt"]) == ("scored", 1), one.said()
    page = httpx.get(f"{one.url}/submissions/{number}").raise_for_status().text
    pictures = sorted(set(re.findall(rf"/evaluations/{ended['evaluation_id']}/[a-z0-9/-]+\.png", page)))
    assert pictures
    shown_by_both(pair, number, pictures)


def form(client, url, path, **fields):
    """Fill in a form, at whichever server."""
    page = client.get(f"{url}{path}").raise_for_status().text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client.post(f"{url}{path}", data={"csrf_token": token} | fields)


def test_who_is_signed_in_at_one_is_signed_in_at_the_other(pair):
    one, other = pair
    with httpx.Client() as client:
        assert form(client, one.url, "/sign-up", name="grace", password=PASSWORD).status_code == 303
        assert client.get(f"{other.url}/account").status_code == 200
        # A form that one made is taken by the other.
        page = client.get(f"{one.url}/account").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        assert client.post(f"{other.url}/sign-out", data={"csrf_token": token}).status_code == 303
        assert client.get(f"{one.url}/account").status_code == 303


def test_rates_are_counted_together(pair):
    answers = []
    with httpx.Client(headers={"X-Forwarded-For": "203.0.113.9"}) as client:
        for turn in range(11):
            done = form(client, pair[turn % 2].url, "/sign-in", name="nobody", password="wrong words")
            answers.append(done.status_code)
    assert answers == [401] * 10 + [429]


def test_a_board_below_a_path_links_below_it(pair, proxy):
    with httpx.Client() as client:
        for path in ("/", "/submit", "/explore", "/sign-in", "/play"):
            page = client.get(proxy + path).raise_for_status().text
            links = set(re.findall(r'(?:href|src|action|data-[a-z-]+)="(/[^"]*)"', page))
            assert links
            assert not [link for link in links if not link.startswith("/board/")], path
            for link in links:
                if "/static/" in link:
                    assert client.get(proxy.removesuffix("/board") + link).is_success, link
        assert client.get(f"{proxy}/account").headers["Location"].startswith("/board/sign-in")
        listed = client.get(f"{proxy}/api/v1/submissions").json()["submissions"]
        assert all(one["url"].startswith(f"{proxy}/submissions/") for one in listed)


def test_all_that_is_asked_about_tiles_goes_to_one_server(pair, proxy):
    """What nginx chose is seen by which of them keeps the tile."""
    tile = "/api/v1/tiles/truth/3/2/1"
    for _ in range(6):
        assert httpx.get(proxy + tile, timeout=60).is_success
    kept = [server for server in pair if (server.data / "tiles" / "truth" / "03" / "2-1.tile").exists()]
    assert len(kept) == 1


def test_changes_are_heard_of_by_other_servers(postgresql):
    engine = db.make_engine(with_driver(postgresql.database()))
    other = db.make_engine(str(engine.url))
    db.upgrade(engine)
    heard = Changes()
    listener = Listener(other, heard)
    listener.start()
    sessions = db.make_sessions(engine)
    announce(sessions)
    pause = threading.Event()
    for _ in range(600):
        if heard.hears_others:
            break
        pause.wait(0.05)
    assert heard.hears_others

    def fail():
        with sessions.begin() as session:
            touch(session, 8)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with sessions.begin() as session:
        touch(session, 7)
    heard.wait(7, 0, 60)
    assert heard.last(7) > 0
    # What was rolled back is not told.
    assert heard.last(8) == 0
    heard.close()
    listener.join(30)
    assert not listener.is_alive()
    engine.dispose()
    other.dispose()


def test_servers_with_different_session_keys_do_not_run_together(tmp_path, postgresql):
    database = postgresql.database()

    def config(key):
        return Config.make(tmp_path, database, session_key=key)

    with agreed_key(config(KEY)), agreed_key(config(KEY)):
        for other in ("another key that is as long as it has to be", ""):
            with pytest.raises(Refused, match="another session key"), agreed_key(config(other)):
                pass
    # When they are stopped, the key may be another one; and servers without one agree.
    with agreed_key(config("")), agreed_key(config("")):
        pass
    with agreed_key(Config.make(tmp_path, session_key=KEY)), agreed_key(Config.make(tmp_path)):
        pass


def test_locks_are_taken_again_after_postgresql_has_restarted(tmp_path, postgresql, monkeypatch, caplog):
    monkeypatch.setattr(key_agreement, "_LOOK_SECONDS", 0.05)
    config = Config.make(tmp_path, postgresql.database(), session_key=KEY)
    other = dataclasses.replace(config, session_key="another key that is as long as it has to be")
    engine = db.make_engine(config.database)
    election, watch = Election(engine), key_agreement.KeyWatch(engine, config)
    watch.start()

    def until(answered):
        for _ in range(600):
            with contextlib.suppress(SQLAlchemyError, Refused):
                if answered():
                    return
            time.sleep(0.05)
        raise AssertionError

    def refused():
        with pytest.raises(Refused, match="another session key"), agreed_key(other):
            pass
        return True

    def lock_of_other():
        lock = key_agreement.KeyLock(engine, other.session_key)
        lock.hold()
        return lock

    try:
        assert election.won()
        until(refused)
        postgresql.stop("fast")
        with pytest.raises(SQLAlchemyError):
            election.won()
        postgresql.start()
        until(election.won)
        rival = Election(db.make_engine(config.database))
        assert not rival.won()
        until(refused)
        # A server with another key that came between is told of, once.
        came = lock_of_other()
        until(lambda: "another session key" in caplog.text)
        came.let_go()
        assert len([one for one in caplog.records if "another session key" in one.message]) == 1
    finally:
        watch.stop()
        election.resign()
        engine.dispose()
    with agreed_key(other):
        pass


def test_a_database_tool_that_fails_leaves_no_half_backup(tmp_path, postgresql, monkeypatch):
    tools, board = tmp_path / "tools", tmp_path / "board"
    for folder in (tools, board, tmp_path / "backups"):
        folder.mkdir()
    tool = tools / "pg_dump"
    tool.write_text('#!/bin/sh\necho half > "${2#--file=}"\necho "aborting: server version 17" >&2\nexit 1\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    where = ["--data", str(board), "--database", postgresql.database()]
    ran = CliRunner().invoke(admin, [*where, "backup", str(tmp_path / "backups" / "x.tar")])
    assert ran.exit_code == 6, ran.output
    assert "pg_dump could not copy the database: aborting: server version 17" in ran.output
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_second_server_may_use_a_data_directory_on_postgresql_alone(tmp_path):
    from leaderboard.serve.bootstrap import data_directory, shortcomings

    shared = Config.make(tmp_path, "postgresql://h/d")
    with data_directory(shared) as first, data_directory(shared) as second:
        assert (first, second) == (True, False)
        with pytest.raises(Refused, match="Another server is using"), data_directory(Config.make(tmp_path)):
            pass
    assert len(shortcomings(shared)) == 4
    assert shortcomings(Config.make(tmp_path)) == []
