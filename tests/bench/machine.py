"""What the figures depend on: processor, memory, disk, system, load, and the version of the sources."""

import os
import platform
import subprocess
import time
from pathlib import Path

LOAD_LIMIT = 0.5


def facts(folder, sources):
    """Written beside the figures."""
    return {"date": time.strftime("%Y-%m-%d"), "cpu": first_value("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
            "memory_mib": int(first_value("/proc/meminfo", "MemTotal").split()[0]) // 1024, "kernel": platform.release(),
            "file_system": file_system(folder), "load_before": round(os.getloadavg()[0], 2), "commit": commit(sources),
            "python": platform.python_version()}


def first_value(path, key):
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown"


def file_system(folder):
    """The type of the file system of a folder that may not exist yet."""
    folder = Path(folder).resolve()
    while not folder.exists():
        folder = folder.parent
    done = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def commit(sources):
    done = subprocess.run(["git", "-C", sources, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def folder_size(folder):
    """(number of regular files, their bytes)"""
    sizes = [os.lstat(os.path.join(above, name)).st_size for above, _, names in os.walk(folder) for name in names]
    return len(sizes), sum(sizes)
