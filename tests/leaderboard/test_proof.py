"""The pictures of controls and probes: their geometry, and as a page shows them."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from challenge.results.report import ControlResult, Integrity, ProbeResult, Universality
from challenge.results.result_visuals import (
    Confusion,
    CurveFit,
    PictureFit,
    PlotData,
    ResultVisuals,
    Scatter,
    Series,
    SurfaceFit,
)
from leaderboard.charts import control_charts, probe_plots, scales, surface
from leaderboard.services import seasons
from leaderboard.web import documents
from tests.support import seed_evidence


def numbers(path):
    return np.array([[float(v) for v in pair] for pair in re.findall(r"([-\d.]+)[ ,]([-\d.]+)", path)])


class TestScales:
    @pytest.mark.parametrize("log", [False, True])
    def test_ends_and_middle(self, log):
        scale = scales.Scale(1.0, 100.0, 200.0, 20.0, log=log)
        assert (scale(1.0), scale(100.0)) == (200.0, 20.0)
        assert scale(10.0 if log else 50.5) == pytest.approx(110.0)
        assert scale(1e9) == 20.0
        assert scale(-5.0) == 200.0

    @pytest.mark.parametrize(
        "values", [(0.2, 0.9), (-3.0, 12.0), (1e-6, 3e-6), (5.0, 5.0), (0.0, 0.0), (67_500.0, 67_500.0)]
    )
    def test_whatever_is_covered_lies_within_and_ticks_rise(self, values):
        scale = scales.covering(values, 0.0, 300.0)
        assert scale.low <= min(values)
        assert scale.high >= max(values)
        places = [place for _, place in scale.ticks()]
        assert 2 <= len(places) <= 8
        assert places == sorted(places)
        assert len({name for name, _ in scale.ticks()}) == len(places)

    def test_powers_of_ten_are_read_as_such(self):
        ticks = scales.covering((1e-6, 1.0), 0.0, 300.0, log=True).ticks()
        assert ticks[0] == ("10⁻⁶", 0.0)
        assert ticks[-1][0] == "1"

    def test_ticks_close_together_are_told_apart(self):
        ticks = scales.covering((164_609.0, 164_609.0), 0.0, 300.0).ticks(4)
        assert [name for name, _ in ticks] == ["150 k", "160 k", "170 k", "180 k"]
        ticks = scales.covering((3_700_000.0, 4_300_000.0), 0.0, 300.0).ticks(4)
        assert [name for name, _ in ticks] == ["3.8 M", "4 M", "4.2 M"]
        assert [name for name, _ in scales.Scale(0, 2e5, 0, 1).ticks(3)] == ["0", "100 k", "200 k"]

    def test_ticks_do_not_part_whole_numbers(self):
        assert [name for name, _ in scales.Scale(2, 4, 0, 1).ticks(least=1.0)] == ["2", "3", "4"]
        assert all(name.isdigit() for name, _ in scales.Scale(2, 13, 0, 1).ticks(least=1.0))

    @pytest.mark.parametrize("places", [(5.0, 5.0, 5.0), (0.0, 50.0, 3.0), (9.0, 1.0, 2.0, 30.0)])
    def test_names_are_moved_apart_and_stay_in_order(self, places):
        moved = scales.apart(places, 10.0)
        order = np.argsort(places, kind="stable")
        assert (np.diff(np.array(moved)[order]) >= 10.0 - 1e-6).all()
        # No more than needed: the whole does not drift.
        assert np.mean(moved) == pytest.approx(np.mean(places), abs=0.01)


class TestFits:
    def test_a_curve_is_drawn_where_its_points_are(self):
        made = control_charts.picture(CurveFit((-1.0, 0.0, 1.0), (0.0, 0.5, 1.0), (-1.0, 1.0), (0.0, 1.0)))
        known, fit = numbers(made.known), numbers(made.fit)
        assert known[0] == pytest.approx(fit[0])
        assert known[2] == pytest.approx(fit[1])
        assert known[1] == pytest.approx((known[0] + known[2]) / 2, abs=0.02)
        assert known[2, 1] < known[0, 1]  # up on the page is less

    def test_a_wild_fit_stays_within_the_plot(self):
        made = control_charts.picture(CurveFit((0.0,), (0.5,), (-1.0, 1.0), (-1e9, 1e9)))
        assert (numbers(made.fit)[:, 1] >= 0).all()
        assert (numbers(made.fit)[:, 1] <= made.frame.height).all()

    def test_the_predicted_lie_on_the_diagonal_where_they_are_true(self):
        made = control_charts.picture(Scatter((0.0, 0.3, 1.0), (0.0, 0.3, 0.0)))
        (x0, y0), (x1, y1), (_, y2) = numbers(made.dots)
        (a, b), (c, d) = numbers(made.diagonal)
        for x, y in ((x0, y0), (x1, y1)):
            assert (x - a) * (d - b) == pytest.approx((y - b) * (c - a), abs=3)
        assert y2 == y0

    def test_classes_are_counted_and_the_commonest_mistake_is_said(self):
        made = control_charts.picture(Confusion(("cat", "dog"), ((9, 1), (4, 6))))
        assert (made.right, made.total) == (15, 20)
        assert made.worst == "Most often dog was taken for cat: 4 of 10."
        shades = [[cell.shade for cell in row] for row in made.rows]
        assert shades[0][0] > shades[1][1] > shades[1][0] > shades[0][1] > 0

    @pytest.mark.parametrize(
        "broken",
        [
            PictureFit(4, 4, 1, (1,) * 15, (1,) * 16),
            PictureFit(4, 4, 2, (1,) * 32, (1,) * 32),
            PictureFit(9000, 9000, 1, (), ()),
            SurfaceFit(((0.0, 0.0, 0.0),), 3, 3, ((0.0, 0.0, 0.0),) * 8),
            SurfaceFit((), 2, 2, ((0.0, 0.0, 0.0),) * 4),
            Confusion(("a", "b"), ((1, 2),)),
            Confusion(("a",), ((0,),)),
            Scatter((), ()),
        ],
    )
    def test_evidence_that_is_none_makes_no_picture(self, broken):
        assert control_charts.picture(broken) is None

    def test_evidence_that_holds_no_numbers_cannot_be_made(self):
        with pytest.raises(ValueError, match="number"):
            CurveFit(("x",), (0.0,), (0.0,), (0.0,))
        with pytest.raises(ValueError, match="number"):
            Series("a", (1.0,), ("y",))

    def test_a_certificate_and_evidence_of_other_controls_are_not_mixed(self):
        result = ControlResult("c", "c", 1, 1, "regression", 0.5, (0.5,), 0.8, 0.4, True)
        certificate = Universality(True, 1.0, (result, result))
        held = CurveFit((0.0,), (0.5,), (-1.0, 1.0), (0.5, 0.5))
        assert [card.picture for card in control_charts.cards(certificate, (held,))] == [None, None]
        assert all(card.picture for card in control_charts.cards(certificate, (held, held)))


class TestImages:
    def test_what_is_not_known_is_transparent_and_pixels_are_squares(self):
        held = PictureFit(2, 1, 3, (10, 20, 30, -1, -1, -1), (1, 2, 3, 4, 5, 6))
        known = np.asarray(Image.open(io.BytesIO(control_charts.image_png(held, fit=False))))
        half = known.shape[1] // 2
        assert (known[:, :half] == (10, 20, 30, 255)).all()
        assert (known[:, half:, 3] == 0).all()
        fit = np.asarray(Image.open(io.BytesIO(control_charts.image_png(held, fit=True))))
        assert (fit[:, half:] == (4, 5, 6, 255)).all()
        assert known.shape[1] == 2 * known.shape[0] >= 200

    def test_the_share_that_was_given(self):
        made = control_charts.picture(PictureFit(2, 2, 1, (5, -1, -1, 7), (1, 2, 3, 4)))
        assert made.known_share == 0.5


class TestSurfaces:
    def sphere(self):
        longitude, latitude = np.meshgrid(np.linspace(-np.pi, np.pi, 41), np.linspace(-1.57, 1.57, 21))
        ball = np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], -1
        )
        points = ball.reshape(-1, 3) * 5 + 7
        rows = tuple(map(tuple, points.tolist()))
        return SurfaceFit(rows[::3], 21, 41, rows)

    def test_a_sphere_looks_like_a_disc_from_anywhere(self):
        made = surface.draw(self.sphere())
        places = np.concatenate([numbers(path) for shade, path in made.parts if shade is not None])
        radius = np.linalg.norm(places - made.size / 2, axis=1)
        assert radius.max() == pytest.approx(made.size / 2 * 0.94, rel=0.02)

    def test_the_nearest_face_is_painted_last_and_is_brighter(self):
        made = surface.draw(self.sphere())
        shades = [shade for shade, _ in made.parts if shade is not None]
        few = len(shades) // 10
        assert np.mean(shades[-few:]) > np.mean(shades[:few]) + 1
        assert 0 <= min(shades) <= max(shades) < surface.SHADES

    def test_it_is_thinned_and_stays_closed(self):
        made = surface.shape(self.sphere())
        many = SurfaceFit(((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), 200, 200, ((0.5, 0.5, 0.5),) * 40_000)
        assert surface.shape(many).grid.size // 3 <= surface.FACES * 1.2
        assert made.grid[:, 0] == pytest.approx(made.grid[:, -1], abs=1e-9)


class TestProbes:
    def plot(self, **changes):
        values = {
            "probe": "p",
            "x_label": "x",
            "y_label": "y",
            "series": (Series("a", (1.0, 10.0, 100.0), (0.1, 0.2, 0.9)), Series("b", (1.0,), (0.5,))),
            "lines": (("rejected above", 0.55), ("looked at above", 0.54)),
        }
        return probe_plots.plot(PlotData(**values | changes))

    def test_a_threshold_lies_among_the_points_and_its_names_do_not_touch(self):
        made = self.plot()
        ys = numbers(made.series[0].dots)[:, 1]
        assert ys[2] < made.lines[0].y < ys[1]
        assert abs(made.lines[0].text - made.lines[1].text) >= 14

    def test_a_logarithmic_axis_has_even_steps(self):
        xs = numbers(self.plot(log_x=True).series[0].dots)[:, 0]
        assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.05)
        assert xs[0] == self.plot(log_x=True).frame.left

    def test_nothing_lies_left_of_a_logarithmic_axis(self):
        made = self.plot(log_x=True, series=(Series("a", (0.0, 1.0, 10.0), (0.1, 0.2, 0.3)),))
        assert len(numbers(made.series[0].dots)) == 2

    def test_things_are_not_joined_and_stand_side_by_side(self):
        made = self.plot(
            categories=("one", "two"),
            series=(Series("a", (0.0, 1.0), (0.1, 0.2)), Series("b", (0.0, 1.0), (0.1, 0.2))),
        )
        assert [one.line for one in made.series] == ["", ""]
        assert numbers(made.series[0].dots)[0, 0] < numbers(made.series[1].dots)[0, 0]
        assert [lines for lines, _ in made.xticks] == [("one",), ("two",)]

    def test_many_long_names_are_shortened_and_left_out(self):
        names = tuple(f"a long name {k}" for k in range(40))
        made = self.plot(categories=names, series=(Series("a", tuple(map(float, range(40))), (0.5,) * 40),))
        assert sum(max(map(len, lines)) + 1 for lines, _ in made.xticks) <= 80

    def test_a_long_name_has_lines_for_which_there_is_room(self):
        made = self.plot(categories=("in a second sandbox", "x"), series=(Series("a", (0.0,), (0.5,)),))
        assert made.xticks[0][0] == ("in a second sandbox",)
        names = ("in a second sandbox", "unpronounceablename", "c", "d", "e")
        made = self.plot(categories=names, series=(Series("a", (0.0,), (0.5,)),))
        assert made.xticks[0][0] == ("in a", "second", "sandbox")
        assert made.xticks[1][0] == ("unpronoun…",)
        assert made.height == probe_plots.HEIGHT + 26

    def test_many_series_are_steps_of_one_colour(self):
        many = tuple(Series(str(k), (1.0, 2.0), (0.1, 0.2)) for k in range(9))
        classes = [one.colour for one in self.plot(series=many).series]
        assert (classes[0], classes[-1], len(set(classes))) == ("s0", "s9", 9)
        assert [one.colour for one in self.plot(series=many[:3]).series] == ["k0", "k1", "k2"]

    @pytest.mark.parametrize(
        "series",
        [(), (Series("a", (), ()),), (Series("a", (1.0, 2.0), (1.0,)),)],
    )
    def test_a_plot_of_nothing_is_left_out(self, series):
        result = ProbeResult("p", 0.1, 0.2, True, False, "s")
        evidence = ResultVisuals(plots=(PlotData("p", "x", "y", series),))
        assert probe_plots.cards(Integrity(True, False, (result,)), evidence)[0].plot is None

    def test_every_plot_is_shown_once(self):
        found = Integrity(True, False, (ProbeResult("p", 0.1, 0.2, True, True, "s"),))
        one = PlotData("p", "x", "y", (Series("", (1.0, 2.0), (1.0, 2.0)),))
        dose = PlotData("dose", "x", "y", (Series("", (1.0, 2.0), (1.0, 2.0)),))
        evidence = ResultVisuals(plots=(one, dose))
        assert [card.verdict for card in probe_plots.cards(found, evidence)] == ["flagged"]
        assert [name for name, _ in probe_plots.others(found, evidence)] == ["dose"]


def judged(board, **changes):
    """A submission's page with the evidence that its worker sent."""
    made = board.submit(changes.pop("name", "proven")).json
    lease, _ = board.claim(made["evaluation_id"])
    report = board.report(**changes)
    shown = seed_evidence.evidence(report, formula=changes.get("formula", False))
    sent = board.client.put(
        f"/api/v1/worker/evaluations/{made['evaluation_id']}/evidence", headers=lease, data=shown.to_json()
    )
    assert sent.status_code == 200, sent.text
    done = board.tell(made["evaluation_id"], "report", lease, json=report)
    assert done.status_code == 200, done.text
    return board.get(f"/submissions/{made['id']}").text, made["evaluation_id"], report


