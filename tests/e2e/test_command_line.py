"""What --help says, docs/cli.md and French users are told: the same, complete, and in one language."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BEFFROI, BEFFROID

USAGE = 2
COMMANDS = ("init", "join", "source add", "source list", "source remove", "backup", "sync", "snapshots", "ls", "find", "diff", "dump",
            "restore", "check", "status", "retention show", "retention explain", "retention set", "delete", "deletions", "undelete", "forget",
            "audit", "recover", "peer invite", "peer change", "peer revoke", "peer suspend", "peer resume", "peer erase", "peer erased", "peer tenants",
            "peer status", "peer audit", "peer clock", "peer gc", "peer scrub", "peer deletions", "peer undelete")
EVERYWHERE = {"--help", "--json", "--socket", "--version"}
PROJECT = Path(__file__).resolve().parents[2]
CONTRACT = (PROJECT / "docs" / "cli.md").read_text()
# Words that no French sentence has; names of commands, options and settings are the same in both languages.
ENGLISH = re.compile(r"\b(the|is|not in|required|missing|expected|excludes|needs|with|this|and)\b", re.I)


def compiled_catalogue():
    """A folder with the French messages where gettext looks for them, kept for the run."""
    folder = tempfile.TemporaryDirectory()
    place = Path(folder.name) / "fr" / "LC_MESSAGES"
    place.mkdir(parents=True)
    subprocess.run(["msgfmt", "-o", str(place / "beffroi.mo"), str(PROJECT / "po" / "fr.po")], check=True)
    return folder


CATALOGUE = compiled_catalogue()


def run(program, *words, language="en"):
    environment = {"LC_ALL": "C.UTF-8", "LANGUAGE": language, "BEFFROI_LOCALE_DIR": CATALOGUE.name}
    return subprocess.run([str(program), *words], capture_output=True, text=True, env=environment)


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def documented(command):
    """The rows of docs/cli.md that are about the command."""
    return "\n".join(line for line in CONTRACT.splitlines() if re.search(rf"`beffroi {command}\b", line))


class CommandLine(unittest.TestCase):
    def test_every_option_is_documented_and_every_documented_option_exists(self):
        for command in COMMANDS:
            with self.subTest(command):
                helped = options_of(run(BEFFROI, *command.split(), "--help").stdout)
                self.assertIn("--help", helped)
                rows = documented(command)
                self.assertTrue(rows, "not in docs/cli.md")
                self.assertEqual(set(), helped - EVERYWHERE - options_of(rows), "not in docs/cli.md")
                syntax = options_of(" ".join(re.findall(rf"`beffroi {command}\b[^`]*`", rows)))
                self.assertEqual(set(), syntax - helped, "not known to the program")

    def test_usage_errors_are_one_sentence_in_one_language(self):
        wrong = ([BEFFROI, "restore", "latest", "--target", "x", "--overwrite", "banane"], [BEFFROI, "restore", "latest", "--target"],
                 [BEFFROI, "restore"], [BEFFROI, "peer"], [BEFFROI, "backup", "--what"], [BEFFROI, "nonsense"],
                 [BEFFROI, "recover", "--keep", "--stolen", "--kit", "x"], [BEFFROI, "check", "--at", "moon"],
                 [BEFFROID, "nonsense"], [BEFFROID], [BEFFROID, "station", "--data"], [BEFFROID, "peer", "--what"])
        for words in wrong:
            with self.subTest(words[1:]):
                french = run(*words, language="fr")
                self.assertEqual(USAGE, french.returncode)
                self.assertEqual(1, len(french.stderr.splitlines()), french.stderr)
                self.assertNotRegex(re.sub(r"--[a-z-]+|'[^']*'|\"[^\"]*\"", "", french.stderr), ENGLISH)
                english = run(*words).stderr
                self.assertNotEqual(english, french.stderr)
                self.assertIn("--help", english)

    def test_help_is_french_for_french_users(self):
        for command in COMMANDS:
            with self.subTest(command):
                lines = run(BEFFROI, *command.split(), "--help", language="fr").stdout.splitlines()
                prose = [line for line in lines if not line.startswith("  beffroi ")]
                text = re.sub(r"--[a-z-]+|\b(never|older|always|auto|local|peer|latest)\b", "", "\n".join(prose))
                self.assertNotRegex(text, ENGLISH)

    def test_settings_can_be_tried_before_they_are_used(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            config.write("[station]\ndata_dir = '/x'\n")
            config.flush()
            refused = run(BEFFROID, "station", "--config", config.name, "--check-config")
            self.assertEqual(USAGE, refused.returncode)
            self.assertIn("station.data_dir", refused.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
