"""Tiles of the truth and of models, as the server keeps them and hands them out."""

import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from challenge.imaging.tiles import SIDE, Tile, decode, encode
from challenge.mandelbrot.target import target
from leaderboard.config import Config
from leaderboard.errors import Refused
from leaderboard.tiles import truth_tiles
from leaderboard.tiles.lru_store import TileStore
from leaderboard.tiles.truth_tiles import TruthTiles

TRUTH = "/api/v1/tiles/truth"
CONTENT = encode(np.linspace(0.2, 0.7, SIDE * SIDE))


class TestTheStore:
    def test_what_was_looked_at_last_stays(self, tmp_path):
        store = TileStore(tmp_path, 1000)
        for k in range(10):
            store.put(f"1/{k}", bytes(100))
        assert store.bytes() == 1000
        assert store.get("1/0") == bytes(100)
        store.put("2/0", bytes(150))
        assert store.bytes() <= 1000
        assert store.get("1/0") is not None
        assert store.get("1/1") is None
        assert store.get("1/2") is None
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.tile")) == store.bytes()

    def test_one_entry_cannot_push_out_the_others(self, tmp_path):
        store = TileStore(tmp_path, 10_000, 300)
        store.put("quiet/0", bytes(100))
        for k in range(50):
            store.put(f"busy/{k}", bytes(100))
        assert store.get("quiet/0") is not None
        assert [k for k in range(50) if store.has(f"busy/{k}")] == [47, 48, 49]

    def test_the_bound_and_the_order_outlive_the_process(self, tmp_path):
        before = TileStore(tmp_path, 1000)
        for k in range(10):
            before.put(f"1/{k}", bytes(100))
            os.utime(tmp_path / f"1/{k}.tile", (1e9 + k, 1e9 + k))
        assert before.get("1/0") is not None
        after = TileStore(tmp_path, 1000)
        after.put("1/new", bytes(100))
        assert not after.has("1/1")
        assert after.has("1/0")

    def test_files_that_somebody_took_away_are_no_fault(self, tmp_path):
        store = TileStore(tmp_path, 250)
        store.put("1/0", bytes(100))
        (tmp_path / "1/0.tile").unlink()
        assert store.get("1/0") is None
        store.put("1/1", bytes(100))
        store.put("1/2", bytes(100))
        assert store.get("1/2") == bytes(100)