def close_season(board):
    """From now on everything of it is public."""
    name = board.season().name
    with board.writing() as session:
        seasons.close_season(session, name)


def test_every_control_has_its_picture_and_its_figures(board):
    text, _, report = judged(board)
    cards = text.split('<li class="control ')[1:]
    assert len(cards) == len(report["universality"]["controls"])
    for card, control in zip(cards, report["universality"]["controls"], strict=True):
        assert control["name"] in card
        assert f"{control['in_features']} → {control['out_features']}" in card
        assert f"{control['skill']:.3f}" in card
        assert f"{control['bar']:.3f}" in card
        assert "✓ passed" in card
        assert 'class="picture"' in card
    kinds = ("fit-curve", "known.png", "surface", "fit-scatter", 'class="confusion"')
    assert all(any(kind in card for card in cards) for kind in kinds)


def test_the_images_of_a_control_have_addresses_of_their_own(board):
    _, number, report = judged(board)
    for index, control in enumerate(report["universality"]["controls"]):
        expected = 200 if control["name"].startswith("picture") else 404
        for what in ("known", "fit"):
            answer = board.get(f"/evaluations/{number}/controls/{index}/{what}.png")
            assert answer.status_code == expected, control["name"]
            if expected == 200:
                assert Image.open(io.BytesIO(answer.data)).size == (320, 320)
                again = board.get(
                    f"/evaluations/{number}/controls/{index}/{what}.png",
                    headers={"If-None-Match": answer.headers["ETag"]},
                )
                assert again.status_code == 304
    for path in ("99/known.png", "0/other.png", "0/known.png.png"):
        assert board.get(f"/evaluations/{number}/controls/{path}").status_code in (404, 422)
    assert board.get("/evaluations/77/controls/0/known.png").status_code == 404


