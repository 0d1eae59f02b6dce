"""A broker process under test: start, stop, kill and restart it on the same port and data."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = pathlib.Path(os.environ.get("INTEROP_CACHE", ROOT / "target" / "interop"))
NARU = ROOT / "target" / "release" / "naru"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """`binary` is called as `BINARY serve --data-dir DIR --listen 127.0.0.1:PORT ARGUMENTS...`."""

    def __init__(self, binary, port=None, arguments=()):
        self.binary = str(binary)
        self.port = port or free_port()
        self.arguments = list(arguments)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="interop-broker-"))
        self.log = self.directory / "broker.log"
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self, deadline_seconds=120):
        """Starts the broker and returns the seconds until it took a connection."""
        command = [self.binary, "serve", "--data-dir", str(self.directory / "data"), "--listen", self.address, *self.arguments]
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        while not self.accepts():
            if self.process.poll() is not None:
                raise RuntimeError(f"the broker ended with status {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() - begin > deadline_seconds:
                self.kill()
                raise RuntimeError(f"the broker took no connection within {deadline_seconds} s:\n{self.log_tail()}")
            time.sleep(0.01)
        return time.monotonic() - begin

    def accepts(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self, deadline_seconds=60):
        """SIGTERM: the orderly stop."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the broker did not stop within {deadline_seconds} s of SIGTERM:\n{self.log_tail()}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def remove(self):
        """Ends the broker if it still runs and deletes its data."""
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, lines=20):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def cpu_seconds(self):
        """User and system time of the whole process, all threads, so far."""
        fields = re.sub(r"^.*\) ", "", pathlib.Path(f"/proc/{self.pid}/stat").read_text()).split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
