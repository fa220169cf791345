"""Tests of the release notes."""

import unittest

from processes import Failure
from release_notes import section

CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.1.0 (2026-12-01)\n\n### Added\n\n- Tides.\n\n## [1.0.0]\n\n- Sea.\n"


class ReleaseNotes(unittest.TestCase):
    def test_only_the_section_of_the_version_is_printed(self):
        self.assertEqual(section(CHANGELOG, "1.1.0"), "### Added\n\n- Tides.")
        self.assertEqual(section(CHANGELOG, "1.0.0"), "- Sea.")

    def test_a_version_without_a_section_is_an_error(self):
        self.assertRaises(Failure, section, CHANGELOG, "2.0.0")


if __name__ == "__main__":
    unittest.main()
