import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from challenge.util.exit_codes import SettingError
from leaderboard.app import create_app
from leaderboard.config import Config
from leaderboard.db import now
from leaderboard.services import quotas


def changed(board, **settings):
    """The same leaderboard, served with other settings."""
    board.app = create_app(dataclasses.replace(board.config, **settings))
    board.apps.append(board.app)
    return board


def left(board):
    return board.get("/api/v1/limits", headers=board.user).json["quota"]


class TestQuotas:
    def test_a_day_holds_so_many_bundles(self, board):
        changed(board, hand_ins_a_day=2)
        assert left(board)["left"] == 2
        for index in range(2):
            assert board.submit(f"no {index}").status_code == 201
        answer = board.submit("one too many")
        assert (answer.status_code, answer.json["code"]) == (429, "quota_day")
        assert "2 of 2" in answer.json["detail"]
        assert 0 < int(answer.headers["Retry-After"]) <= 24 * 3600
        assert left(board)["left"] == 0
        # What is known already is answered, and others are not touched.
        assert board.submit("no 0").status_code == 200
        assert board.submit("theirs", headers=board.stranger).status_code == 201
        assert len(list((board.config.data / "bundles").rglob("*.zip"))) == 3

    def test_the_count_starts_again_at_midnight(self, board, monkeypatch):
        changed(board, hand_ins_a_day=1)
        board.submit("today")
        assert board.submit("again").status_code == 429
        moment = now() + timedelta(days=1)
        monkeypatch.setattr(quotas, "now", lambda: moment)
        assert board.submit("tomorrow").status_code == 201

    def test_so_many_wait_at_once(self, board):
        changed(board, hand_ins_waiting=1)
        first = board.submit("first").json
        answer = board.submit("second")
        assert (answer.status_code, answer.json["code"]) == (429, "quota_waiting")
        assert answer.headers["Retry-After"]
        board.client.post(f"/api/v1/submissions/{first['id']}/cancel", headers=board.user)
        assert board.submit("second").status_code == 201

    def test_our_own_fault_costs_nothing(self, board):
        changed(board, hand_ins_a_day=1)
        made = board.submit("unlucky").json["evaluation_id"]
        for _ in range(board.config.attempts):
            assert left(board)["used_today"] == 1
            lease, _ = board.claim(made)
            board.tell(made, "failure", lease, json={"reason": "disk_full"})
        assert left(board)["used_today"] == 0
        assert board.submit("unlucky").status_code == 201

    def test_the_submissions_own_fault_counts(self, board):
        changed(board, hand_ins_a_day=1)
        made = board.submit("wrong").json["evaluation_id"]
        lease, _ = board.claim(made)
        board.tell(made, "failure", lease, json={"reason": "output_shape"})
        assert left(board)["used_today"] == 1

    def test_deleting_gives_nothing_back(self, board):
        from leaderboard.services import people, submissions

        changed(board, hand_ins_a_day=1)
        made = board.submit("regretted").json["id"]
        with board.writing() as session:
            people.delete_submission(session, board.config, "user ada", submissions.get(session, made))
        assert left(board)["used_today"] == 1
        assert left(board)["waiting"] == 0

    def test_the_references_are_always_taken(self, board):
        changed(board, hand_ins_a_day=1, hand_ins_waiting=1)
        for index in range(3):
            assert board.submit(f"reference {index}", headers=board.reference).status_code == 201

    def test_being_judged_again_by_an_administrator_costs_nothing(self, board):
        from leaderboard.services import evaluations, seasons, submissions

        number = board.judged("one", 8, 1)
        with board.writing() as session:
            evaluations.queue_evaluation(
                session, submissions.get(session, number), seasons.current_season(session)
            )
        assert (left(board)["used_today"], left(board)["waiting"]) == (1, 0)

    def test_strangers_see_the_rule_and_no_quota(self, board):
        seen = board.get("/api/v1/limits").json
        assert seen["quota"] is None
        assert seen["hand_ins_a_day"] == 10_000
        assert list(seen["weight_classes"]) == ["feather", "light", "middle", "heavy"]