def test_evidence_that_is_sent_again_is_shown_again(board):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    report = board.report()
    path = f"/api/v1/worker/evaluations/{made['evaluation_id']}/evidence"
    for side in (2, 4):
        again = PictureFit(side, side, 1, (7,) * side**2, (9,) * side**2)
        board.client.put(path, headers=lease, data=ResultVisuals((again,) * 6).to_json())
        assert board.get(f"/evaluations/{made['evaluation_id']}/controls/0/fit.png").status_code == 200
    board.tell(made["evaluation_id"], "report", lease, json=report)
    text = board.get(f"/submissions/{made['id']}").text
    assert 'width="4" height="4"' in text
    assert 'width="2" height="2"' not in text


def test_a_surface_can_be_fetched_to_be_turned(board):
    _, number, report = judged(board)
    index = next(k for k, c in enumerate(report["universality"]["controls"]) if c["family"] == "surface")
    values = json.loads(board.get(f"/evaluations/{number}/controls/{index}/surface.json").data)
    assert np.shape(values["known"])[1] == 3
    assert np.linalg.norm(values["known"], axis=1).max() <= 1.001
    assert np.shape(values["grid"])[2] == 3
    assert board.get(f"/evaluations/{number}/controls/0/surface.json").status_code == 404


def test_a_rejected_one_opens_with_what_it_failed_and_what_would_help(board):
    text, _, report = judged(board, verdict="rejected", universal=False, sentence="No.")
    opening = text.split("<h2")[1]
    assert "Rejected" in opening
    failed = [c for c in report["universality"]["controls"] if not c["passed"]]
    assert len(failed) > 2
    for control in failed:
        assert control["name"] in opening
        assert f"{max(control['refits']):.3f}" in opening
        assert f"as soon as one reaches {control['bar']:.3f}" in opening
    assert opening.count("keep the raw inputs") == 1
    # Every link of it leads to a card.
    anchors = re.findall(r'href="#([^"]+)"', opening.split("</section>")[0])
    assert len(anchors) == len(failed)
    assert all(f'id="{anchor}"' in text for anchor in anchors)


