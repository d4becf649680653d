"""Goal: po/check_placeholders.py lets no translation through that would throw, or drop an argument, when it is shown."""

import subprocess
import sys
import unittest
from pathlib import Path

CHECK = Path(__file__).resolve().parents[2] / "po" / "check_placeholders.py"


def accepts(entry):
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    return subprocess.run([sys.executable, CHECK], input=header + entry, text=True, capture_output=True, check=False).returncode == 0


class PlaceholdersTest(unittest.TestCase):
    def test_same_or_reordered_arguments_pass(self):
        self.assertTrue(accepts('msgid "{} of {}"\nmsgstr "{} sur {}"\n'))
        self.assertTrue(accepts('msgid "{} of {}"\nmsgstr "{1} : {0}"\n'))
        self.assertTrue(accepts('msgid "{:.1f} %"\nmsgstr "{:.1f} %"\n'))

    def test_missing_extra_and_mixed_arguments_fail(self):
        self.assertFalse(accepts('msgid "{} of {}"\nmsgstr "{} sur"\n'))
        self.assertFalse(accepts('msgid "{}"\nmsgstr "{} {}"\n'))
        self.assertFalse(accepts('msgid "{} of {}"\nmsgstr "{0} sur {}"\n'))

    def test_a_message_over_several_lines_is_read_whole(self):
        self.assertFalse(accepts('msgid ""\n"a {} "\n"b {}"\nmsgstr ""\n"a {} "\n"b"\n'))

    def test_plural_forms_may_drop_arguments_but_not_add_them(self):
        plural = 'msgid "one file"\nmsgid_plural "{} files"\nmsgstr[0] "un fichier"\nmsgstr[1] "{} fichiers"\n'
        self.assertTrue(accepts(plural))
        self.assertFalse(accepts(plural.replace("{} fichiers", "{} fichiers sur {}")))


if __name__ == "__main__":
    unittest.main()
