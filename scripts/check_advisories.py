#!/usr/bin/env python3
"""Checks the dependencies for known vulnerabilities.

Exits with 1 if there are any. If a database of advisories can't be reached, this is reported and its check is skipped:
the other checks must work without a network. cargo-deny (https://embarkstudios.github.io/cargo-deny) is optional.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMEOUT_S = 120


def run(command: list[str], directory: pathlib.Path) -> subprocess.CompletedProcess[str] | None:
    """Returns the completed command, or None if it is not installed or takes too long."""
    try:
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None


def check_crates() -> bool:
    """Checks Cargo.lock against the RustSec database. Returns True if no crate has an advisory."""
    fetched = run(["cargo", "deny", "fetch", "db"], ROOT)
    if fetched is None or fetched.returncode != 0:
        print("crates: cargo-deny is not installed or can't reach its database: skipping the check")
        return True
    checked = subprocess.run(["cargo", "deny", "--locked", "check", "--disable-fetch", "advisories"], cwd=ROOT)
    return checked.returncode == 0


def severe_packages(report: dict) -> list[str] | None:
    """Returns the packages with severe advisories in a report of `npm audit`, or None if it is not a report."""
    if "auditReportVersion" not in report:
        return None
    entries = report["vulnerabilities"].items()
    return [package for package, entry in entries if entry["severity"] in ("high", "critical")]


def check_packages(directory: pathlib.Path) -> bool:
    """Checks a package-lock.json against the registry's advisories. Returns True if none is severe."""
    name = directory.relative_to(ROOT)
    audited = run(["npm", "audit", "--json"], directory)
    severe = severe_packages(json.loads(audited.stdout or "{}")) if audited else None
    if severe is None:
        print(f"{name}: the registry has no advisories or can't be reached: skipping the check")
    elif severe:
        print(f"{name}: packages with severe advisories: {', '.join(severe)}. `npm audit` describes them.")
    return not severe


def main() -> int:
    lock_files = [*ROOT.glob("*/package-lock.json"), *ROOT.glob("tests/*/package-lock.json")]
    results = [check_crates(), *(check_packages(path.parent) for path in sorted(lock_files))]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
