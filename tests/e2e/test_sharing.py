"""A folder that three communes share, with the real programs: edits, conflicts, offline work, kills, removal, the brake and history."""

import shutil
import time
import unittest

import sharing
from harness import Scene

REFUSED = 6


class Sharing(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.__exit__)
        self.peer = self.scene.peer()

    def three(self):
        """Three communes, each with documents of its own under the same names, and one space."""
        stations = [sharing.member_station(self.scene, self.peer, name) for name in ("Arc", "Bar", "Cor")]
        folders = [self.scene.folder / f"shared by {name}" for name in ("Arc", "Bar", "Cor")]
        folders[0].mkdir()
        (folders[0] / "début.txt").write_text("bonjour")
        first = sharing.found(stations[0], "Trois communes", folders[0])
        members = [first] + [sharing.let_in(first, station, folder) for station, folder in zip(stations[1:], folders[1:])]
        sharing.wait_until_same(members, {"début.txt": b"bonjour"})
        return members

    def test_what_one_writes_the_others_have(self):
        members = self.three()
        arc, bar, cor = members
        for number, member in enumerate(members):
            member.write(f"dossier/{number}.txt", f"de {number}".encode())
        sharing.wait_until_same(members)
        self.assertEqual({"début.txt", "dossier/0.txt", "dossier/1.txt", "dossier/2.txt"}, set(arc.files()))
        # Names travel as such.
        (bar.folder / "dossier").rename(bar.folder / "Affaires")
        sharing.wait_until_same(members, {name.replace("dossier", "Affaires"): content for name, content in arc.files().items()})
        (cor.folder / "début.txt").unlink()
        sharing.wait_until_same(members, {name: content for name, content in bar.files().items() if name != "début.txt"})
        self.assertEqual([], arc.json("status")["conflicts"])
        self.a_conflict_keeps_both(members)
        self.history_brings_back(members)

    def a_conflict_keeps_both(self, members):
        arc, bar, cor = members
        arc.write("rapport.txt", b"premier jet")
        sharing.wait_until_same(members)
        for member in (arc, bar):
            member.station.stop()
        arc.write("rapport.txt", b"vu par Arc")
        time.sleep(1.1)
        bar.write("rapport.txt", b"vu par Bar")
        for member in (arc, bar):
            member.station.start()
        sharing.wait_until(lambda: len([name for name in arc.files() if name.startswith("rapport")]) == 2, "both versions are there")
        sharing.wait_until_same(members)
        reports = {name: content for name, content in cor.files().items() if name.startswith("rapport")}
        self.assertEqual({b"vu par Arc", b"vu par Bar"}, set(reports.values()))
        copy = next(name for name in reports if name != "rapport.txt")
        self.assertIn("Mairie de", copy)
        self.assertEqual([copy], [conflict["copy"] for conflict in arc.json("status")["conflicts"]])
        (arc.folder / copy).unlink()
        sharing.wait_until_same(members)
        self.assertEqual([], arc.json("status")["conflicts"])

    def history_brings_back(self, members):
        arc, bar, _ = members
        versions = bar.json("versions", "rapport.txt")["versions"]
        self.assertGreaterEqual(len(versions), 2)
        trash = {item["path"] for item in bar.json("trash")["items"]}
        self.assertIn("début.txt", trash)
        bar.json("restore", "début.txt")
        sharing.wait_until_same(members)
        self.assertEqual(b"bonjour", arc.files()["début.txt"])
        csv = arc.run("changes", "--csv").stdout
        self.assertIn("rapport.txt", csv)

    def test_kills_and_work_without_the_peer_lose_nothing(self):
        members = self.three()
        written = set()

        def write(member, name, content):
            member.write(name, content)
            written.add(content)
        self.peer.stop()
        for number, member in enumerate(members):
            for file in range(30):
                write(member, f"{number}/{file}.txt", f"{number} {file}".encode() * 200)
            write(member, "partout.txt", f"de {number}".encode())
        for round_number in range(3):
            members[round_number].station.kill()
            write(members[round_number], f"après {round_number}.txt", f"après {round_number}".encode())
            members[round_number].station.start()
        self.peer.start()
        for member in members:
            member.station.kill()
            member.station.start()
        sharing.wait_until(lambda: all(len(member.files()) == len(written) + 1 for member in members), "all is everywhere")
        sharing.wait_until_same(members)
        held = set(members[0].files().values())
        self.assertEqual(set(), written - held)

    def test_who_was_removed_gets_nothing_more(self):
        arc, bar, cor = self.three()
        names = {member["name"] for member in arc.json("members")["members"]}
        self.assertEqual({"Mairie de Arc", "Mairie de Bar", "Mairie de Cor"}, names)
        said = arc.run("remove", "Mairie de Cor").stdout
        self.assertIn("stays on it", said)
        arc.write("après.txt", b"sans Cor")
        sharing.wait_until_same([arc, bar])
        cor.write("de Cor.txt", b"trop tard")
        sharing.wait_until(lambda: cor.json("status")["last_error"], "it is told that it is let in no more")
        self.assertIn("removed", cor.run("sync", exit_codes=(REFUSED,)).stderr)
        self.assertIn("Trois communes", cor.station.run("status").stdout)
        self.assertNotIn("après.txt", cor.files())
        self.assertNotIn("de Cor.txt", bar.files())
        self.assertNotIn("de Cor.txt", arc.files())

    def test_after_a_leave_the_others_go_on(self):
        arc, bar, cor = self.three()
        cor.run("leave")
        self.assertEqual([], cor.station.json("space", "list")["spaces"])
        self.assertEqual(b"bonjour", cor.files()["début.txt"])
        arc.write("après.txt", b"sans Cor")
        sharing.wait_until_same([arc, bar], {"début.txt": b"bonjour", "après.txt": b"sans Cor"})
        self.assertNotIn("après.txt", cor.files())

    def test_a_part_of_a_space(self):
        """A computer that has only the list fetches what it needs, frees it again, and never deletes what it does not keep."""
        arc = sharing.found(sharing.member_station(self.scene, self.peer, "Arc"), "Trois communes", self.scene.folder / "a")
        for name in ("Voirie/plan.txt", "Voirie/devis.txt", "École/liste.txt", "note.txt"):
            arc.write(name, name.encode() * 100)
        bar = sharing.let_in(arc, sharing.member_station(self.scene, self.peer, "Bar"), self.scene.folder / "b", "--list-only")
        sharing.wait_until(lambda: len(bar.json("files", "-r")["entries"]) == 6, "the list is here")
        self.assertEqual({}, bar.files())
        self.assertEqual({"École": "no", "Voirie": "no", "note.txt": "no"},
                         {file["path"]: file["kept_here"] for file in bar.json("files")["entries"]})
        self.assertIn("only the list", bar.run("status").stdout)
        bar.run("fetch", "Voirie/plan.txt")
        self.assertEqual({"Voirie/plan.txt"}, set(bar.files()))
        self.assertEqual("part", {file["path"]: file["kept_here"] for file in bar.json("files")["entries"]}["Voirie"])
        bar.write("Voirie/plan.txt", b"plan de Bar")
        bar.write("de Bar.txt", b"nouveau")
        sharing.wait_until(lambda: arc.files().get("Voirie/plan.txt") == b"plan de Bar" and "de Bar.txt" in arc.files(), "Arc has it")
        self.assertEqual(5, len(arc.files()))
        bar.run("fetch", "--all")
        sharing.wait_until_same([arc, bar])
        said = bar.run("free", "Voirie").stdout
        self.assertIn("2", said)
        bar.station.kill()
        bar.station.start()
        arc.write("Voirie/devis.txt", b"second")
        arc.write("note.txt", b"second")
        sharing.wait_until(lambda: bar.files().get("note.txt") == b"second", "what is kept goes on")
        self.assertEqual({"École/liste.txt", "note.txt", "de Bar.txt"}, set(bar.files()))
        self.assertEqual(b"second", arc.files()["Voirie/devis.txt"])
        self.assertEqual(2, bar.station.run("space", "fetch", bar.space, exit_codes=(2,)).returncode)
        self.assertIn("nothing of this name", bar.run("fetch", "rien.txt", exit_codes=(1,)).stderr)

    def test_a_reader_does_not_write(self):
        station = sharing.member_station(self.scene, self.peer, "Arc")
        other = sharing.member_station(self.scene, self.peer, "Bar")
        arc = sharing.found(station, "À lire", self.scene.folder / "a")
        arc.write("un.txt", b"1")
        bar = sharing.let_in(arc, other, self.scene.folder / "b", role="reader")
        sharing.wait_until_same([arc, bar], {"un.txt": b"1"})
        bar.write("deux.txt", b"2")
        arc.write("trois.txt", b"3")
        sharing.wait_until(lambda: "trois.txt" in bar.files(), "the reader has what is new")
        self.assertEqual({"un.txt", "trois.txt"}, set(arc.files()))
        self.assertEqual(b"2", bar.files()["deux.txt"])

    def test_the_brake_holds_what_nobody_does_by_hand(self):
        arc, bar, cor = self.three()
        for file in range(60):
            arc.write(f"actes/{file}.txt", f"acte {file}".encode())
        sharing.wait_until_same([arc, bar, cor])
        before = arc.files()
        for path in (bar.folder / "actes").iterdir():
            path.write_bytes(b"rendu illisible " + path.name.encode())
        sharing.wait_until(lambda: bar.json("status")["brake"], "the brake holds")
        self.assertIn("On hold", bar.run("status").stdout)
        self.assertEqual(before, arc.files())
        self.assertEqual(60, bar.json("undo")["files_restored"])
        sharing.wait_until_same([arc, bar, cor], before)
        shutil.rmtree(cor.folder / "actes")
        sharing.wait_until(lambda: cor.json("status")["brake"], "the brake holds again")
        cor.json("resume")
        sharing.wait_until_same([arc, bar, cor], {"début.txt": b"bonjour"})

    def test_an_invitation_is_good_for_one(self):
        station = sharing.member_station(self.scene, self.peer, "Arc")
        arc = sharing.found(station, "À deux", self.scene.folder / "a")
        code = arc.json("invite", "--role", "writer")["code"]
        others = [sharing.member_station(self.scene, self.peer, name) for name in ("Bar", "Cor")]
        words = others[0].json("space", "join", code, "--folder", self.scene.folder / "b")["words"]
        others[1].run("space", "join", code, "--folder", self.scene.folder / "c", exit_codes=(REFUSED,))
        request = arc.json("requests")["requests"][0]
        arc.run("confirm", request["id"], "--words", "abaisser abaisser abaisser abaisser abaisser abaisser", exit_codes=(REFUSED,))
        arc.json("confirm", request["id"], "--words", words)
        late = others[1].run("space", "join", code, "--folder", self.scene.folder / "c", exit_codes=(REFUSED,))
        self.assertTrue(late.stderr.strip())

    def test_spaces_at_two_peers(self):
        second_peer = self.scene.peer("second peer")
        stations = [sharing.member_station(self.scene, self.peer, "Arc"), sharing.member_station(self.scene, self.peer, "Bar"),
                    sharing.member_station(self.scene, second_peer, "Cor")]
        here = sharing.found(stations[0], "Ici", self.scene.folder / "a1")
        there = sharing.found(stations[2], "Là-bas", self.scene.folder / "c2")
        here_bar = sharing.let_in(here, stations[1], self.scene.folder / "b1")
        there_bar = sharing.let_in(there, stations[1], self.scene.folder / "b2")
        here.write("même nom.txt", b"ici")
        there.write("même nom.txt", b"ailleurs")
        sharing.wait_until_same([here, here_bar], {"même nom.txt": b"ici"})
        sharing.wait_until_same([there, there_bar], {"même nom.txt": b"ailleurs"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
