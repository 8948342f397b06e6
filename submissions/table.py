# ruff: noqa: T201 - a script that prints
"""Print the table of submissions/README.md: every reference submission, measured on the practice season.

.venv/bin/python submissions/table.py            prints it
.venv/bin/python submissions/table.py --write    and writes it into README.md, between its two marks
"""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from portraits import portrait

HERE = Path(__file__).parent
BEGIN, END = "<!-- table -->\n", "<!-- /table -->"
# Larger weights stay out of the repository; then the report of whoever trained them stands for them.
KEPT = 9 << 20
HEAD = (
    "| | octaves | 95 % interval | depth | precision (dB) | universality | verdict | parameters | bytes "
    "| class | trained |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def trained(directory: Path) -> str:
    """How `mbc train` made the weights, from their header."""
    content = (directory / "weights.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    notes = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    if "steps" not in notes:
        return "-"
    return f"{int(notes['steps']):,} steps, {notes['seconds']} s on {notes['device']}"


def measured(directory: Path) -> tuple[dict[str, Any], str]:
    """Its report, and how it was trained; from the last one where its weights are not in the repository."""
    last = directory / "report.json"
    if not (directory / "weights.safetensors").exists():
        report = json.loads(last.read_text(encoding="utf-8"))
        return report, report["trained"]
    mbc = Path(sys.executable).with_name("mbc")
    done = subprocess.run([mbc, "score", directory, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    report = json.loads(done.stdout)
    if "octaves" not in report:
        raise SystemExit(f"{directory.name} could not be judged: {report.get('sentence')}")
    report["trained"] = trained(directory)
    if report["bytes"] > KEPT:
        last.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    portrait(directory, report["skill"], HERE / "pictures" / f"{directory.name}.png")
    return report, report["trained"]


def row(directory: Path) -> tuple[float, str]:
    """Its octaves, and its row of the table."""
    report, training = measured(directory)
    low, high = report["interval"]
    return report["octaves"], (
        f"| [{directory.name}]({directory.name}) | {report['octaves']:.2f} | {low:.2f} - {high:.2f} "
        f"| {report['depth']:.1f} | {report['precision_db']:.1f} | {report['universality']['score']:.2f} "
        f"| {report['verdict']} | {report['parameters']:,} | {report['bytes']:,} | {report['weight_class']} "
        f"| {training} |"
    )


def main() -> None:
    """Measure all, print the table, and write it where that is asked for."""
    rows = []
    for model in sorted(HERE.glob("*/model.py")):
        print(f"judging {model.parent.name}", file=sys.stderr)
        rows.append(row(model.parent))
    table = "\n".join([HEAD, *(text for _, text in sorted(rows, reverse=True))]) + "\n"
    print(table)
    if "--write" in sys.argv[1:]:
        readme = HERE / "README.md"
        before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        readme.write_text(before + BEGIN + "\n" + table + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
