"""A virtualenv with the packages that a script needs. Standard library only."""

import fcntl
import subprocess
import sys
from contextlib import suppress

from processes import Failure, end_with_parent, log


class Virtualenv:
    """A virtualenv in `directory`/venv. It is created on first use, and again when its requirements change.

    `description` is the name of the packages in messages. `hint` is added to the message of a failed installation.
    """

    def __init__(self, directory, requirements, pip_options, description, hint):
        self.directory = directory
        self.requirements = requirements
        self.pip_options = pip_options
        self.description = description
        self.hint = hint
        self.path = directory / "venv"
        self.python = self.path / "bin" / "python"

    def install(self):
        """Installs the packages, unless the same ones are installed already.

        The file `installed` is deleted first and written last, so that an interrupted installation is repeated.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        stamp = self.path / "installed"
        expected = f"{sys.version}\n{self.requirements.read_text(encoding='utf-8')}"
        with open(self.directory / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if stamp.read_text(encoding="utf-8") == expected:
                    return
            stamp.unlink(missing_ok=True)
            log(f"installing {self.description}")
            self.run_step(sys.executable, "-m", "venv", "--clear", self.path)
            pip = (self.python, "-m", "pip", "--disable-pip-version-check", "install", "--no-input")
            self.run_step(*pip, *self.pip_options, "-r", self.requirements)
            stamp.write_text(expected, encoding="utf-8")

    def run_step(self, *command):
        if subprocess.run(command, preexec_fn=end_with_parent).returncode != 0:
            raise Failure(
                f"failed to install {self.description}; see the error above.\n"
                "  If the Python package index is unreachable, try again later, or set PIP_INDEX_URL to a\n"
                f"  mirror. {self.hint}"
            )
