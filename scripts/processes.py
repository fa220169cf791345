"""What the scripts here share that run a command beside servers of their own. Standard library only."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

DRAIN_S = 45  # the server itself takes 30 for answers, 8 to keep the rest, 5 for connections
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What is ignored from the start, as by nohup, stays so.
SIGNALS = [signum for signum in ENDING if signal.getsignal(signum) != signal.SIG_IGN]


class Failure(Exception):
    """What the user is told instead of a traceback."""


def main_of(main):
    """The exit status of a script whose `main` gets its arguments."""
    try:
        return main(sys.argv[1:])
    except Failure as failure:
        say(failure)
    except OSError as error:
        say(f"{error.filename}: {error.strerror}")
    return 1


def take_signals():
    """From now on a signal ends this script the way an exception does: what was started is ended."""
    for signum in SIGNALS:
        signal.signal(signum, lambda signum, _frame: sys.exit(128 + signum))


def execute(command):
    """Becomes the command."""
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise Failure(f"{command[0]}: {error.strerror}") from None


def split(words, separator):
    at = words.index(separator) if separator in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def run(command, env, watch=lambda: None):
    """The exit status of the command, which gets one signal and DRAIN_S seconds when this gets one.

    While nobody has asked for the end, `watch` is called ten times a second.
    """
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
            watch()
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
        print(f"{Path(sys.argv[0]).stem}: {message}", file=sys.stderr, flush=True)
