"""What `mbc score` prints of a report."""

import re

import pytest

from challenge.bundle.manifest import Manifest
from challenge.bundle.reader import Bundle
from challenge.results.report import ControlResult, Integrity, ProbeResult, Report, Universality
from evaluator.terminal import print_octaves, print_verdict

BUNDLE = Bundle(Manifest("evil [/bold] [red]x", "[b]", "d"), {})
CONTROLS = (
    ControlResult("curve [x]", "curve", 1, 1, "regression", 0.9, (0.9,), 0.8, 0.4, True),
    ControlResult("shell", "surface", 2, 3, "regression", 0.1, (0.1, 0.55), 0.8, 0.4, True),
    ControlResult("digits", "digits", 64, 10, "classification", 0.1, (0.1, 0.2, 0.15), 0.8, 0.4, False),
)
PROBES = (
    ProbeResult(
        "scramble", 0.09, 0.55, True, False, "It loses the set [when] shuffled. " + "So it says. " * 12
    ),
    ProbeResult("capacity", 14.2, 12.1, True, True, "Fourteen octaves."),
)


def printed(capsys, controls=CONTROLS, probes=PROBES, verdict="rejected"):
    certificate = Universality(all(c.passed for c in controls), 0.9999, controls)
    found = Integrity(True, any(p.flagged for p in probes), probes)
    report = Report(
        "practice", "c", 5.0, (4.0, 6.0), 5.0, 20.0, (1.0, 0.5), ((1.0, 0.5),), certificate, found,
        1, 1, "light", 1.0, "cpu", "bubblewrap", verdict, "", 1.0, {},
    )  # fmt: skip
    print_octaves(BUNDLE, report)
    print_verdict(report)
    return capsys.readouterr().out


def test_each_control_is_a_row_with_its_best_skill_and_its_bar(capsys):
    text = printed(capsys)
    rows = {
        name: next(line for line in text.splitlines() if name in line)
        for name in ("curve", "shell", "digits")
    }
    for name, cells in (
        ("curve", ("✓", "[x]", "1 → 1", "0.900", "0.400", "yes")),
        ("shell", ("✓", "2 → 3", "0.550", "0.400", "yes, at the second refit")),
        ("digits", ("✗", "64 → 10", "0.200", "0.400", "no, in 3 refits")),
    ):
        assert all(cell in rows[name] for cell in cells), rows[name]


@pytest.mark.parametrize(("name", "side"), [("shell", "after"), ("digits", "before")])
def test_the_meter_ends_on_the_side_of_the_mark_where_the_skill_does(capsys, name, side):
    row = next(line for line in printed(capsys).splitlines() if name in line)
    before, after = re.search(r"([━─]*)╋([━─]*)", row).groups()
    assert ("━" in after) == (side == "after")
    assert ("─" in before) == (side == "before")


def test_each_probe_is_one_line(capsys):
    lines = [line for line in printed(capsys).splitlines() if "scramble" in line or "capacity" in line]
    assert re.search(r"✓\s+scramble\s+0\.090 at most 0\.550\s+It loses the set \[when\]", lines[0])
    assert re.search(r"⚑\s+capacity\s+14\.200 at most 12\.100\s+Fourteen", lines[1])
    assert "So it says" not in "".join(lines[1:])


def test_universality_is_cut_as_on_the_page(capsys):
    assert "universality 99 %" in printed(capsys)


def test_a_rejection_says_what_would_make_it_pass(capsys):
    text = " ".join(printed(capsys).split())
    assert "it passes as soon as one reaches 0.400" in text
    assert "keep the raw inputs" in text


def test_a_flag_says_why(capsys):
    text = printed(capsys, CONTROLS[:1], verdict="scored")
    assert "it would stand on the board" in text
    assert "a person would decide" in text
    assert "a person" not in printed(capsys, CONTROLS[:1], PROBES[:1], verdict="scored")
