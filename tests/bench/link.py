"""Measures backups to the far end of a line: Beffroi until its peer's receipt, restic over SFTP, borg over SSH; and restores from there.

All go through proxies on the loopback interface that delay each byte by half the round trip and count what passes. An sshd with keys made
for this run serves restic and borg; it listens on the loopback interface only, and is ended. Run scripts/bench first: it installs and builds.
"""

import functools
import getpass
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
import run
from proxy import Proxy
from tools import BACKUPS, TOOLS, BeffroiWithPeer, Borg, BorgZstd, Restic, harness

STEPS = ("first", "unchanged", "day", "one", "all")
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
PRIVILEGE_FOLDER = Path("/run/sshd")  # where sshd, run by root, wants an empty folder
START_TIMEOUT_S = 10


class SshServer:
    """An sshd for this user alone, and an ssh configuration in which it is called `far`, beyond the line."""

    def __init__(self, rtt_s, bytes_per_s):
        self.folder = tempfile.TemporaryDirectory(prefix="beffroi-ssh-")
        path = Path(self.folder.name)
        for name in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path / name], check=True)
        port = harness.free_port()
        (path / "sshd_config").write_text(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_key\nAuthorizedKeysFile {path}/user_key.pub\n"
                                          "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
                                          "Subsystem sftp internal-sftp\n")
        self.made_privilege_folder = os.geteuid() == 0 and not PRIVILEGE_FOLDER.exists()
        if self.made_privilege_folder:
            PRIVILEGE_FOLDER.mkdir(mode=0o755)
        with open(path / "log", "wb") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", path / "sshd_config"], stdout=log, stderr=log)
        self.proxy = Proxy(port, rtt_s, bytes_per_s)
        self.config = path / "ssh_config"
        self.config.write_text(f"Host far\nHostName 127.0.0.1\nPort {self.proxy.port}\nUser {getpass.getuser()}\nIdentityFile {path}/user_key\n"
                               "IdentitiesOnly yes\nUserKnownHostsFile /dev/null\nStrictHostKeyChecking no\nLogLevel ERROR\n")
        self.wait_until_it_answers(path / "log")

    def wait_until_it_answers(self, log):
        deadline = time.monotonic() + START_TIMEOUT_S
        while subprocess.run(["ssh", "-F", self.config, "far", "true"], capture_output=True, check=False).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                said = log.read_text(errors="replace")
                self.close()
                sys.exit(f"link: sshd does not answer:\n{said}")
            time.sleep(0.1)

    def close(self):
        self.proxy.close()
        self.process.terminate()
        self.process.wait()
        if self.made_privilege_folder:
            PRIVILEGE_FOLDER.rmdir()
        self.folder.cleanup()


class Far:
    """Mixed into a tool: its steps count the bytes that pass through `self.proxy`."""

    def step(self, step, path=None, target=None):
        before = self.proxy.counts()
        found = super().step(step, path, target)
        found.sent_bytes, found.received_bytes = (now - then for now, then in zip(self.proxy.counts(), before))
        return found


class FarRestic(Far, Restic):
    def __init__(self, server, folder, source):
        super().__init__(folder, source)
        self.proxy = server.proxy
        self.base = ["restic", "-o", f"sftp.command=ssh -F {server.config} far -s sftp", "-r", f"sftp:far:{self.repository}", "--cache-dir", self.cache]


class FarBorg(Far, Borg):
    def __init__(self, server, folder, source):
        super().__init__(folder, source)
        self.proxy = server.proxy
        self.location = f"ssh://far{self.repository}"
        self.environment["BORG_RSH"] = f"ssh -F {server.config}"


class FarBorgZstd(FarBorg):
    name, compression = BorgZstd.name, BorgZstd.compression


class FarBeffroi(Far, BeffroiWithPeer):
    """A station that has joined a peer beyond the line. What is stored is what the peer stores."""

    settings = BeffroiWithPeer.settings + '[sync]\nupload_limit = "none"\n'

    def __init__(self, rtt_s, bytes_per_s, folder, source):
        super().__init__(folder, source)
        self.proxy = Proxy(self.peer.port, rtt_s, bytes_per_s)

    def address(self):
        return f"127.0.0.1:{self.proxy.port}"

    def command(self, step, path, target):
        words, folder = super().command(step, path, target)
        if step in BACKUPS:
            return [*words[:-1], "--json", words[-1]], folder
        return [*words, "--from", "peer"], folder

    def step(self, step, path=None, target=None):
        found = super().step(step, path, target)
        if step in BACKUPS and json.loads(self.output.read_text())["receipt"] is None:
            raise measure.StepFailed(f"{self.name}: no receipt after {step}: {self.output.read_text()}")
        return found

    def stored(self):
        return (*measure.folder_bytes(self.peer.data), 0)

    def close(self):
        self.proxy.close()
        super().close()


def add_arguments(parser):
    parser.add_argument("--rtt", type=float, default=30, help="round trip in ms; default: 30")
    parser.add_argument("--mbit", type=float, help="what the line carries each way, in Mbit/s; default: no limit")
    parser.set_defaults(corpus="office")


def main():
    if SSHD is None or shutil.which("ssh") is None:
        sys.exit("link: sshd and ssh are needed (Debian: openssh-server, openssh-client)")
    arguments = run.parse(__doc__, add_arguments, STEPS)
    line = (arguments.rtt / 1000, arguments.mbit and arguments.mbit * 1e6 / 8)
    server = SshServer(*line)
    makers = {FarBeffroi.name: functools.partial(FarBeffroi, *line)}
    makers |= {tool.name: functools.partial(tool, server) for tool in (FarRestic, FarBorg, FarBorgZstd)}
    assert makers.keys() == TOOLS.keys()

    def measure_one(name):
        result = run.measure_corpus(name, arguments, makers, STEPS)
        result["name"] = f"link-{name}"
        result["title"] += f", over a line of {arguments.rtt:g} ms" + (f" and {arguments.mbit:g} Mbit/s" if arguments.mbit else "")
        return result

    try:
        run.measure_all(arguments, measure_one)
    finally:
        server.close()


if __name__ == "__main__":
    main()
