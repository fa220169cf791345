#!/usr/bin/env python3
"""Counts the tokens of a text with OpenAI's tiktoken. tests/bench/tokens.rs compares Webchat with it.

    scripts/count_tokens.py ENCODING TEXT

ENCODING is the file o200k_base.tiktoken, TEXT the file to count. Prints JSON: `tokens` is the number of
tokens, `seconds` the median time of five runs.
"""

import subprocess
import sys

from processes import ROOT, Failure, run_script
from virtualenv import Virtualenv

VENV = Virtualenv(
    ROOT / ".cache" / "tokenizer",
    ROOT / "scripts" / "tokenizer-requirements.txt",
    pip_options=("--only-binary=:all:", "--quiet"),
    description="tiktoken for the comparison (5 MB, only once)",
    hint="The other benchmarks do not need it.",
)

# Runs in the virtualenv. By default, tiktoken downloads the encoding; this code makes it load the local file.
COUNT_CODE = """
import json, statistics, sys, time
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext import openai_public

encoding_file, text_file = sys.argv[1:]
openai_public.load_tiktoken_bpe = lambda _url, expected_hash: load_tiktoken_bpe(encoding_file, expected_hash)
encoding = tiktoken.Encoding(**openai_public.o200k_base())
with open(text_file, encoding="utf-8", newline="") as file:
    text = file.read()
seconds = []
for _ in range(5):
    started = time.perf_counter()
    tokens = len(encoding.encode_ordinary(text))
    seconds.append(time.perf_counter() - started)
print(json.dumps({"tokens": tokens, "seconds": statistics.median(seconds)}))
"""


def main(arguments):
    if len(arguments) != 2:
        raise Failure("usage: count_tokens.py ENCODING TEXT")
    VENV.install()
    return subprocess.run([VENV.python, "-c", COUNT_CODE, *arguments]).returncode


if __name__ == "__main__":
    sys.exit(run_script(main))
