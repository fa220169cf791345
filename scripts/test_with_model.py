"""Tests of the pure functions of with_model.py."""

import unittest

import with_model


class EnvFile(unittest.TestCase):
    def test_simple_lines_are_parsed(self):
        text = "# a comment\n\nPORT=8080\nexport MODEL = gpt-5 # ours\nA='x # y'\nB=\"z\" # why\n#OFF=1\nEMPTY=\n"
        self.assertEqual(
            with_model.parse_env(text),
            {"PORT": "8080", "MODEL": "gpt-5", "A": "x # y", "B": "z", "EMPTY": ""},
        )

    def test_a_value_may_contain_equals_signs_and_hashes(self):
        text = "AZURE_API_URL=https://example.com/chat?api-version=1#a"
        self.assertEqual(
            with_model.parse_env(text), {"AZURE_API_URL": "https://example.com/chat?api-version=1#a"}
        )


class Environment(unittest.TestCase):
    def test_variables_set_by_the_user_are_not_overwritten(self):
        variables = with_model.server_variables("http://model", {"MODEL": "mine", "MAX_TOKENS": ""})
        self.assertEqual(variables, {"AZURE_API_URL": "http://model", "MAX_TOKENS": str(with_model.MAX_TOKENS)})

    def test_loopback_is_added_to_no_proxy(self):
        self.assertEqual(with_model.no_proxy({"NO_PROXY": "a.example"})["no_proxy"], "a.example,127.0.0.1")
        self.assertEqual(with_model.no_proxy({})["NO_PROXY"], "127.0.0.1")


class Arguments(unittest.TestCase):
    def test_the_command_may_contain_a_separator(self):
        self.assertEqual(with_model.parse(["--for-tests", "--", "a", "--", "b"]), (True, ["a", "--", "b"]))

    def test_invalid_arguments_are_rejected(self):
        for arguments in ([], ["--"], ["a"], ["--wrong", "--", "a"]):
            with self.subTest(arguments), self.assertRaises(with_model.Failure):
                with_model.parse(arguments)


if __name__ == "__main__":
    unittest.main()
