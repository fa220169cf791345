#!/usr/bin/env python3
"""Prints the section of a version in the changelog.

    scripts/release_notes.py VERSION
"""

import sys

from processes import ROOT, Failure, run_script


def main(arguments):
    if len(arguments) != 1:
        raise Failure("usage: release_notes.py VERSION")
    print(section((ROOT / "CHANGELOG.md").read_text(), arguments[0]))
    return 0


def section(changelog, version):
    """Returns the section of the version, without its heading."""
    lines = changelog.splitlines()
    headings = [number for number, line in enumerate(lines) if line.startswith("## ")]
    starts = [number for number in headings if lines[number].split()[1].strip("[]") == version]
    if not starts:
        raise Failure(f"CHANGELOG.md has no section {version}")
    end = next((number for number in headings if number > starts[0]), len(lines))
    return "\n".join(lines[starts[0] + 1 : end]).strip()


if __name__ == "__main__":
    sys.exit(run_script(main))
