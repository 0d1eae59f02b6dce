"""A client under test: one folder with its driver, installed once into the cache."""

import hashlib
import json
import os
import shutil
import subprocess

from broker import CACHE

SECONDS_PER_INSTALL = 900


class Client:
    """One folder under clients/: `client.json` says what it needs, how to install it and how to run its driver."""

    def __init__(self, folder):
        self.folder = folder
        self.name = folder.name
        about = json.loads((folder / "client.json").read_text())
        self.needs, self.install_command, self.run_command = about["needs"], about["install"], about["run"]
        self.scenarios = about["scenarios"]
        self.sources = [folder, *(folder / more for more in about.get("with", []))]
        self.cache = CACHE / self.name
        self.environment = os.environ | {"CACHE": str(self.cache), "SHARED": str(CACHE / "shared")}

    def missing(self):
        """Programs that are not on the path, and files that are not there."""
        return [tool for tool in self.needs if not (os.path.exists(tool) if tool.startswith("/") else shutil.which(tool))]

    def install(self):
        """Installs once for every state of the sources; raises with the installer's output when it fails."""
        files = sorted(f for source in self.sources for f in source.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
        state = hashlib.sha256(b"".join(f.name.encode() + f.read_bytes() for f in files)).hexdigest()
        stamp = self.cache / "installed"
        if stamp.exists() and stamp.read_text() == state:
            return
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir(parents=True)
        done = subprocess.run(["bash", "-c", self.install_command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS_PER_INSTALL)
        if done.returncode:
            raise RuntimeError(f"the installation of {self.name} failed:\n{done.stdout[-3000:]}")
        stamp.write_text(state)
