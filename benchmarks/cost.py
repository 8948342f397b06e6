# ruff: noqa: ANN001, ANN201, E501 - a script that prints
"""What a board costs in processors, from seconds by stage: `python benchmarks/cost.py --people 10000 --entries 5`.

The defaults of seconds are those of docs/scale.md; put in what `benchmarks/evaluation.py` prints on your machine.
"""

import argparse

DAY = 86_400
# Processor seconds of one evaluation, by stage.
SECONDS = {"octaves": 1.9, "certificate": 33.7, "integrity": 5.6, "pictures": 3.4, "samples": 352.0}
MIB_AN_ENTRY = 1.6


def seconds_a_day(entries, beating, fresh, samples, seconds=SECONDS):
    """Processor seconds a day by stage.

    Args:
        entries: handed in a day.
        beating: share that gets a verdict: all, or with CERTIFY=best those that beat their author's best.
        fresh: share of those whose code was not seen before.
        samples: share that is judged on the samples track as well.
        seconds: of one evaluation, by stage.
    """
    share = {
        "octaves": 1.0,
        "certificate": beating * fresh,
        "integrity": beating,
        "pictures": beating,
        "samples": samples,
    }
    return {stage: entries * share[stage] * seconds[stage] for stage in seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--entries", type=float, default=5.0, help="of each person a day")
    parser.add_argument("--fresh", type=float, default=0.2, help="share of verdicts whose code is new")
    parser.add_argument("--peak", type=float, default=2.0, help="the busiest hour beside the mean one")
    parser.add_argument("--machine-cores", type=int, default=16)
    parser.add_argument("--machine-price", type=float, default=60.0, help="a month, of your provider's list")
    options = parser.parse_args()
    entries = options.people * options.entries
    print(f"{entries:,.0f} entries a day; {entries * MIB_AN_ENTRY / 1024:,.0f} GiB a day before pruning")
    print(
        f"{'':44}{'octaves':>9}{'certificate':>12}{'integrity':>10}{'pictures':>9}{'samples':>9}{'cores':>7}{'at peak':>9}{'machines':>9}{'a month':>9}"
    )
    for name, beating, samples in (
        ("all verdicts, every entry on both tracks", 1.0, 1.0),
        ("all verdicts, samples on request (5 %)", 1.0, 0.05),
        ("CERTIFY=best (30 %), samples on request (5 %)", 0.3, 0.05),
        ("CERTIFY=best (30 %), samples on request (1 %)", 0.3, 0.01),
    ):
        found = {
            stage: s / DAY for stage, s in seconds_a_day(entries, beating, options.fresh, samples).items()
        }
        cores = sum(found.values())
        machines = -(-cores * options.peak // options.machine_cores)
        print(
            f"{name:46}"
            + "".join(
                f"{found[stage]:>{width}.1f}" for stage, width in zip(found, (7, 12, 10, 9, 9), strict=True)
            )
            + f"{cores:>7.1f}{cores * options.peak:>9.1f}{machines:>9.0f}{machines * options.machine_price:>9,.0f}"
        )


if __name__ == "__main__":
    main()
