# ruff: noqa: T201 - a script that prints
"""Print the table of submissions/README.md: every reference submission, measured on the practice season.

.venv/bin/python submissions/table.py                    judges all, more than a minute each, and prints it
.venv/bin/python submissions/table.py mlp skip           judges these; other rows stay as README.md has them
.venv/bin/python submissions/table.py mlp skip --write   and writes the table and the pictures
.venv/bin/python submissions/table.py --quick --write    pictures; and rows, unjudged, where there are none
"""

import argparse
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from portraits import compare, portrait

HERE = Path(__file__).parent
README, PICTURES = HERE / "README.md", HERE / "pictures"
BEGIN, END = "<!-- table -->\n", "<!-- /table -->"
# Larger weights stay out of the repository; then the report of the author stands for them.
KEPT = 9 << 20
HEAD = (
    "| | octaves | 95 % interval | depth | precision (dB) | universality | verdict | parameters | bytes "
    "| class | trained |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def trained(directory: Path) -> str:
    """How `mbc train` made the weights, from their header."""
    with (directory / "weights.safetensors").open("rb") as weights:
        (length,) = struct.unpack("<Q", weights.read(8))
        notes = json.loads(weights.read(length)).get("__metadata__", {})
    if "steps" not in notes:
        return "-"
    return f"{int(notes['steps']):,} steps, {notes['seconds']} s on {notes['device']}"


def measured(directory: Path, *, quick: bool = False) -> dict[str, Any]:
    """Its report, with how it was `trained`; the last one where its weights are not in the repository.

    Where `quick`, without controls and probes.
    """
    last = directory / "report.json"
    if not (directory / "weights.safetensors").exists():
        if not last.exists():
            raise SystemExit(f"{directory.name} has neither weights nor a report: mbc train {directory}")
        return json.loads(last.read_text(encoding="utf-8"))  # type: ignore[no-any-return]  # as it was written
    mbc = Path(sys.executable).with_name("mbc")
    command = [mbc, "score", directory, "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    report = json.loads(done.stdout)
    if "octaves" not in report:
        raise SystemExit(f"{directory.name} could not be judged: {report.get('sentence')}")
    return report | {"trained": trained(directory)}


def row(name: str, report: dict[str, Any]) -> str:
    """Its row of the table."""
    low, high = report["interval"]
    universality = report.get("universality")
    learned = f"{universality['score']:.2f}" if universality else "-"
    return (
        f"| [{name}]({name}) | {report['octaves']:.2f} | {low:.2f} - {high:.2f} "
        f"| {report['depth']:.1f} | {report['precision_db']:.1f} | {learned} "
        f"| {report['verdict']} | {report['parameters']:,} | {report['bytes']:,} | {report['weight_class']} "
        f"| {report['trained']} |"
    )


def octaves(line: str) -> float:
    """The octaves of a row."""
    return float(line.split("|")[2])


def rows_of(readme: str) -> dict[str, str]:
    """The rows that a README has between its marks, by kind."""
    table = readme.partition(BEGIN)[2].partition(END)[0]
    return {line[3:].partition("]")[0]: line for line in table.splitlines() if line.startswith("| [")}


def ranked(rows: dict[str, str]) -> list[str]:
    """The kinds, the deepest first."""
    return sorted(rows, key=lambda kind: octaves(rows[kind]), reverse=True)


def table(rows: dict[str, str]) -> str:
    """The whole table."""
    return "\n".join([HEAD, *(rows[kind] for kind in ranked(rows))]) + "\n"


def keep(directory: Path, report: dict[str, Any], rows: dict[str, str]) -> None:
    """Write the table, the portrait of this kind, and its report where the weights are too large to keep."""
    if (directory / "weights.safetensors").exists():
        portrait(directory, report["skill"], PICTURES / f"{directory.name}.png")
        if report["bytes"] > KEPT and report.get("universality"):
            # Two thousand numbers, one a view, that nobody reads.
            told = {name: value for name, value in report.items() if name != "skill_by_chain"}
            (directory / "report.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure those that are named, or all, and print the table; write it where that is asked for."""
    every = sorted(path.parent.name for path in HERE.glob("*/submission.toml"))
    parser = argparse.ArgumentParser(description="The table of submissions/README.md.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="judge only these and keep the other rows")
    parser.add_argument("--write", action="store_true", help="write the table and the pictures")
    parser.add_argument("--quick", action="store_true", help="octaves only; rows that are there stay")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.kinds) - set(every)):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(every)}")
    known = rows_of(README.read_text(encoding="utf-8"))
    rows = {kind: known[kind] for kind in every if kind in known}
    for kind in arguments.kinds or every:
        print(f"judging {kind}", file=sys.stderr)
        report = measured(HERE / kind, quick=arguments.quick)
        if not arguments.quick or kind not in rows:
            rows[kind] = row(kind, report)
        # After each, for all together take long and may be stopped.
        if arguments.write:
            keep(HERE / kind, report, rows)
    print(table(rows))
    drawn = [kind for kind in ranked(rows) if (PICTURES / f"{kind}.png").exists()]
    if arguments.write and drawn:
        compare([(kind, octaves(rows[kind])) for kind in drawn], PICTURES)


if __name__ == "__main__":
    main()
