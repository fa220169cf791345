"""Tests of the pure functions of soak.py."""

import unittest

import soak


class Table(unittest.TestCase):
    def test_columns_are_aligned_and_a_failed_test_is_marked(self):
        results = [
            {"subject": "kills", "iterations": 1000, "outcome": "none lost", "seconds": 1234.5},
            {"subject": "client disconnects", "iterations": None, "outcome": None, "seconds": 0.4},
        ]
        self.assertEqual(
            soak.table(results),
            [
                "Test                 Runs  Result     Duration",
                "kills               1 000  none lost   1 234 s",
                "client disconnects         FAILED          0 s",
            ],
        )


if __name__ == "__main__":
    unittest.main()
