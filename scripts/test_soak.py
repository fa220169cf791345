"""The pure parts of soak.py."""

import unittest

import soak


class Table(unittest.TestCase):
    def test_the_columns_are_aligned_and_what_failed_says_so(self):
        figures = [
            {"what": "kills", "times": 1000, "outcome": "none lost", "seconds": 1234.5},
            {"what": "cuts of clients", "times": None, "outcome": None, "seconds": 0.4},
        ]
        self.assertEqual(
            soak.table(figures),
            [
                "What was done    Times  What came of it     Time",
                "kills            1 000  none lost        1 234 s",
                "cuts of clients         FAILED               0 s",
            ],
        )


if __name__ == "__main__":
    unittest.main()
