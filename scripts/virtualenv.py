"""A virtualenv for what a script brings from the Python package index. Standard library only."""

import fcntl
import subprocess
import sys
from contextlib import suppress

from processes import Failure, end_with_parent, say


class Virtualenv:
    """Packages in a virtualenv `venv` in a folder, installed once."""

    def __init__(self, folder, requirements, pip_options, what, instead):
        self.folder = folder
        self.requirements = requirements
        self.pip_options = pip_options
        self.what = what
        self.instead = instead
        self.path = folder / "venv"
        self.python = self.path / "bin" / "python"

    def install(self):
        """Brings the packages, unless they are there.

        The stamp is written last and goes first, so what was interrupted is done again.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        stamp = self.path / "installed"
        wanted = f"{sys.version}\n{self.requirements.read_text(encoding='utf-8')}"
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if stamp.read_text(encoding="utf-8") == wanted:
                    return
            stamp.unlink(missing_ok=True)
            say(f"fetching {self.what}")
            self.step(sys.executable, "-m", "venv", "--clear", self.path)
            pip = (self.python, "-m", "pip", "--disable-pip-version-check", "install", "--no-input")
            self.step(*pip, *self.pip_options, "-r", self.requirements)
            stamp.write_text(wanted, encoding="utf-8")

    def step(self, *command):
        if subprocess.run(command, preexec_fn=end_with_parent).returncode != 0:
            raise Failure(
                f"could not install {self.what}; what went wrong stands above.\n"
                "  If the Python package index was out of reach, run this again when it is back, or set\n"
                f"  PIP_INDEX_URL to a mirror. {self.instead}"
            )
