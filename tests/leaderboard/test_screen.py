"""What `mbc serve` prints, in a terminal and into a log."""

import io
import os

from leaderboard.serve import screen as screens
from leaderboard.serve.screen import Screen


class Terminal(io.StringIO):
    def isatty(self):
        return True


def seen(text):
    """The lines of a terminal that got this text."""
    return [line.rpartition("\x1b[K")[2].rpartition("\r")[2] for line in text.split("\n")]


def test_a_terminal_keeps_the_last_line_below_all_others():
    out = Terminal()
    screen = Screen(out)
    screen.say("The board is at http://127.0.0.1:8000")
    screen.show("judging mlp (predicting), 12 waiting")
    os.write(screen.children, b"12:00:00 evaluator: evaluation 1 sco")
    screen.pass_on()
    os.write(screen.children, b"red\nanother\n")
    screen.pass_on()
    assert seen(out.getvalue()) == [
        "The board is at http://127.0.0.1:8000",
        "12:00:00 evaluator: evaluation 1 scored",
        "another",
        "judging mlp (predicting), 12 waiting",
    ]
    screen.show("x" * 1000)
    assert len(seen(out.getvalue())[-1]) < 1000
    screen.close()
    assert seen(out.getvalue())[-1] == ""


def test_a_log_gets_a_plain_line_when_something_changed(monkeypatch):
    moment = [100.0]
    monkeypatch.setattr(screens.time, "monotonic", lambda: moment[0])
    out = io.StringIO()
    screen = Screen(out)
    assert screen.children is None
    for seconds, text in ((0, "1 waiting"), (11, "1 waiting"), (1, "idle"), (11, ""), (11, "2 judged")):
        moment[0] += seconds
        screen.show(text)
    screen.say("Stopping.")
    screen.close()
    assert out.getvalue() == "1 waiting\nidle\n2 judged\nStopping.\n"
