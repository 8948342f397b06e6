"""What a rejected or flagged report is told."""

import re
from pathlib import Path

import pytest

from challenge.results.formatting import distinct_decimals, figure, percent, threshold_text
from challenge.results.rejection_reasons import flag_reasons, group_by_remedy, rejection_reasons
from challenge.results.report import ControlResult, Integrity, ProbeResult, Report, Universality


def control(name, in_features=2, best=0.2, tries=3, passed=False):
    refits = (best - 0.02, best, best - 0.01)[-tries:] if tries > 1 else (best,)
    return ControlResult(name, "f", in_features, 1, "regression", refits[0], refits, 0.8, 0.4, passed)


def probe(name, passed=True, flagged=False):
    return ProbeResult(name, 0.7, 0.5, passed, flagged, f"{name} says 0.70.")


def report(controls=(), probes=()):
    return Report(
        "s", "c", 5.0, (4.0, 6.0), 5.0, 20.0, (1.0,), ((1.0,),),
        Universality(all(c.passed for c in controls), 0.5, tuple(controls)),
        Integrity(all(p.passed for p in probes), any(p.flagged for p in probes), tuple(probes)),
        1, 1, "light", 1.0, "cpu", "none", "rejected", "", 1.0, {},
    )  # fmt: skip


def test_only_what_failed_is_named_with_its_figures():
    found = rejection_reasons(
        report(
            [control("curve", passed=True, best=0.7, tries=1), control("shell")],
            [probe("consistency"), probe("scramble", passed=False)],
        )
    )
    assert [(item.kind, item.name) for item in found] == [("control", "shell"), ("probe", "scramble")]
    assert "0.200" in found[0].sentence
    assert "0.400" in found[0].sentence
    assert found[1].sentence == "scramble says 0.70."


def test_the_best_refit_is_what_is_told():
    found = rejection_reasons(report([control("shell", best=0.35)]))
    assert "the best of 3 refits reached 0.350" in found[0].sentence


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (control("digits", in_features=64), "raw inputs"),
        (control("curve", best=0.01), "next to nothing"),
        (control("curve", best=0.3), "the outline"),
    ],
)
def test_the_advice_is_for_what_is_missing(one, words):
    assert words in rejection_reasons(report([one]))[0].remedy


def test_who_learns_some_data_of_many_inputs_is_not_told_to_keep_them():
    found = rejection_reasons(report([control("teacher", 20), control("digits", 64, best=0.9, passed=True)]))
    assert [item.name for item in found] == ["teacher"]
    assert "raw inputs" not in found[0].remedy
    assert "bends" in found[0].remedy


def test_one_remedy_is_said_once():
    groups = group_by_remedy(
        rejection_reasons(report([control("a", 64), control("b", 2), control("c", 784), control("d", 3)]))
    )
    assert [[item.name for item in items] for _, items in groups] == [["a", "c"], ["b", "d"]]


def test_a_doubt_is_a_flag_that_was_no_failure():
    found = flag_reasons(
        report(
            probes=[
                probe("capacity", flagged=True),
                probe("scramble", passed=False, flagged=True),
                probe("twin"),
            ]
        )
    )
    assert [item.name for item in found] == ["capacity"]


def test_a_probe_that_nobody_has_described_is_told_as_well():
    found = rejection_reasons(report(probes=[probe("brand new", passed=False)]))
    assert found[0].sentence == "brand new says 0.70."
    assert found[0].remedy


def test_every_probe_of_the_judge_has_a_remedy():
    # Read off the judge's own modules, which this package may not import.
    names = set()
    for path in Path("evaluator/probes").glob("*.py"):
        names |= set(re.findall(r'^NAME(?:: Final)? = "([^"]+)"', path.read_text(), re.MULTILINE))
    assert len(names) >= 6
    remedies = {
        item.remedy
        for item in rejection_reasons(report(probes=[probe(n, passed=False) for n in sorted(names)]))
    }
    assert len(remedies) == len(names)


def test_a_quick_report_falls_short_of_nothing():
    quick = Report(
        "s", "c", 5.0, (4.0, 6.0), 5.0, 20.0, (1.0,), ((1.0,),), None, None,
        1, 1, "light", 1.0, "cpu", "none", "unjudged", "", 1.0, {},
    )  # fmt: skip
    assert rejection_reasons(quick) == flag_reasons(quick) == ()


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "100 %"), (0.9999, "99 %"), (0.29, "29 %"), (0.0, "0 %"), (None, "—")]
)
def test_nothing_short_of_all_reads_as_all(value, text):
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (3.0, "3"), (0.25, "0.250"), (5e-6, "5.0e-06"), (67_500.0, "67500")]
)
def test_a_figure_keeps_what_tells_it_apart(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "bar", "told"),
    [
        (0.2, 0.4, ("0.200", "0.400")),
        (0.4961, 0.49612, ("0.49610", "0.49612")),
        (0.4, 0.4, ("0.400", "0.400")),
    ],
)
def test_what_is_short_of_a_bar_never_reads_as_equal(value, bar, told):
    assert distinct_decimals(value, bar) == told
    assert (
        told[0]
        in rejection_reasons(
            report([ControlResult("x", "f", 1, 1, "regression", value, (value,), 2 * bar, bar, False)])
        )[0].sentence
    )


def test_it_is_said_on_which_side_of_its_threshold_a_figure_has_to_be():
    assert threshold_text("scramble", 0.6) == "at most 0.600"
    assert threshold_text("plasticity", 0.5) == "at least 0.500"
