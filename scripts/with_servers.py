#!/usr/bin/env python3
"""Runs a command with a MongoDB and a Redis for the tests.

    scripts/with_servers.py -- COMMAND...

They listen on loopback, keep what they hold in a temporary folder, and end with the command, which is
told of them as TEST_MONGODB_URI and TEST_REDIS_URL. What is set already is used as it is, and that
server is not started. TEST_MONGOD is the program itself, for tests that start one of their own.

Its exit status is the command's.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from processes import ROOT, Failure, describe, end_with_parent, main_of, run, split, take_signals
from virtualenv import Virtualenv

VENV = Virtualenv(
    ROOT / ".cache" / "servers",
    ROOT / "scripts" / "servers-requirements.txt",
    pip_options=("--only-binary=:all:",),
    what="the tests' MongoDB, once (45 MB)",
    instead="To use a mongod of your own, set TEST_MONGODB_URI to its address and TEST_MONGOD to its program.",
)

START_S = 60
REPLICA_SET = "tests"

# Run in the virtualenv, whose driver says what mongod's own shell would: it is told its one member.
INITIATE = """
import sys
from pymongo import MongoClient
address, name = sys.argv[1:]
client = MongoClient(address, directConnection=True, serverSelectionTimeoutMS=60_000)
client.admin.command("replSetInitiate", {"_id": name, "members": [{"_id": 0, "host": address}]})
MongoClient(address, replicaSet=name, serverSelectionTimeoutMS=60_000).admin.command("ping")
"""


def main(arguments):
    options, dashes, command = split(arguments, "--")
    if options or not (dashes and command):
        raise Failure("usage: with_servers.py -- COMMAND...")
    take_signals()
    if not (os.environ.get("TEST_MONGODB_URI") and os.environ.get("TEST_MONGOD")):
        VENV.install()
    told = {"TEST_MONGOD": os.environ.get("TEST_MONGOD") or str(mongod_program())}
    with ExitStack() as started:
        if not os.environ.get("TEST_MONGODB_URI"):
            told["TEST_MONGODB_URI"] = started.enter_context(mongod(told["TEST_MONGOD"]))
        if not os.environ.get("TEST_REDIS_URL"):
            told["TEST_REDIS_URL"] = started.enter_context(redis())
        return run(command, {**os.environ, **told})


def mongod_program():
    """The wheel brings it without the right to run it."""
    program = next(VENV.path.glob("lib/python*/site-packages/fiftyone/db/bin/mongod"), None)
    if program is None:
        raise Failure("the package that should hold mongod holds none")
    program.chmod(0o755)
    return program


@contextmanager
def mongod(program):
    with server("mongod") as start:
        port = free_port()
        address = f"127.0.0.1:{port}"
        start(
            port,
            *(program, "--dbpath", ".", "--port", str(port), "--bind_ip", "127.0.0.1"),
            # A member of a replica set, so that transactions and majority writes are real.
            *("--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", "0.5", "--quiet"),
        )
        subprocess.run([VENV.python, "-c", INITIATE, address, REPLICA_SET], check=True)
        yield f"mongodb://{address}/?replicaSet={REPLICA_SET}"


@contextmanager
def redis():
    program = shutil.which("redis-server")
    if program is None:
        raise Failure("redis-server is not installed; on Debian: apt-get install redis-server")
    with server("redis") as start:
        port = free_port()
        start(port, program, "--port", str(port), "--bind", "127.0.0.1", "--save", "")
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def server(name):
    """Gives what starts the server `name`, in a folder that goes with it, and waits for its port."""
    processes = []
    with tempfile.TemporaryDirectory(prefix=f"webchat-{name}-") as folder:
        log = Path(folder) / "log"

        def start(port, *command):
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                )
            processes.append(process)
            wait_for(name, process, port, log)

        try:
            yield start
        finally:
            for process in processes:
                process.kill()  # what it holds goes with the folder
                process.wait()


def wait_for(name, process, port, log):
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            last = log.read_text(errors="replace")[-2000:]
            raise Failure(f"{name} ended while starting ({describe(process.returncode)}): {last}")
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Failure(f"{name} was not ready after {START_S} s")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main_of(main))
