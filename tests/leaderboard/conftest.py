import dataclasses
import io
import os
import re
import shutil
from dataclasses import dataclass

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, text

from challenge.util.queue import embedded_broker
from leaderboard import db
from leaderboard.app import build_app, create_app, make_directories, open_data
from leaderboard.config import Config, with_driver
from leaderboard.services import people, seasons, tokens
from leaderboard.web.extensions import limiter
from tests.support import seed_data
from tests.support.browser import complaints_of


def empty_database():
    """Empty the database that the environment names, whose name has to say that this is fine."""
    url = os.environ.get("MBC_TEST_DATABASE")
    if not url:
        return None
    assert "test" in url.rpartition("/")[2], "MBC_TEST_DATABASE is emptied: its name must hold 'test'"
    engine = db.make_engine(with_driver(url))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def empty_url():
    """The emptied database that the environment names, or None."""
    return empty_database()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A database with all tables, made once: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "leaderboard.sqlite"
    engine = db.make_engine(f"sqlite:///{path}")
    db.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """One embedded broker: its tables, too, take longer to make than most tests."""
    return embedded_broker(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def config(tmp_path, migrated, broker, empty_url):
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data" / "leaderboard.sqlite")
    return Config.make(
        tmp_path / "data",
        empty_url,
        broker,
        chains=16,
        octaves=32,
        points=8,
        truth_pixels=16,
        # Tests hand in like nobody else; those of the limits set their own.
        hand_ins_a_day=10_000,
        hand_ins_waiting=10_000,
        write_rate="100000 per minute",
        sign_in_rate="100000 per minute",
    )


@dataclass
class Board:
    """A leaderboard in this process, with a user, a stranger, a reference user and a worker."""

    app: object
    config: Config
    user: dict
    stranger: dict
    reference: dict
    worker: dict
    apps: list

    @property
    def parts(self):
        return self.app.extensions["leaderboard"]

    @property
    def client(self):
        return self.app.test_client()

    def writing(self):
        return self.parts.writers.begin()

    def submit(self, name="one", *, headers=None, track="open", **fields):
        content = seed_data.bundle_bytes(name, **fields)
        return self.post_bundle(content, headers, track)

    def post_bundle(self, content, headers=None, track="open"):
        data = {"bundle": (io.BytesIO(content), "bundle.zip"), "track": track}
        return self.client.post("/api/v1/submissions", data=data, headers=headers or self.user)

    def claim(self, evaluation_id):
        answer = self.client.post(f"/api/v1/worker/evaluations/{evaluation_id}/claim", headers=self.worker)
        assert answer.status_code == 200, answer.text
        return self.worker | {"X-MBC-Lease": answer.json["lease"]}, answer.json

    def claim_next(self):
        answer = self.client.post("/api/v1/worker/claim", headers=self.worker)
        assert answer.status_code in {200, 204}, answer.text
        return answer.json if answer.status_code == 200 else None

    def tell(self, evaluation_id, what, lease, **options):
        return self.client.post(
            f"/api/v1/worker/evaluations/{evaluation_id}/{what}", headers=lease, **options
        )

    def season(self):
        with self.parts.readers() as session:
            return seasons.current_season(session)

    def report(self, octaves=8.0, seed=0, **changes):
        return seed_data.report(self.season(), seed_data.skills(octaves, seed, chains=16), **changes)

    def judged(self, name, octaves=8.0, seed=0, headers=None, **changes):
        answer = self.submit(name, headers=headers, values=1 + seed)
        lease, _ = self.claim(answer.json["evaluation_id"])
        done = self.tell(
            answer.json["evaluation_id"], "report", lease, json=self.report(octaves, seed, **changes)
        )
        assert done.status_code == 200, done.text
        return answer.json["id"]

    def get(self, path, **options):
        return self.client.get(path, **options)


class SharedApp:
    """One application for all boards of this process; each board has its own data directory and database.

    Routes, templates and SQL are compiled once: for each test they took longer than what most tests do.
    """

    def __init__(self, migrated):
        self._database = migrated
        self._engine = db.make_engine(f"sqlite:///{migrated}")
        event.listen(self._engine, "do_connect", self._choose_database)
        self._app = self._settings = None

    def _choose_database(self, _dialect, _record, arguments, _options):
        arguments[0] = str(self._database)

    def open(self, config):
        """The application on the data directory of `config`, as `create_app` leaves it."""
        make_directories(config)
        if self._app is None:
            self._app = build_app(config)
            self._settings = dict(self._app.config)
        self._app.config.clear()
        self._app.config.update(self._settings)
        self._database = config.data / "leaderboard.sqlite"
        # An engine of its own, which shares what was compiled.
        open_data(self._app, config, self._engine.execution_options())
        # Its counters begin anew; an application of other settings may have given it other storage.
        limiter.init_app(self._app)
        return self._app


@pytest.fixture(scope="session")
def shared_app(migrated):
    return SharedApp(migrated)


@pytest.fixture
def board(config, shared_app, empty_url):
    app = create_app(config) if empty_url else shared_app.open(config)
    parts = app.extensions["leaderboard"]

    def bearer(session, user):
        return {"Authorization": f"Bearer {tokens.new_token(session, user)}"}

    with parts.writers.begin() as session:
        seasons.ensure_seasons(session, config)
        found = Board(
            app=app,
            config=config,
            user=bearer(session, tokens.add_user(session, "ada")),
            stranger=bearer(session, tokens.add_user(session, "eve")),
            reference=bearer(session, tokens.add_user(session, "reference", reference=True)),
            worker=bearer(session, None),
            apps=[app],
        )
    yield found
    for served in found.apps:
        served.extensions["leaderboard"].queue.close()
        served.extensions["leaderboard"].writers.kw["bind"].dispose()


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    """Argon2 is slow on purpose; most tests sign in to test something else."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(people, "_HASHER", hasher)
    monkeypatch.setattr(people, "_NOBODY", hasher.hash("nobody's"))


PASSWORD = "three quiet elephants"


class Browser:
    """A visitor with cookies who fills in the forms that the pages show."""

    def __init__(self, app):
        self.client = app.test_client()

    def get(self, path, **options):
        return self.client.get(path, **options)

    def fill(self, page, action, **fields):
        text = self.get(page).text
        assert f'action="{action}"' in text, f"{page} has no form for {action}"
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', text)[1]
        return self.client.post(action, data={"csrf_token": csrf} | fields)

    def sign_up(self, name="grace", password=PASSWORD):
        return self.fill("/sign-up", "/sign-up", name=name, password=password)

    def sign_in(self, name="grace", password=PASSWORD, **more):
        return self.fill("/sign-in", "/sign-in", name=name, password=password, **more)

    @property
    def name(self):
        found = re.search(r'class="who"[^>]*>([^<]+)<', self.get("/rules").text)
        return found and found[1]


@pytest.fixture
def served(config):
    """served(https=True) is an application with that setting, and is put away afterwards."""
    apps = []

    def make(**settings):
        apps.append(create_app(dataclasses.replace(config, **settings)))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["leaderboard"].queue.close()
        app.extensions["leaderboard"].writers.kw["bind"].dispose()


@pytest.fixture
def browser():
    """Browser(app)."""
    return Browser


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error}")
        # On a busy machine a page may need longer than the usual five seconds.
        playwright.expect.set_options(timeout=30_000)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    opened = []

    def open_page(url, width=1440, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        # The first picture of the truth waits for compiled code, on a busy machine for long.
        context.set_default_navigation_timeout(200_000)
        one = context.new_page()
        one.complaints = complaints_of(one)
        opened.append((context, one))
        one.goto(url)
        return one

    yield open_page
    complaints = [complaint for _, one in opened for complaint in one.complaints]
    for context, _ in opened:
        context.close()
    # Also whatever the content security policy refused.
    assert complaints == []