class TestRates:
    def test_every_write_counts_and_looking_does_not(self, board):
        changed(board, write_rate="3 per hour")
        for _ in range(6):
            assert board.get("/api/v1/board").status_code == 200
        for _ in range(3):
            assert board.submit("the same").status_code in {200, 201}
        answer = board.client.post("/api/v1/submissions/1/cancel", headers=board.user)
        assert (answer.status_code, answer.json["code"]) == (429, "rate_limited")
        assert answer.mimetype == "application/problem+json"
        assert 0 < int(answer.headers["Retry-After"]) <= 3601
        page = board.client.post("/sign-in", data={})
        assert page.status_code == 429
        assert "Too many requests" in page.text

    def test_workers_are_never_told_to_wait(self, board):
        made = board.submit("one").json["evaluation_id"]
        changed(board, write_rate="1 per minute")
        lease, _ = board.claim(made)
        for _ in range(4):
            assert board.tell(made, "status", lease, json={"status": "probing"}).status_code == 200

    def test_guessing_passwords_is_slow(self, board, browser):
        changed(board, sign_in_rate="3 per minute")
        visitor = browser(board.app)
        for _ in range(3):
            assert visitor.sign_in("ada", "a wrong password").status_code == 401
        answer = visitor.sign_in("ada", "a wrong password")
        assert answer.status_code == 429
        assert answer.headers["Retry-After"]
        assert visitor.get("/").status_code == 200

    @pytest.mark.parametrize(("proxies", "allowed"), [(0, False), (1, True)])
    def test_who_asks_is_believed_to_a_proxy_of_ours_alone(self, board, proxies, allowed):
        changed(board, write_rate="1 per minute", trusted_proxies=proxies)
        codes = []
        for address in ("192.0.2.1", "192.0.2.2"):
            headers = board.user | {"X-Forwarded-For": address}
            codes.append(board.client.post("/api/v1/submissions/9/cancel", headers=headers).status_code)
        assert codes == [404, 404 if allowed else 429]

    def test_one_network_of_the_sixth_version_is_one_asker(self, board):
        changed(board, write_rate="1 per minute", trusted_proxies=1)
        codes = []
        for address in ("2001:db8:1:2::1", "2001:db8:1:2::ffff", "2001:db8:1:3::1"):
            headers = board.user | {"X-Forwarded-For": address}
            codes.append(board.client.post("/api/v1/submissions/9/cancel", headers=headers).status_code)
        assert codes == [404, 429, 404]

    def test_a_counter_that_is_away_does_not_take_the_board_along(self, board, caplog):
        changed(board, rate_storage="redis://127.0.0.1:1/0")
        assert board.submit("all the same").status_code == 201


@pytest.mark.parametrize(
    ("name", "value"),
    [("WRITE_RATE", "often"), ("HTTPS", "maybe"), ("HAND_INS_A_DAY", "0"), ("TRUSTED_PROXIES", "-1")],
)
def test_settings_that_are_none(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(f"MBC_BOARD_{name}", value)
    with pytest.raises(SettingError, match=f"MBC_BOARD_{name}"):
        Config.make(tmp_path)


def test_settings_of_other_kinds(tmp_path, monkeypatch):
    monkeypatch.setenv("MBC_BOARD_HTTPS", "yes")
    monkeypatch.setenv("MBC_BOARD_TRUSTED_PROXIES", "0")
    monkeypatch.setenv("MBC_BOARD_GITHUB_SECRET", "hush")
    config = Config.make(tmp_path)
    assert (config.https, config.trusted_proxies, config.github_secret) == (True, 0, "hush")
    assert "hush" not in repr(config)


def test_every_setting_is_told_of():
    text = (Path(__file__).parents[2] / "docs" / "server.md").read_text()
    for name, field in Config.__dataclass_fields__.items():
        if name not in {"data", "database", "broker"}:
            assert f"`{name.upper()}`" in text, name
            if field.type in (int, str) and len(str(field.default)) > 1 and "github" not in name:
                assert str(field.default) in text, name
