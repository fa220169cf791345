"""Functions that several scripts use, mainly to run a command. Standard library only."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# At shutdown, Webchat waits up to 30 s for running answers, 8 s to save unfinished ones and 5 s for connections.
SHUTDOWN_TIMEOUT_S = 45
TERMINATION_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A signal that was already ignored when the script started, for example by nohup, stays ignored.
SIGNALS = [signum for signum in TERMINATION_SIGNALS if signal.getsignal(signum) != signal.SIG_IGN]


class Failure(Exception):
    """An error whose message is shown to the user instead of a traceback."""


def run_script(main):
    """Calls `main` with the command line arguments and returns the exit status of the script."""
    try:
        return main(sys.argv[1:])
    except Failure as failure:
        log(failure)
    except OSError as error:
        log(f"{error.filename}: {error.strerror}")
    return 1


def exit_on_signals():
    """Makes signals raise SystemExit, so that context managers stop the servers."""
    for signum in SIGNALS:
        signal.signal(signum, lambda signum, _frame: sys.exit(128 + signum))


def execute(command):
    """Replaces this process with the command."""
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise Failure(f"{command[0]}: {error.strerror}") from None


def split(words, separator):
    """Returns the words before the first separator, the separator if there is one, and the words after it."""
    index = words.index(separator) if separator in words else len(words)
    return words[:index], words[index : index + 1], words[index + 1 :]


def run(command, env, on_tick=lambda: None):
    """Runs the command and returns its exit status.

    The first signal to this process is forwarded to the command, which then has SHUTDOWN_TIMEOUT_S seconds to
    end. A second signal kills it. Until the first signal, this function calls `on_tick` ten times a second.
    """
    process = subprocess.Popen(command, env=env, start_new_session=True, preexec_fn=end_with_parent)
    signalled_at = None
    kill_now = False

    def stop(signum, _frame):
        nonlocal signalled_at, kill_now
        if signalled_at is None:
            signalled_at = time.monotonic()
            forward_signal(signum, process)
        else:
            # One Ctrl-C may arrive twice, from make and from the terminal.
            kill_now = time.monotonic() - signalled_at > 1

    for signum in SIGNALS:
        signal.signal(signum, stop)
    has_terminal = os.isatty(0)
    while process.poll() is None:
        time.sleep(0.1)
        if signalled_at is None and has_terminal and not os.isatty(0):
            # The terminal was closed. If make is the session leader, only make receives SIGHUP.
            stop(signal.SIGHUP, None)
        elif signalled_at is None:
            on_tick()
        elif kill_now or time.monotonic() - signalled_at > SHUTDOWN_TIMEOUT_S:
            signal_group(process, signal.SIGKILL)
    signal_group(process, signal.SIGKILL)  # kill processes that the command has left running
    status = process.returncode
    return status if status >= 0 else 128 - status


def forward_signal(signum, process):
    # A terminal sends Ctrl-C to its whole foreground group, but the command runs in another session.
    if signum == signal.SIGINT:
        signal_group(process, signal.SIGINT)
    else:
        process.terminate()


def signal_group(process, signum):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signum)


def end_with_parent():
    """Makes a child process receive SIGTERM if this script is killed. Runs in the child before its command."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def describe(status):
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def log(message):
    with suppress(OSError):  # the terminal may be gone
        print(f"{Path(sys.argv[0]).stem}: {message}", file=sys.stderr, flush=True)
