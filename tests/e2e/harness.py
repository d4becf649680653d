"""Starts real stations and peers as processes on loopback, and runs the real command line against them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = Path(os.environ.get("BEFFROI_PROGRAMS", Path(__file__).resolve().parents[2] / "build" / "release"))
BEFFROI = PROGRAMS / "client" / "beffroi"
BEFFROID = PROGRAMS / "daemon" / "beffroid"
START_SECONDS = 60


class CommandFailed(Exception):
    def __init__(self, arguments, result):
        super().__init__(f"{' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stdout}\n{result.stderr}")
        self.result = result


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """One beffroid process; `folder` keeps its data, log and socket across restarts."""

    role = ""

    def __init__(self, folder, settings="", environment=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.socket = self.folder / "socket"
        self.log = self.folder / "log"
        self.config = self.folder / "config.toml"
        self.settings = settings
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})}
        self.process = None

    def arguments(self):
        return [str(BEFFROID), self.role, "--config", str(self.config), "--data", str(self.data), "--socket", str(self.socket)]

    def start(self, wrapper=()):
        self.config.write_text(self.settings)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*wrapper, *self.arguments()], stdout=log, stderr=log, env=self.environment)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.role} ended at once: {self.log.read_text(errors='replace')[-3000:]}")
            if self.socket.exists() and self._answers():
                return self
            time.sleep(0.02)
        raise RuntimeError(f"{self.role} did not start: {self.log.read_text(errors='replace')[-3000:]}")

    def _answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
                return True
            except OSError:
                return False

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.process = None
        return status

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def peak_resident_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))

    def run(self, *words, check=True, exit_codes=(0,), stdin=None, text=True, environment=None):
        arguments = [str(BEFFROI), "--socket", str(self.socket), *map(os.fsdecode, words)]
        result = subprocess.run(arguments, capture_output=True, text=text, input=stdin,
                                env={**self.environment, **(environment or {})}, errors="surrogateescape" if text else None)
        if check and result.returncode not in exit_codes:
            raise CommandFailed(arguments, result)
        return result

    def json(self, *words, exit_codes=(0,)):
        result = self.run("--json", *words, exit_codes=exit_codes)
        return json.loads(result.stdout)


class Peer(Daemon):
    role = "peer"

    def __init__(self, folder, port=None, host="127.0.0.1", **more):
        super().__init__(folder, **more)
        self.port = port or free_port()
        self.address = f"{host}:{self.port}"

    def arguments(self):
        return [*super().arguments(), "--listen", self.address]

    def invite(self, name="Mairie", *words):
        return self.json("peer", "invite", "--name", name, "--address", self.address, *words)["code"]


class Station(Daemon):
    role = "station"

    def __init__(self, folder, settings="[schedule]\nenabled = false\n", **more):
        super().__init__(folder, settings=settings, **more)
        self.kit = self.folder / "kit.txt"

    def init(self, name="Mairie de Saint-Exemple"):
        return self.json("init", "--name", name, "--kit", str(self.kit), "--no-confirm")

    def join(self, peer, name="Mairie"):
        return self.json("join", peer.invite(name))

    def paper(self, to):
        """What a person has after copying the peer's details onto the sheet."""
        details = Path(str(self.kit) + ".peer")
        Path(to).write_text(self.kit.read_text() + (details.read_text() if details.exists() else ""))
        os.chmod(to, 0o600)
        return to

    def backup(self, *words, exit_codes=(0,)):
        return self.json("backup", *words, exit_codes=exit_codes)


class Scene:
    """A temporary folder with a peer and stations in it; everything is ended and removed at exit."""

    def __init__(self, folder=None):
        self.folder = Path(folder or tempfile.mkdtemp(prefix="beffroi-e2e-"))
        self.daemons = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in self.daemons:
            daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def peer(self, name="peer", **more):
        return self._add(Peer(self.folder / name, **more))

    def station(self, name="station", **more):
        return self._add(Station(self.folder / name, **more))

    def _add(self, daemon):
        self.daemons.append(daemon)
        return daemon.start()
