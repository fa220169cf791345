"""Tests of the pure functions of with_model.py."""

import tempfile
import unittest
from pathlib import Path

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


class ConfigFile(unittest.TestCase):
    def write(self, text):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = Path(directory.name) / "webchat.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_the_keys_are_those_of_the_example(self):
        example = (with_model.ROOT / "webchat.example.toml").read_text(encoding="utf-8").splitlines()
        for key, variable in with_model.CONFIG_KEYS.items():
            matching = [line for line in example if line.startswith(f"#{key} =") and line.endswith(f"# {variable}")]
            self.assertEqual(len(matching), 1, key)

    def test_variables_override_the_file(self):
        path = self.write("[model]\nurl = 'http://a.example'\nname = 'mine'\nmax_tokens = 5\n")
        settings = with_model.read_settings({"CONFIG_FILE": path, "MODEL": "theirs", "MAX_TOKENS": ""})
        values = [settings[name] for name in ("AZURE_API_URL", "MODEL", "MAX_TOKENS")]
        self.assertEqual(values, ["http://a.example", "theirs", ""])

    def test_the_small_model_does_not_override_the_file(self):
        settings = with_model.config_file(self.write("[model]\nname = 'mine'\n"))
        self.assertNotIn("MODEL", with_model.server_variables("http://model", settings))

    def test_a_named_file_must_exist_and_be_valid(self):
        for path in ("missing.toml", self.write("[model")):
            with self.subTest(path), self.assertRaises(with_model.Failure):
                with_model.config_file(path)


class Environment(unittest.TestCase):
    def test_variables_set_by_the_user_are_not_overwritten(self):
        variables = with_model.server_variables("http://model", {"MODEL": "mine", "MAX_TOKENS": ""})
        limits = {"MAX_TOKENS": str(with_model.MAX_TOKENS), "REPLY_TOKENS": str(with_model.REPLY_TOKENS)}
        self.assertEqual(variables, {"AZURE_API_URL": "http://model", **limits})

    def test_the_limits_of_the_small_model_are_not_mixed_with_those_of_the_user(self):
        variables = with_model.server_variables("http://model", {"MODEL": "mine", "MAX_TOKENS": "500"})
        self.assertEqual(variables, {"AZURE_API_URL": "http://model"})
        variables = with_model.server_variables("http://model", {"MODEL": "mine", "REPLY_TOKENS": "100"})
        self.assertNotIn("REPLY_TOKENS", variables)

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
