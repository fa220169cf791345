#!/usr/bin/env python3
"""Runs a long test and prints a table of its results.

    scripts/soak.py FILE -- COMMAND...

The variable SOAK contains the path of the file. The command appends a line of JSON to it for each test, with
"subject", "iterations", "outcome" and "seconds"; "iterations" and "outcome" are null if the test failed. The table is
printed when the command has ended, even if it failed.

The exit status is that of the command.
"""

import json
import os
import sys
from pathlib import Path

from processes import Failure, exit_on_signals, run, run_script, split

COLUMN_HEADINGS = ("Test", "Runs", "Result", "Duration")


def main(arguments):
    files, dashes, command = split(arguments, "--")
    if len(files) != 1 or not (dashes and command):
        raise Failure("usage: soak.py FILE -- COMMAND...")
    exit_on_signals()
    file = Path(files[0]).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    status = run(command, {**os.environ, "SOAK": str(file)})
    results = [json.loads(line) for line in file.read_text().splitlines()]
    print("\n" + "\n".join(table(results)), flush=True)
    if status:
        print(f"\nThe command failed, with exit status {status}. See its output above.", flush=True)
    return status


def table(results):
    """Returns the lines of the table, with aligned columns."""
    rows = [COLUMN_HEADINGS, *map(row, results)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [line(cells, widths) for cells in rows]


def row(result):
    runs = "" if result["iterations"] is None else format_number(result["iterations"])
    duration = f"{format_number(round(result['seconds']))} s"
    return (result["subject"], runs, result["outcome"] or "FAILED", duration)


def line(cells, widths):
    test, runs, result, duration = cells
    return f"{test:<{widths[0]}}  {runs:>{widths[1]}}  {result:<{widths[2]}}  {duration:>{widths[3]}}"


def format_number(number):
    """Formats a number with spaces between groups of three digits."""
    return f"{number:,}".replace(",", " ")


if __name__ == "__main__":
    sys.exit(run_script(main))
