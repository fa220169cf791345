#!/usr/bin/env python3
"""Runs a command that is a long test, and prints what its figures say.

    scripts/soak.py FILE -- COMMAND...

The command is told of the file as SOAK, and adds to it what it did, a line of JSON each: "what", "times",
"outcome" and "seconds". Where it failed before it came to its end, "times" and "outcome" are null. The
table of it is printed at the end, also when the command fails.

Its exit status is the command's.
"""

import json
import os
import sys
from pathlib import Path

from processes import Failure, main_of, run, split, take_signals

HEADINGS = ("What was done", "Times", "What came of it", "Time")


def main(arguments):
    files, dashes, command = split(arguments, "--")
    if len(files) != 1 or not (dashes and command):
        raise Failure("usage: soak.py FILE -- COMMAND...")
    take_signals()
    file = Path(files[0]).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    status = run(command, {**os.environ, "SOAK": str(file)})
    figures = [json.loads(line) for line in file.read_text().splitlines()]
    print("\n" + "\n".join(table(figures)), flush=True)
    if status:
        print(f"\nThe command failed, with exit status {status}: why stands above.", flush=True)
    return status


def table(figures):
    """The lines of a table, each column as wide as it must be."""
    rows = [HEADINGS, *map(row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [line(cells, widths) for cells in rows]


def row(figure):
    times = "" if figure["times"] is None else spaced(figure["times"])
    return (figure["what"], times, figure["outcome"] or "FAILED", f"{spaced(round(figure['seconds']))} s")


def line(cells, widths):
    what, times, outcome, time = cells
    return f"{what:<{widths[0]}}  {times:>{widths[1]}}  {outcome:<{widths[2]}}  {time:>{widths[3]}}"


def spaced(number):
    return f"{number:,}".replace(",", " ")


if __name__ == "__main__":
    sys.exit(main_of(main))
