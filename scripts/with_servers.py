#!/usr/bin/env python3
"""Runs a command with MongoDB and Redis servers for the tests.

    scripts/with_servers.py -- COMMAND...

The servers listen on loopback, keep their data in temporary directories and are stopped when the command ends.
TEST_MONGODB_URI and TEST_REDIS_URL contain their addresses. If one of these variables is set already, that
server is not started. TEST_MONGOD contains the path of mongod, for tests that start their own server.

The exit status is that of the command.
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

from processes import ROOT, Failure, describe, end_with_parent, exit_on_signals, run, run_script, split
from virtualenv import Virtualenv

VENV = Virtualenv(
    ROOT / ".cache" / "servers",
    ROOT / "scripts" / "servers-requirements.txt",
    pip_options=("--only-binary=:all:",),
    description="MongoDB for the tests (45 MB, only once)",
    hint="To use your own mongod, set TEST_MONGODB_URI to its address and TEST_MONGOD to its path.",
)

START_TIMEOUT_S = 60
CLOSE_IDLE_FILES = "file_manager=(close_idle_time=10,close_handle_minimum=500,close_scan_interval=5)"
REPLICA_SET = "tests"

# Runs in the virtualenv, which contains the driver. The shell of MongoDB is not installed.
INITIATE_CODE = """
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
    exit_on_signals()
    if not (os.environ.get("TEST_MONGODB_URI") and os.environ.get("TEST_MONGOD")):
        VENV.install()
    variables = {"TEST_MONGOD": os.environ.get("TEST_MONGOD") or str(mongod_path())}
    with ExitStack() as servers:
        if not os.environ.get("TEST_MONGODB_URI"):
            variables["TEST_MONGODB_URI"] = servers.enter_context(mongod(variables["TEST_MONGOD"]))
        if not os.environ.get("TEST_REDIS_URL"):
            variables["TEST_REDIS_URL"] = servers.enter_context(redis())
        return run(command, {**os.environ, **variables})


def mongod_path():
    """Returns the path of mongod in the wheel, and makes the file executable."""
    program = next(VENV.path.glob("lib/python*/site-packages/fiftyone/db/bin/mongod"), None)
    if program is None:
        raise Failure("the package of MongoDB contains no mongod")
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
            # A replica set of one member, because transactions need a replica set.
            *("--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", "0.5", "--quiet"),
            # The tests use hundreds of databases, with more files than a process may have open at once.
            *("--wiredTigerEngineConfigString", CLOSE_IDLE_FILES),
            *("--setParameter", "wiredTigerSessionCloseIdleTimeSecs=5"),
        )
        subprocess.run([VENV.python, "-c", INITIATE_CODE, address, REPLICA_SET], check=True)
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
    """Yields a function that starts the server `name` in a temporary directory and waits for its port."""
    processes = []
    with tempfile.TemporaryDirectory(prefix=f"webchat-{name}-") as directory:
        log = Path(directory) / "log"

        def start(port, *command):
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    command,
                    cwd=directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                )
            processes.append(process)
            wait_until_ready(name, process, port, log)

        try:
            yield start
        finally:
            for process in processes:
                process.kill()  # its data is deleted with the directory anyway
                process.wait()


def wait_until_ready(name, process, port, log):
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log_end = log.read_text(errors="replace")[-2000:]
            raise Failure(f"{name} ended while starting ({describe(process.returncode)}): {log_end}")
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Failure(f"{name} was not ready after {START_TIMEOUT_S} s")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    sys.exit(run_script(main))
