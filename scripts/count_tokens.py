#!/usr/bin/env python3
"""Counts the tokens of a text with OpenAI's tiktoken, to compare: see tests/bench/tokens.rs.

    scripts/count_tokens.py RANKS TEXT

RANKS is the encoding's file, o200k_base.tiktoken. The answer is JSON: `tokens`, and the `seconds` that
counting them took, the median of five.
"""

import subprocess
import sys

from processes import ROOT, Failure, main_of
from virtualenv import Virtualenv

VENV = Virtualenv(
    ROOT / ".cache" / "tokenizer",
    ROOT / "scripts" / "tokenizer-requirements.txt",
    pip_options=("--only-binary=:all:", "--quiet"),
    what="tiktoken, to compare with, once (5 MB)",
    instead="The other measurements need it not.",
)

# Run in the virtualenv. The package downloads the ranks and has all the rest, so it gets the file here.
COUNT = """
import json, statistics, sys, time
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext import openai_public

ranks, text = sys.argv[1:]
openai_public.load_tiktoken_bpe = lambda _url, expected_hash: load_tiktoken_bpe(ranks, expected_hash)
encoding = tiktoken.Encoding(**openai_public.o200k_base())
with open(text, encoding="utf-8", newline="") as file:
    text = file.read()
seconds = []
for _ in range(5):
    began = time.perf_counter()
    tokens = len(encoding.encode_ordinary(text))
    seconds.append(time.perf_counter() - began)
print(json.dumps({"tokens": tokens, "seconds": statistics.median(seconds)}))
"""


def main(arguments):
    if len(arguments) != 2:
        raise Failure("usage: count_tokens.py RANKS TEXT")
    VENV.install()
    return subprocess.run([VENV.python, "-c", COUNT, *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main_of(main))
