"""Tests of the pure functions of check_advisories.py."""

import unittest

import check_advisories


class Report(unittest.TestCase):
    def test_only_severe_advisories_count(self):
        severities = {"a": "critical", "b": "high", "c": "moderate", "d": "low"}
        vulnerabilities = {package: {"severity": severity} for package, severity in severities.items()}
        report = {"auditReportVersion": 2, "vulnerabilities": vulnerabilities}
        self.assertEqual(check_advisories.severe_packages(report), ["a", "b"])
        self.assertEqual(check_advisories.severe_packages(report | {"vulnerabilities": {}}), [])

    def test_an_error_of_the_registry_is_not_a_report(self):
        self.assertIsNone(check_advisories.severe_packages({"message": "405 Method Not Allowed"}))
        self.assertIsNone(check_advisories.severe_packages({}))