def test_a_failed_probe_is_told_with_its_sentence(board):
    text, _, _ = judged(board, verdict="rejected", formula=True, sentence="No.")
    opening = text.split("<h2")[1]
    assert "it still draws the set" in opening
    assert "what is known of the set be learned" in opening
    assert "✗ failed" in text.split('id="probe-scramble"')[1].split("</li>")[0]


def test_a_flagged_one_says_why(board):
    text, _, _ = judged(board, flagged=True)
    flag = text.split('id="flag-title"')[1].split("</section>")[0]
    assert "capacity" in flag
    assert "samples track" in flag
    assert 'id="flag-title"' not in judged(board, name="plain")[0]


def test_every_probe_has_its_plot_and_a_link_to_what_it_means(board):
    text, number, report = judged(board)
    before = text.split('id="probes"')[1].split("</section>")[0]
    assert "shown when the season has ended" in before
    assert "rejected above" not in before
    close_season(board)
    text = board.get(f"/submissions/{number}").text
    section = text.split('id="probes"')[1].split("</section>")[0]
    for probe in report["integrity"]["probes"]:
        card = section.split(f'id="probe-{probe_plots.anchor(probe["name"])}"')[1].split("</li>")[0]
        assert probe["sentence"] in card.replace("&#39;", "'")
        assert f'/integrity#{probe_plots.anchor(probe["name"])}"' in card
    assert "rejected above" in section
    assert "informative only" in section


