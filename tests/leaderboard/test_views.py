"""Curves, colours, places and comparisons: the figures behind them, and the pages that show them."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from challenge.imaging.pictures import COLORMAP, error_image, png_bytes, value_image, view_scale
from leaderboard.charts import paired_difference, skill_curve
from leaderboard.charts.skill_curve import Entrant
from leaderboard.images import colormaps, social_card
from leaderboard.services import artifacts, view_skills
from leaderboard.storage import storage_of

OCTAVES = 32


def fall(depth, width=1.3, chains=8):
    k = np.arange(OCTAVES)
    spread = np.linspace(-0.3, 0.3, chains)[:, None]
    return 1 / (1 + np.exp((k - depth + spread) / width))


def boxes(made, letters):
    """Where the names are: (left, top, right, bottom), for the widest letters."""
    for line in made.lines:
        yield line.x, line.y - 11, line.x + line.swatch + 7.2 * min(len(line.name), letters), line.y + 3


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class TestSkillPlots:
    @pytest.mark.parametrize("seed", range(12))
    @pytest.mark.parametrize(("area", "letters"), [(skill_curve.WIDE, 23), (skill_curve.NARROW, 19)])
    def test_no_name_touches_another_one_or_a_line(self, area, letters, seed):
        random = np.random.default_rng(seed)
        depths = random.uniform(0, 31, random.integers(1, 30)) if seed % 2 else random.normal(7, 1.5, 20)
        others = [
            Entrant(f"entry {d} of a long name", k, fall(d, chains=1), "reference")
            for k, d in enumerate(depths)
        ]
        made = skill_curve.skill_plot(Entrant("the page's own one", 99, fall(6), "own"), others, area)
        found = list(boxes(made, letters))
        frame = made.frame
        assert not any(overlap(a, b) for i, a in enumerate(found) for b in found[:i])
        assert min(box[0] for box in found) >= 0
        assert max(box[2] for box in found) <= frame.width
        assert max(box[3] for box in found) <= frame.height
        # Lines never leave the data rectangle, so a name outside it is on no line.
        assert not any(overlap(box, (frame.left, frame.top, frame.right, frame.bottom)) for box in found)
        for line in made.lines:
            xs, ys = np.array([[float(v) for v in p.split(",")] for p in line.path[1:].split("L")]).T
            assert frame.left <= xs.min() <= xs.max() <= frame.right
            assert frame.top <= ys.min() <= ys.max() <= frame.bottom

    def test_deeper_entries_stand_higher(self):
        others = [Entrant(f"{d}", d, fall(d, chains=1), "reference") for d in (9, 4, 7)]
        made = skill_curve.skill_plot(Entrant("5", 5, fall(5), "own"), others)
        assert [line.link for line in sorted(made.lines, key=lambda line: line.y)] == [9, 7, 5, 4]

    def test_octaves_in_which_nobody_sees_anything_are_left_out(self):
        made = skill_curve.skill_plot(Entrant("own", 1, fall(6), "own"), [])
        skill = fall(6).mean(axis=0)
        assert skill[len(made.points) :].max(initial=0) < 0.02
        assert len(made.points) < 16
        deep = skill_curve.skill_plot(Entrant("own", 1, fall(30), "own"), [])
        assert len(deep.points) == OCTAVES

    def test_of_many_references_the_nearest_are_drawn(self):
        others = [Entrant(f"{d}", d, fall(d, chains=1), "reference") for d in range(2, 30)]
        made = skill_curve.skill_plot(Entrant("own", 99, fall(10.2), "own"), others)
        kept = {line.link for line in made.lines} - {99}
        assert kept == set(range(4, 17))

    def test_the_interval_is_that_of_a_bootstrap(self):
        random = np.random.default_rng(1)
        values = random.random((64, 3))
        low, high = skill_curve.intervals(values)
        # The oracle: the normal approximation, which a mean of 64 is close to.
        error = 1.96 * values.std(axis=0) / 8
        assert low == pytest.approx(values.mean(axis=0) - error, abs=0.015)
        assert high == pytest.approx(values.mean(axis=0) + error, abs=0.015)

    def test_a_rival_has_a_band_and_a_reference_none(self):
        made = skill_curve.skill_plot(
            Entrant("own", 1, fall(8), "own"),
            [Entrant("rival", 2, fall(9), "rival"), Entrant("mlp", 3, fall(5, chains=1), "reference")],
        )
        bands = {line.role: bool(line.band) for line in made.lines}
        assert bands == {"own": True, "rival": True, "reference": False}
        assert made.points[8].rival == pytest.approx(fall(9).mean(axis=0)[8], abs=5e-4)
        assert made.lines[-1].role == "own"

    def test_entries_of_another_depth_are_left_out(self):
        made = skill_curve.skill_plot(
            Entrant("own", 1, fall(8), "own"), [Entrant("x", 2, fall(8)[:, :20], "rival")]
        )
        assert [line.name for line in made.lines] == ["own"]


class TestDifferences:
    def test_who_is_ahead_where(self):
        random = np.random.default_rng(0)
        a = np.clip(fall(8, chains=64) + random.normal(0, 0.01, (64, OCTAVES)), 0, 1)
        b = a.copy()
        b[:, 4:7] -= 0.2
        b[:, 10] -= 0.1
        b[:, 20] += 0.05
        found = paired_difference.difference_plot(a, b)
        assert found.octaves == pytest.approx(0.65)
        assert found.low - 1e-9 <= found.octaves <= found.high + 1e-9
        assert found.ahead == "a"
        assert (found.where("a"), found.where("b")) == ("4 to 6 and 10", "20")
        assert paired_difference.difference_plot(b, a).ahead == "b"

    def test_the_same_is_a_tie(self):
        found = paired_difference.difference_plot(fall(8), fall(8))
        assert (found.ahead, found.runs, found.octaves) == ("", (), 0.0)

    def test_up_on_the_page_is_a(self):
        found = paired_difference.difference_plot(fall(9), fall(8))
        step = found.steps[8]
        assert step.y < found.zero
        assert step.y_high <= step.y <= step.y_low

    def test_other_points_cannot_be_paired(self):
        with pytest.raises(ValueError, match="cannot be paired"):
            paired_difference.difference_plot(fall(8, chains=8), fall(8, chains=4))


@pytest.fixture
def view():
    """A truth with an interior and a tail, and a prediction that is wrong by a known share."""
    u, v = np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 64))
    return np.where(np.hypot(u, v) < 0.3, 1.0, 0.2 + 0.3 * np.sin(3 * u) ** 2 * np.cos(v)).ravel()


class TestColours:
    @pytest.mark.parametrize("palette", [None, 256])
    @pytest.mark.parametrize("name", ["viridis", "grey"])
    def test_a_picture_is_coloured_as_if_it_had_been_drawn_so(self, view, tmp_path, name, palette):
        path = tmp_path / "x.png"
        path.write_bytes(png_bytes(value_image(view, view_scale(view)), palette))
        expected = np.asarray(value_image(view, view_scale(view), colormaps.MAPS[name])).astype(int)
        found = np.asarray(Image.open(io.BytesIO(colormaps.recolour(path.read_bytes(), name)))).astype(int)
        wrong = np.abs(found - expected).max(axis=2)
        # Both ends of the first map are one colour: what lies there cannot be told apart.
        assert (wrong > 12).mean() < 0.02
        assert np.median(wrong) <= 2

    def test_what_is_not_finite_stays_glaring(self, view, tmp_path):
        path = tmp_path / "x.png"
        broken = view.copy()
        broken[:100] = np.nan
        path.write_bytes(png_bytes(value_image(broken, view_scale(view))))
        found = np.asarray(Image.open(io.BytesIO(colormaps.recolour(path.read_bytes(), "viridis")))).reshape(
            -1, 3
        )
        assert (found[:100] == (255, 0, 255)).all()

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
    def test_errors_are_read_back(self, view, tmp_path, share):
        path = tmp_path / "error.png"
        off = share * view.std() * np.where(view > 0.5, -1, 1)
        path.write_bytes(png_bytes(error_image(view, view + off), 256))
        assert colormaps.error_shares(path.read_bytes()) == pytest.approx(np.full((64, 64), share), abs=0.02)

    def test_who_is_nearer_to_the_truth_has_its_colour(self, view, tmp_path):
        left = np.tile(np.arange(64) < 32, 64)
        images = [
            png_bytes(error_image(view, np.where(wrong, 0.5, 0) * view.std() + view))
            for wrong in (~left, left)
        ]
        # Clipping at 1 makes the interior's error vanish: only look outside it.
        outside = (view < 1 - 0.5 * view.std()).reshape(64, 64)
        found = np.asarray(Image.open(io.BytesIO(colormaps.nearer(*images)))).astype(int)
        violet = found[..., 2] > found[..., 0]
        assert violet[:, :32][outside[:, :32]].all()
        assert not violet[:, 32:][outside[:, 32:]].any()
        same = np.asarray(Image.open(io.BytesIO(colormaps.nearer(images[0], images[0]))))
        assert len(np.unique(same.reshape(-1, 3), axis=0)) == 1

    def test_pictures_of_two_sizes_are_not_compared(self, view, tmp_path):
        images = [png_bytes(error_image(values, values)) for values in (view, view[: 32 * 32])]
        with pytest.raises(ValueError, match="broadcast"):
            colormaps.nearer(*images)

    def test_every_map_is_one_of_matplotlibs(self):
        import matplotlib as mpl

        assert set(colormaps.MAPS.values()) <= set(mpl.colormaps)
        assert colormaps.MAPS[colormaps.DEFAULT] == COLORMAP
        assert colormaps.chosen("../x") == colormaps.chosen(None) == colormaps.DEFAULT


SKILLS = {"spiral": {2: 0.99, 8: 0.6, 9: 0.4}, "antenna": {2: 0.8, 8: 0.55, 9: 0.1}}


class TestBestAndWorst:
    def test_the_deepest_that_is_drawn_well(self):
        assert view_skills.best(SKILLS) == ("spiral", 2)
        # Deeper, but a failure: it is not what a visitor should see first.
        assert view_skills.best(SKILLS | {"filament": {7: 0.81, 12: 0.52}}) == ("filament", 7)

    def test_the_worst_within_its_depth(self):
        assert view_skills.worst(SKILLS, 8.4) == ("antenna", 8)
        assert view_skills.worst(SKILLS, 9.0) == ("antenna", 9)

    def test_of_nothing(self):
        assert view_skills.best({"x": {2: 0.1}}) is None
        assert view_skills.worst({}, 5) is None


class TestCards:
    def card(self, name, picture=None):
        made = social_card.draw(
            social_card.SocialCard(name, "Ada", "11.59", "octaves", "season-1 · light", picture)
        )
        return np.asarray(Image.open(io.BytesIO(made)))

    @pytest.mark.parametrize("name", ["x", "A name of several words that is long", "w" * 60, "東京 \u202e\0"])
    def test_whatever_the_name_nothing_runs_into_the_picture(self, name):
        found = self.card(name)
        assert found.shape == (630, 1200, 3)
        assert (found[:, 640:] == found[0, -1]).all()
        assert (found[:, :600] != found[0, 0]).any()

    def test_it_shows_the_picture(self, tmp_path):
        Image.new("RGB", (64, 64), (10, 200, 30)).save(tmp_path / "x.png")
        assert tuple(self.card("x", (tmp_path / "x.png").read_bytes())[300, 1000]) == (10, 200, 30)


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), colour).save(buffer, "PNG")
    return buffer.getvalue()


def drawn(board, name, octaves, seed, *, frames=0, pictures=True, **changes):
    """A judged submission with pictures in the seahorse valley, and a film of so many frames."""
    film = {f"frames/{k:02d}.png": png((k, 100, 100)) for k in range(frames)}
    made = board.submit(name, values=3 + seed, extra=film).json
    lease, _ = board.claim(made["evaluation_id"])
    for octave in range(2, 9) if pictures else ():
        for kind, colour in (
            ("model", (48, 60, 10 * octave)),
            ("error", (0, 0, 4) if octave < 6 else (252, 255, 164)),
        ):
            name = f"seahorse-valley/{octave:02d}/{kind}.png"
            path = f"/api/v1/worker/evaluations/{made['evaluation_id']}/artifacts/{name}"
            assert board.client.put(path, headers=lease, data=png(colour)).status_code == 200
    done = board.tell(made["evaluation_id"], "report", lease, json=board.report(octaves, seed, **changes))
    assert done.status_code == 200, done.text
    return made["id"], made["evaluation_id"]


def fetch(board, path):
    """What is at an address; a file is closed again."""
    with board.get(path) as answer:
        assert answer.status_code == 200, path
        return answer.data


def test_a_page_opens_at_its_best_and_at_its_worst_place(board):
    number, evaluation = drawn(board, "one", 8.0, 1)
    skills = board.get(f"/evaluations/{evaluation}/skills.json").json
    assert skills["skills"]["seahorse-valley"]["5"] == pytest.approx(1.0, abs=1e-3)
    assert skills["skills"]["seahorse-valley"]["7"] == pytest.approx(0.0, abs=1e-3)
    assert skills["best"] == ["seahorse-valley", 5]
    for go, octave in (("best", 5), ("worst", 6)):
        text = board.get(f"/submissions/{number}?go={go}").text
        assert f'data-out="octave">Octave {octave}<' in text


def test_colours_are_chosen_without_scripts(board):
    number, evaluation = drawn(board, "one", 8.0, 1)
    text = board.get(f"/submissions/{number}?octave=4&colours=viridis").text
    assert f'src="/evaluations/{evaluation}/seahorse-valley/04/model.png?colours=viridis"' in text
    assert f'src="/evaluations/{evaluation}/seahorse-valley/04/error.png"' in text
    plain, other, unknown = (
        fetch(board, f"/evaluations/{evaluation}/seahorse-valley/04/model.png{query}")
        for query in ("", "?colours=viridis", "?colours=../../x")
    )
    assert other != plain
    assert unknown == plain
    assert (
        board.get(f"/evaluations/{evaluation}/seahorse-valley/19/model.png?colours=viridis").status_code
        == 404
    )


def test_a_rival_is_chosen_and_linked_to_the_comparison(board):
    one, _ = drawn(board, "one", 8.0, 1, pictures=False)
    two, _ = drawn(board, "two", 9.0, 2, pictures=False)
    text = board.get(f"/submissions/{one}").text
    assert f'<option value="{two}">' in text
    assert f'<option value="{one}">' not in text
    text = board.get(f"/submissions/{one}?rival={two}").text
    assert 'class="line rival "' in text
    assert f'href="/compare?a={one}&amp;b={two}"' in text
    assert 'class="line rival "' not in board.get(f"/submissions/{one}?rival=999").text


def test_two_entries_are_compared(board):
    one, first = drawn(board, "one", 8.0, 1)
    two, second = drawn(board, "two", 9.5, 2)
    text = board.get(f"/compare?a={one}&b={two}").text
    assert re.search(r"<strong>\N{MINUS SIGN}1\.\d\d</strong>", text)
    assert re.search(r"<strong>two</strong> is 1\.\d\d octaves ahead", text)
    assert f'src="/compare/{first}/{second}/seahorse-valley/' in text
    picture = board.get(f"/compare/{first}/{second}/seahorse-valley/05.png")
    assert picture.mimetype == "image/png"
    swapped = board.get(f"/compare?a={two}&b={one}").text
    assert re.search(r"<strong>\+1\.\d\d</strong>", swapped)
    itself = board.get(f"/compare?a={one}&b={one}").text
    assert "Tie." in itself


def test_a_comparison_begins_with_a_choice(board):
    one, _ = drawn(board, "one", 8.0, 1, pictures=False)
    for path in ("/compare", f"/compare?a={one}", "/compare?a=x&b="):
        answer = board.get(path)
        assert answer.status_code == 200
        assert f'<option value="{one}"' in answer.text


def test_what_cannot_be_compared_is_said_so(board):
    one, first = drawn(board, "one", 8.0, 1)
    waiting = board.submit("waiting", values=70).json["id"]
    for path in (
        f"/compare?a={one}&b=999",
        f"/compare/{first}/999/seahorse-valley/5.png",
        f"/compare/{first}/{first}/seahorse-valley/19.png",
    ):
        assert board.get(path).status_code == 404, path
    assert board.get(f"/compare?a={one}&b={waiting}").status_code == 409


def test_the_film_is_shown_frame_by_frame(board):
    number, _ = drawn(board, "one", 8.0, 1, frames=5, pictures=False)
    text = board.get(f"/submissions/{number}").text
    assert 'data-frames="5"' in text
    answer = board.get(f"/submissions/{number}/frames/3.png")
    assert Image.open(io.BytesIO(answer.data)).convert("RGB").getpixel((0, 0)) == (3, 100, 100)
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert board.get(f"/submissions/{number}/frames/5.png").status_code == 404
    other, _ = drawn(board, "two", 8.0, 2, pictures=False)
    assert "data-frames" not in board.get(f"/submissions/{other}").text


def test_other_sites_get_a_picture(board):
    number, _ = drawn(board, '<b>"one"</b>', 8.0, 1)
    text = board.get(f"/submissions/{number}").text
    address = re.search(r'property="og:image" content="http://[^/]+([^"]+)"', text)[1]
    answer = board.get(address)
    assert Image.open(io.BytesIO(answer.data)).size == (1200, 630)
    assert "&lt;b&gt;&#34;one&#34;" in re.search(r'property="og:title" content="([^"]*)"', text)[1]


def test_a_hidden_entry_shows_none_of_it(board):
    from leaderboard.services import submissions

    number, evaluation = drawn(board, "one", 8.0, 1, frames=2)
    with board.writing() as session:
        submissions.hide(session, submissions.get(session, number), hidden=True)
    for path in (
        f"/submissions/{number}/card.png",
        f"/submissions/{number}/frames/0.png",
        f"/evaluations/{evaluation}/skills.json",
        f"/evaluations/{evaluation}/controls/0/known.png",
        f"/compare?a={number}&b={number}",
        f"/compare/{evaluation}/{evaluation}/seahorse-valley/5.png",
    ):
        assert board.get(path).status_code == 404, path
    assert storage_of(board.config).find(artifacts.key_of(evaluation, "seahorse-valley/05/error.png"))
