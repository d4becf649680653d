"""A huge file, half of it zeros, goes through backup, push, recovery and restore with bounded memory in both daemons.

The full size is 20 GiB (BEFFROI_HUGE_GIB=20); the ordinary run takes 1 GiB."""

import hashlib
import os
import random
import shutil
import unittest

from harness import Scene

GIB = float(os.environ.get("BEFFROI_HUGE_GIB", "1"))
LIMIT_KIB = 400 * 1024
PIECE_BYTES = 1 << 20


def digest(path):
    hasher = hashlib.blake2b()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(PIECE_BYTES):
            hasher.update(block)
    return hasher.hexdigest()


class Memory(unittest.TestCase):
    def test_a_huge_file_in_bounded_memory(self):
        with Scene(os.environ.get("BEFFROI_HUGE_FOLDER")) as scene:
            peer, station = scene.peer(), scene.station()
            station.init()
            station.join(peer)
            source = scene.folder / "source"
            source.mkdir()
            draw = random.Random(20)
            pieces = int(GIB * 1024)
            with open(source / "huge.img", "wb") as file:
                for number in range(pieces):
                    file.write(draw.randbytes(PIECE_BYTES) if number % 2 else bytes(PIECE_BYTES))
            expected = digest(source / "huge.img")
            station.run("source", "add", source)
            result = station.backup()
            self.assertIsNotNone(result["receipt"], result)
            peaks = {"station backup": station.peak_resident_kib(), "peer ingest": peer.peak_resident_kib()}
            os.remove(source / "huge.img")
            paper = station.paper(scene.folder / "paper")
            station.stop()
            shutil.rmtree(station.folder)
            fresh = scene.station("fresh")
            fresh.run("recover", "--kit", paper)
            fresh.run("restore", f"latest:{source}/huge.img", "--target", scene.folder / "out", "--from", "peer")
            self.assertEqual(expected, digest(scene.folder / "out" / "huge.img"))
            peaks |= {"station restore": fresh.peak_resident_kib(), "peer serving": peer.peak_resident_kib()}
            print({name: f"{kib // 1024} MiB" for name, kib in peaks.items()})
            for name, kib in peaks.items():
                self.assertLess(kib, LIMIT_KIB, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