class TestDrawing:
    @pytest.fixture
    def slow(self, monkeypatch):
        """Drawing waits until it is let go, and counts."""
        drawn, let_go = [], threading.Event()

        def draw(tile):
            drawn.append(tile)
            assert let_go.wait(20)
            return CONTENT

        monkeypatch.setattr(truth_tiles, "draw", draw)
        return drawn, let_go

    def ask(self, tiles, wanted, here=lambda: True):
        answers = [None] * len(wanted)

        def work(k):
            try:
                answers[k] = tiles.get(wanted[k], here)
            except (Refused, ValueError) as error:
                answers[k] = error

        threads = [threading.Thread(target=work, args=(k,)) for k in range(len(wanted))]
        for thread in threads:
            thread.start()
        return threads, answers

    def wait_until(self, condition):
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.005)

    def test_the_same_tile_asked_for_by_many_is_drawn_once(self, tmp_path, slow):
        drawn, let_go = slow
        tiles = TruthTiles(Config.make(tmp_path, tile_waiting=8))
        threads, answers = self.ask(tiles, [Tile(3, 1, 2)] * 8)
        self.wait_until(lambda: tiles.waiting() == 8)
        let_go.set()
        for thread in threads:
            thread.join(20)
        assert drawn == [Tile(3, 1, 2)]
        assert answers == [CONTENT] * 8
        assert tiles.get(Tile(3, 1, 2)) == CONTENT
        assert len(drawn) == 1

    def test_too_many_at_once_are_told_to_come_again(self, tmp_path, slow):
        drawn, let_go = slow
        tiles = TruthTiles(Config.make(tmp_path, tile_waiting=3))
        threads, answers = self.ask(tiles, [Tile(4, k, 0) for k in range(3)])
        self.wait_until(lambda: tiles.waiting() == 3 and drawn)
        with pytest.raises(Refused) as refused:
            tiles.get(Tile(4, 9, 9))
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        # One is drawn at a time; the others wait for their turn.
        assert len(drawn) == 1
        let_go.set()
        for thread in threads:
            thread.join(20)
        assert answers == [CONTENT] * 3
        assert tiles.get(Tile(4, 9, 9)) == CONTENT

    def test_requests_whose_clients_have_gone_hold_no_place_and_are_not_drawn(self, tmp_path, slow):
        drawn, let_go = slow
        tiles = TruthTiles(Config.make(tmp_path, tile_waiting=3))
        here = threading.Event()
        here.set()
        threads, answers = self.ask(tiles, [Tile(4, k, 0) for k in range(3)], here.is_set)
        self.wait_until(lambda: tiles.waiting() == 3 and drawn)
        here.clear()
        # Those that wait for their turn give up, and do not hold their threads until it comes.
        self.wait_until(lambda: sum(answer is not None for answer in answers) == 2)
        more, found = self.ask(tiles, [Tile(4, 9, k) for k in range(3)])
        self.wait_until(lambda: tiles.waiting() == 3)
        let_go.set()
        for thread in threads + more:
            thread.join(20)
        assert found == [CONTENT] * 3
        assert sorted((tile.x, tile.y) for tile in drawn[1:]) == [(9, 0), (9, 1), (9, 2)]
        assert sorted(str(answer.status) for answer in answers if answer != CONTENT) == ["499", "499"]

    def test_a_tile_is_drawn_for_who_joined_those_who_have_gone(self, tmp_path, slow):
        drawn, let_go = slow
        tiles = TruthTiles(Config.make(tmp_path, tile_waiting=4))
        here = threading.Event()
        here.set()
        threads, _ = self.ask(tiles, [Tile(4, 0, 0), Tile(4, 1, 0)], here.is_set)
        self.wait_until(lambda: tiles.waiting() == 2 and drawn)
        other = Tile(4, 1, 0) if drawn == [Tile(4, 0, 0)] else Tile(4, 0, 0)
        more, found = self.ask(tiles, [other])
        self.wait_until(lambda: tiles.waiting() == 3)
        here.clear()
        assert tiles.waiting() == 1
        let_go.set()
        for thread in threads + more:
            thread.join(20)
        assert found == [CONTENT]
        assert drawn[1:] == [other]

    def test_a_drawing_that_fails_fails_for_all_who_wait_and_is_tried_again(self, tmp_path, monkeypatch):
        tiles = TruthTiles(Config.make(tmp_path))
        trouble = threading.Event()

        def draw(_tile):
            assert trouble.wait(20)
            raise ValueError("no ink")

        monkeypatch.setattr(truth_tiles, "draw", draw)
        threads, answers = self.ask(tiles, [Tile(0, 0, 0)] * 3)
        self.wait_until(lambda: tiles.waiting() == 3)
        trouble.set()
        for thread in threads:
            thread.join(20)
        assert [str(answer) for answer in answers] == ["no ink"] * 3
        monkeypatch.setattr(truth_tiles, "draw", lambda _tile: CONTENT)
        assert tiles.get(Tile(0, 0, 0)) == CONTENT

    def test_a_tile_that_nobody_waits_for_is_no_error_of_the_server(self, board, monkeypatch):
        monkeypatch.setattr("leaderboard.views.tiles.client_waits", lambda _environ: lambda: False)
        answer = board.get(f"{TRUTH}/9/255/254")
        assert (answer.status_code, answer.json["code"]) == (499, "left")

    def test_two_servers_on_one_folder_hand_out_the_same(self, tmp_path):
        first, second = (TruthTiles(Config.make(tmp_path)) for _ in range(2))
        tile = Tile(9, 255, 254)
        answers = []
        threads = [threading.Thread(target=lambda t=t: answers.append(t.get(tile))) for t in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert answers[0] == answers[1]


class TestTruthOverHttp:
    def test_it_is_the_target(self, board):
        answer = board.get(f"{TRUTH}/9/257/241")
        assert answer.status_code == 200
        values = decode(answer.data)
        # The corner and the width of the tile, by hand.
        re = -2.75 + 4 * (257 + (np.arange(SIDE) + 0.5) / SIDE) / 512
        im = 2 - 4 * (241 + (np.arange(SIDE) + 0.5) / SIDE) / 512
        points = np.array([(a, b) for b in im[::16] for a in re[::16]])
        expected = target(points, max_iterations=20_000)
        assert expected.std() > 0.01
        np.testing.assert_allclose(values.reshape(SIDE, SIDE)[::16, ::16].ravel(), expected, atol=2e-5)

    def test_a_browser_keeps_it_for_ever(self, board):
        answer = board.get(f"{TRUTH}/0/0/0")
        assert "immutable" in answer.headers["Cache-Control"]
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        tag = answer.headers["ETag"]
        assert tag.startswith('"')
        again = board.get(f"{TRUTH}/0/0/0", headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert board.get(f"{TRUTH}/1/0/0").headers["ETag"] != tag

    @pytest.mark.parametrize(
        "where",
        ["301/0/0", "41/0/0?limit=7", f"41/{1 << 41}/0", "3/8/0", "3/0/8", f"40/{(1 << 40) - 1}/{1 << 40}"],
    )
    def test_outside_there_is_nothing(self, board, where):
        answer = board.get(f"{TRUTH}/{where}")
        assert answer.status_code == 404
        assert answer.mimetype == "application/problem+json"

    def test_the_problem_says_what_is_wrong(self, board):
        assert board.get(f"{TRUTH}/3/8/0").json["detail"] == (
            "There is no such tile: at octave 3, x must lie in 0 .. 7, not 8."
        )

    def test_the_deepest_one_is_there(self, board):
        answer = board.get(f"{TRUTH}/40/542461016436/512748155136")
        assert answer.status_code == 200
        assert np.isfinite(decode(answer.data)).all()

    def test_below_doubles_it_goes_on_to_octave_300(self, board):
        # The tile around i, where the set has structure at every depth: its centre is a corner of four tiles.
        x, y = 11 << 296, 1 << 298
        answer = board.get(f"{TRUTH}/300/{x}/{y}")
        assert answer.status_code == 200
        values = decode(answer.data)
        assert np.ptp(values) > 1e-4
        assert decode(board.get(f"{TRUTH}/300/{x}/{y}?limit=200000").data) == pytest.approx(values)
        tag = {"If-None-Match": answer.headers["ETag"]}
        assert board.get(f"{TRUTH}/300/{x}/{y}", headers=tag).status_code == 304

    def test_what_is_drawn_anew_is_counted_by_address(self, served):
        client = served(tile_rate="2 per minute").test_client()
        assert client.get(f"{TRUTH}/1/0/0").status_code == 200
        assert client.get(f"{TRUTH}/1/0/1").status_code == 200
        refused = client.get(f"{TRUTH}/1/1/1")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        # What lies there costs nobody anything.
        assert client.get(f"{TRUTH}/1/0/0").status_code == 200


class TestModels:
    @pytest.fixture
    def sent(self, board, monkeypatch):
        found = []
        monkeypatch.setattr(
            board.parts.queue, "send_tiles", lambda number, tiles: found.append((number, tiles)) or True
        )
        return found

    def wish(self, board, number, *tiles, status=200):
        answer = board.client.post(
            f"/api/v1/tiles/submissions/{number}/wishes", json={"tiles": [list(t) for t in tiles]}
        )
        assert answer.status_code == status, answer.text
        return answer.json

    def worker(self, board, number, what, method="post", **options):
        return getattr(board.client, method)(
            f"/api/v1/worker/tiles/{number}/{what}", headers=board.worker, **options
        )

    def test_from_a_wish_to_a_tile(self, board, sent):
        number = board.judged("one")
        path = f"/api/v1/tiles/submissions/{number}/3/1/2"
        assert board.get(path).json["code"] == "not_drawn"
        first = self.wish(board, number, (3, 1, 2), (3, 1, 3))
        assert first == {"ready": [], "waiting": 2, "worker": False, "problem": ""}
        assert sent == [(number, [[3, 1, 2], [3, 1, 3]])]
        # Wished again while it is on its way, nothing is sent again.
        self.wish(board, number, (3, 1, 2), (3, 1, 3))
        assert len(sent) == 1

        claim = self.worker(board, number, "claim", json={"tiles": sent[0][1]})
        assert claim.json["tiles"] == [[3, 1, 2], [3, 1, 3]]
        bundle = self.worker(board, number, "bundle", "get")
        assert bundle.data[:2] == b"PK"
        bundle.close()
        assert self.worker(board, number, "3/1/2", "put", data=CONTENT).status_code == 200
        # A batch that was sent twice is drawn once.
        claim = self.worker(board, number, "claim", json={"tiles": sent[0][1]})
        assert claim.json["tiles"] == [[3, 1, 3]]

        assert self.wish(board, number, (3, 1, 2), (3, 1, 3)) == {
            "ready": [[3, 1, 2]],
            "waiting": 1,
            "worker": True,
            "problem": "",
        }
        answer = board.get(path)
        assert answer.data == CONTENT
        assert "immutable" in answer.headers["Cache-Control"]

    def test_a_view_is_sent_in_batches_its_middle_first(self, board, sent):
        number = board.judged("one")
        board.parts.model_tiles.worker_seen()
        tiles = [(5, x, y) for x in range(5) for y in range(4)]
        self.wish(board, number, *tiles)
        assert [len(batch) for _, batch in sent] == [8, 8, 4]
        assert [tuple(tile) for _, batch in sent for tile in batch] == tiles

    def test_what_nobody_looks_at_any_more_is_not_drawn(self, board, sent, monkeypatch):
        from leaderboard.tiles import model_tiles

        moment = [100.0]
        monkeypatch.setattr(model_tiles, "time", SimpleNamespace(monotonic=lambda: moment[0]))
        number = board.judged("one")
        self.wish(board, number, (3, 1, 2), (3, 5, 5))
        moment[0] += 1.5 * model_tiles._ABANDONED_SECONDS
        self.wish(board, number, (3, 5, 5))
        # A tile that this process was never told of is another one's business.
        batch = [*sent[0][1], [3, 0, 0]]
        claim = self.worker(board, number, "claim", json={"tiles": batch})
        assert claim.json["tiles"] == [[3, 5, 5], [3, 0, 0]]
        self.wish(board, number, (3, 1, 2))
        assert sent[-1] == (number, [[3, 1, 2]])

    def test_a_queue_that_nobody_empties_does_not_fill(self, board, sent):
        number = board.judged("one")
        for k in range(10):
            self.wish(board, number, *[(6, k, y) for y in range(20)])
        assert sum(len(batch) for _, batch in sent) == 8

    def test_only_what_was_judged_and_is_shown_is_drawn(self, board, sent):
        waiting = board.submit("waiting", values=50).json["id"]
        self.wish(board, waiting, (0, 0, 0), status=404)
        assert self.worker(board, waiting, "claim", json={"tiles": []}).status_code == 404
        assert board.get(f"/submissions/{waiting}/explore").status_code == 404
        hidden = board.judged("hidden", seed=1)
        assert self.worker(board, hidden, "0/0/0", "put", data=CONTENT).status_code == 200
        assert board.get(f"/api/v1/tiles/submissions/{hidden}/0/0/0").status_code == 200
        from leaderboard.cli import moderation

        moderation._hide(board.config, hidden, "a test", hidden=True)
        for path in (f"/api/v1/tiles/submissions/{hidden}/0/0/0", f"/submissions/{hidden}/explore"):
            for headers in ({}, board.user):
                assert board.get(path, headers=headers).status_code == 404
        self.wish(board, hidden, (0, 0, 0), status=404)
        assert self.worker(board, hidden, "0/0/0", "put", data=CONTENT).status_code == 404
        assert self.worker(board, hidden, "bundle", "get").status_code == 404
        assert sent == []

    def test_a_rejected_one_is_drawn_too(self, board, sent):
        number = board.judged("no", verdict="rejected", universal=False, sentence="Too low.")
        assert self.wish(board, number, (0, 0, 0))["waiting"] == 1

    def test_strangers_bring_no_tiles(self, board):
        number = board.judged("one")
        for headers, status in (({}, 401), (board.user, 403)):
            for method, what in (("put", "0/0/0"), ("post", "claim"), ("get", "bundle"), ("post", "failure")):
                answer = getattr(board.client, method)(
                    f"/api/v1/worker/tiles/{number}/{what}", headers=headers
                )
                assert answer.status_code == status, (method, what)

    def test_what_is_no_tile_is_not_kept(self, board):
        number = board.judged("one")
        for content, status in ((b"x", 422), (CONTENT[:-5], 422), (bytes(200_000), 413)):
            assert self.worker(board, number, "0/0/0", "put", data=content).status_code == status
        assert board.get(f"/api/v1/tiles/submissions/{number}/0/0/0").status_code == 404

    def test_a_failure_is_told_and_nothing_is_sent(self, board, sent):
        number = board.judged("one")
        assert self.worker(board, number, "failure", json={"reason": "nonsense"}).status_code == 422
        assert self.worker(board, number, "failure", json={"reason": "time_exceeded"}).status_code == 200
        state = self.wish(board, number, (0, 0, 0))
        assert state["problem"].endswith(".")
        assert state["waiting"] == 0
        assert sent == []

    @pytest.mark.parametrize(
        "tiles", [None, "x", [[0, 0]], [[0, 0, "0"]], [[0, 0, True]], [[0, 0, 0.5]], [[0, 0, 0]] * 97]
    )
    def test_wishes_of_another_shape_are_refused(self, board, tiles):
        number = board.judged("one")
        answer = board.client.post(f"/api/v1/tiles/submissions/{number}/wishes", json={"tiles": tiles})
        assert answer.status_code == 422

    def test_wishes_are_counted_by_the_tile(self, board, served, sent):
        number = board.judged("one")
        app = served(tile_rate="10 per minute")
        app.extensions["leaderboard"].queue.send_tiles = lambda *_: True
        app.extensions["leaderboard"].model_tiles.worker_seen()
        client, path = app.test_client(), f"/api/v1/tiles/submissions/{number}/wishes"
        assert client.post(path, json={"tiles": [[4, x, 0] for x in range(10)]}).status_code == 200
        # The same ones again are on their way already; others are too many.
        assert client.post(path, json={"tiles": [[4, x, 0] for x in range(10)]}).status_code == 200
        assert client.post(path, json={"tiles": [[4, 0, 1]]}).status_code == 429


class TestPages:
    def test_leaflet_comes_from_its_package(self, board):
        for name, kind, words in (
            ("leaflet.js", "text/javascript", b"Leaflet 1."),
            ("leaflet.css", "text/css", b".leaflet-pane"),
        ):
            with board.get(f"/leaflet/{name}") as answer:
                assert answer.mimetype == kind
                assert words in answer.data
        for name in ("leaflet-src.js", "..%2F__init__.py", "images"):
            assert board.get(f"/leaflet/{name}").status_code == 404

    def test_the_pages_are_linked_and_hold_no_secret(self, board):
        number = board.judged("one", octaves=7.0)
        page = board.get(f"/submissions/{number}").text
        assert f'href="/submissions/{number}/explore"' in page
        assert 'href="/explore"' in page
        assert 'href="/compare"' in page
        explorer = board.get(f"/submissions/{number}/explore").text
        assert board.season().secret.hex() not in explorer
        assert "seahorse-valley" in explorer
        assert f'value="/submissions/{number}/explore"' in board.get("/explore").text

    def test_colours_are_those_of_the_pictures(self, board):
        from matplotlib import colormaps

        found = board.get("/explore/colours.json").json
        digits = found["maps"]["viridis"]
        assert len(digits) == 6 * 256
        middle = [round(255 * v) for v in colormaps["viridis"](100)[:3]]
        assert list(bytes.fromhex(digits[600:606])) == middle