def test_evidence_of_a_stranger_cannot_break_out(board):
    made = board.submit().json
    lease, _ = board.claim(made["evaluation_id"])
    report = board.report()
    report["universality"]["controls"] = report["universality"]["controls"][-1:]
    attack = "<script>alert(1)</script>"
    shown = ResultVisuals(
        (Confusion((attack, "'\"><img src=x>"), ((1, 1), (1, 1))),),
        (PlotData("dose", attack, attack, (Series(attack, (0.0,), (1.0,)), Series("b", (0.0,), (1.0,)))),),
    )
    board.client.put(
        f"/api/v1/worker/evaluations/{made['evaluation_id']}/evidence", headers=lease, data=shown.to_json()
    )
    board.tell(made["evaluation_id"], "report", lease, json=report)
    close_season(board)
    text = board.get(f"/submissions/{made['id']}").text
    assert text.count("&lt;script&gt;alert(1)") >= 4
    assert "<script>alert" not in text
    assert "<img src=x" not in text


class TestDocuments:
    def read(self, text, tmp_path, monkeypatch):
        monkeypatch.setattr(documents, "FOLDER", tmp_path)
        documents.document.cache_clear()
        (tmp_path / "x.md").write_text(text)
        made = documents.document("x")
        documents.document.cache_clear()
        return made

    def test_a_paragraph_that_opens_with_a_name_is_found_by_it(self, tmp_path, monkeypatch):
        made = self.read(
            "# T\n\n**Same machine.** Do they?\n\nSo **this.** is none.\n\n**nor this** one.\n",
            tmp_path,
            monkeypatch,
        )
        assert made.sections == (("same-machine", "Same machine"),)
        assert '<p id="same-machine">' in made.html

    def test_the_page_explains_every_probe_that_decides_something(self, board):
        text = board.get("/integrity").text
        # Read off the judge's own modules, which the leaderboard may not import.
        named = set()
        for path in Path("evaluator/probes").glob("*.py"):
            named |= set(re.findall(r'^NAME(?:: Final)? = "([^"]+)"', path.read_text(), re.MULTILINE))
        assert len(named) >= 6
        for name in named:
            assert f'id="{probe_plots.anchor(name)}"' in text, name

    def test_headings_are_anchors_and_files_are_no_links(self, tmp_path, monkeypatch):
        made = self.read(
            "# Probes\n\n## Same `machine`\n\nSee [the code](../evaluator/x.py), [it](https://e.org), "
            "[above](#probes), ![p](p.png).\n\n<b>raw</b>\n",
            tmp_path,
            monkeypatch,
        )
        assert made.title == "Probes"
        assert made.sections == (("same-machine", "Same machine"),)
        assert 'id="same-machine"' in made.html
        assert re.findall(r'href="([^"]+)"', made.html) == ["https://e.org", "#probes"]
        assert "See the code," in made.html
        assert "<img" not in made.html
        assert "&lt;b&gt;" in made.html
