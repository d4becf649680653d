"""Namespaces of this process's own: what a test mounts or lays there is seen by its children alone, and is gone with them."""

import ctypes
import os
import subprocess
import unittest

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000


def _leave(flag, what):
    if ctypes.CDLL(None, use_errno=True).unshare(flag):
        raise unittest.SkipTest(f"needs {what} of its own, which this machine does not give: {os.strerror(ctypes.get_errno())}")


def own_network():
    """From here on a loopback interface and nothing else. Skips the test when this is not allowed."""
    _leave(CLONE_NEWNET, "a network")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def own_mounts():
    """From here on mounts are not seen outside. Skips the test when this is not allowed."""
    _leave(CLONE_NEWNS, "a table of mounts")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
