"""Stations that share a folder, as several communes do: founding, inviting, letting in, and waiting until all have the same."""

import contextlib
import hashlib
import os
import time
from pathlib import Path

PATIENCE_SECONDS = 60


def wait_until(true, what, patience_s=PATIENCE_SECONDS):
    """Seconds that it took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > patience_s:
            raise AssertionError(f"after {patience_s} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - began


def files_below(folder):
    """What people see there: path to content. What goes away meanwhile is not there."""
    out = {}
    for above, _, names in os.walk(folder):  # which passes over a folder that is gone
        for name in names:
            path = Path(above, name)
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not name.startswith(".beffroi-"):
                    out[str(path.relative_to(folder))] = path.read_bytes()
    return out


def contents_below(folder):
    return {hashlib.sha256(content).digest() for content in files_below(folder).values()}


class Member:
    """A station and its folder in one space."""

    def __init__(self, station, folder, space):
        self.station, self.folder, self.space = station, Path(folder), space

    def run(self, command, *words, **more):
        return self.station.run("space", command, self.space, *words, **more)

    def json(self, command, *words):
        return self.station.json("space", command, self.space, *words)

    def write(self, name, content):
        """As an editor saves: whole, in one step."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(".~lock." + path.name + "#")
        fresh.write_bytes(content)
        fresh.rename(path)

    def files(self):
        return files_below(self.folder)


def member_station(scene, peer, name, organisation=None):
    station = scene.station(name)
    station.init(f"Mairie de {name}")
    station.join(peer, organisation or f"Commune {name}")
    return station


def found(station, name, folder, *words):
    answer = station.json("space", "create", name, "--folder", folder, "--kit", station.kit, *words)
    return Member(station, folder, answer["space"])


def let_in(manager, station, folder, *words, role="writer"):
    """Invites, joins and confirms with the six words that the invited side read out."""
    code = manager.json("invite", "--role", role)["code"]
    asked = station.json("space", "join", code, "--folder", folder, *words)
    requests = []

    def arrived():
        requests[:] = manager.json("requests")["requests"]
        return bool(requests)
    wait_until(arrived, "the request arrives")
    manager.json("confirm", requests[0]["id"], "--words", asked["words"])
    member = Member(station, folder, asked["space"])
    wait_until(lambda: any(space["state"] == "joined" for space in station.json("space", "list")["spaces"] if space["space"] == member.space), "it is let in")
    return member


def wait_until_same(members, wanted=None, patience_s=PATIENCE_SECONDS):
    def same():
        first = members[0].files()
        return (wanted is None or first == wanted) and all(member.files() == first for member in members[1:])
    try:
        return wait_until(same, "all have the same files", patience_s)
    except AssertionError as late:
        held = [{name: len(content) for name, content in member.files().items()} for member in members]
        raise AssertionError(f"{late}: {held}; {[member.json('status') for member in members]}") from None
