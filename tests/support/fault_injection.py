"""Kills processes at random moments of real evaluations, and counts the consequences."""

import contextlib
import dataclasses
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

from evaluator.sandbox import cgroups

from . import processes

KINDS = ("child", "reaper", "worker", "server")
# Long enough for a lease to run out and a worker to come back on a machine with other work.
EFFECT_SECONDS = 30.0


@dataclasses.dataclass
class Count:
    """What came of the faults.

    Attributes:
        outcomes: by kind of fault: "went on", or "judged again" where an attempt came to nothing.
        finals: how entries ended.
        attempts: how many it took, in all.
        figures: how many different ones were measured.
        left: processes, groups, mounts and files that stayed.
    """

    outcomes: Counter = dataclasses.field(default_factory=Counter)
    finals: Counter = dataclasses.field(default_factory=Counter)
    attempts: int = 0
    figures: set = dataclasses.field(default_factory=set)
    twice: int = 0
    lost: int = 0
    left: list = dataclasses.field(default_factory=list)


def survivors(of, seconds=15.0):
    """Those of {pid: start time} that still run after `seconds`, or [] as soon as all have ended."""
    end = time.monotonic() + seconds
    while (left := processes.alive(of, zombies=False)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def victims(kind, deployment, chance):
    """Whom to kill, and who has to die with them; None while there is nobody."""
    worker = chance.choice(deployment.workers)
    if kind == "worker":
        return worker.process.pid, processes.family(worker.process.pid)
    if kind == "server":
        # `mbc serve`, the server that it looks after, or the process that answers.
        line = [deployment.process.pid]
        while found := processes.children(line[-1]):
            line.append(found[0])
        one = chance.choice(line)
        return one, {one: processes.family(one)[one]}
    running = worker.sandboxes()
    if kind == "child":
        running = [line for line in [*running, *worker.forks()] if len(line) > 1]
    if not running:
        return None
    outermost, *inside = chance.choice(running)
    return outermost if kind == "reaper" else chance.choice(inside), processes.family(outermost)


def strike(kind, deployment, numbers, chance):
    """One fault: kill, see that who has to die is dead, and wait for what comes of it."""

    def running():
        found = deployment.statuses(numbers)
        if all(one["final"] for one in found):
            return "over"
        there = victims(kind, deployment, chance)
        busy = any(not one["final"] and one["status"] != "queued" for one in found)
        return (sum(one["attempt"] for one in found), there) if there and busy else None

    found = deployment.until(f"{kind} to kill", running, pause=0.05)
    if found == "over":
        return None, []
    before, (victim, kin) = found
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    left = survivors(kin)
    end = time.monotonic() + EFFECT_SECONDS
    settled = time.monotonic() + (1.0 if kind == "server" else EFFECT_SECONDS)
    while time.monotonic() < end:
        deployment.tend()
        with contextlib.suppress(Exception):
            now = [deployment.status(number) for number in numbers]
            if None not in now:
                if sum(one["attempt"] for one in now) > before:
                    return "judged again", left
                if all(one["final"] for one in now) or time.monotonic() > settled:
                    return "went on", left
        time.sleep(0.1)
    return "went on", left


def loop(deployment, faults, seed, say=lambda _line: None, *, each=8, kinds=KINDS):
    """So many faults, `each` at most on every set of entries, one entry for each worker; then a count."""
    chance = random.Random(seed)
    count = Count()
    mounts = set(Path("/proc/self/mountinfo").read_text().splitlines())
    first = deployment.submit()
    (undisturbed,) = deployment.ended([first])
    assert undisturbed["status"] == "scored", undisturbed
    count.figures.add(deployment.figures(first)[0])
    everybody, done = [first], 0
    deck = []
    while done < faults:
        numbers = [deployment.submit() for _ in deployment.workers]
        everybody += numbers
        for _ in range(min(each, faults - done)):
            time.sleep(chance.expovariate(0.6))
            deck = deck or chance.sample(kinds, len(kinds))
            outcome, left = strike(deck[-1], deployment, numbers, chance)
            if outcome is None:
                break
            done += 1
            count.outcomes[deck.pop(), outcome] += 1
            count.left += left
        for one in deployment.ended(numbers):
            count.finals[one["status"]] += 1
            count.attempts += one["attempt"]
            if one["status"] == "scored":
                count.figures.add(deployment.figures(one["id"])[0])
        say(f"{done} of {faults} faults; {dict(count.finals)}, {len(count.figures)} kind of figures")
    ranked = Counter(deployment.board())
    count.twice = sum(times > 1 for times in ranked.values()) + _reports_twice(deployment)
    count.lost = len(set(everybody) - set(ranked))
    kin = deployment.close()
    count.left += survivors(kin)
    # As the next evaluator does when it starts.
    cgroups.find()
    groups = cgroups.find()
    numbers = {number for worker in deployment.workers for number in worker.numbers}
    for folder in set(groups.folders.values()) if groups else ():
        count.left += [p for p in folder.glob("mbc-*-*-*") if int(p.name.split("-")[1]) in numbers]
    count.left += list(deployment.temporary.iterdir())
    count.left += list((deployment.data / "uploads").iterdir()) + list(deployment.data.rglob("*.part"))
    count.left += sorted(set(Path("/proc/self/mountinfo").read_text().splitlines()) - mounts)
    return count


def _reports_twice(deployment):
    """Submissions with more than one evaluation, and evaluations that are not final, says the database."""
    with contextlib.closing(sqlite3.connect(deployment.data / "leaderboard.sqlite")) as database:
        groups = "SELECT 1 FROM evaluations GROUP BY submission_id, track HAVING count(*) > 1"
        many = database.execute(f"SELECT count(*) FROM ({groups})").fetchone()[0]
        open_ones = database.execute("SELECT count(*) FROM evaluations WHERE finished_at IS NULL").fetchone()[
            0
        ]
    return many + open_ones


def table(count):
    """Counts by kind of fault and outcome, in lines."""
    lines = [f"{'killed':>8} {'faults':>7} {'went on':>8} {'judged again':>13}"]
    for kind in KINDS:
        went, again = count.outcomes[kind, "went on"], count.outcomes[kind, "judged again"]
        lines.append(f"{kind:>8} {went + again:>7} {went:>8} {again:>13}")
    lines.append(f"entries: {dict(count.finals)}, in {count.attempts} attempts")
    lines.append(
        f"different figures: {len(count.figures)}; on the board twice: {count.twice}; lost: {count.lost}; "
        f"left behind: {len(count.left)} {count.left[:5] or ''}"
    )
    return lines
