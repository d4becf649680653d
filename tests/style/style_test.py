"""Goal: every rule of scripts/style finds its violation and leaves right code alone. A checker that finds nothing looks
just like a tidy project."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

STYLE = Path(__file__).resolve().parents[2] / "scripts" / "style"
LONG_BODY = "".join(f"  value += {i};\n" for i in range(90))


def findings(files):
    """What scripts/style says about a project made of `files` (path to text)."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / ".clang-format").write_text("BasedOnStyle: Google\nColumnLimit: 120\n")
        result = subprocess.run([sys.executable, STYLE, "--root", folder], capture_output=True, text=True, check=False)
        lines = result.stdout.splitlines()
        assert result.returncode == (0 if "nothing to say" in lines[-1] else 1), result.stderr
        return [] if result.returncode == 0 else lines


class StyleTest(unittest.TestCase):
    def assert_found(self, path, text, expected):
        found = findings({path: text})
        self.assertEqual(1, len(found), found)
        self.assertIn(expected, found[0])

    def test_right_code_is_left_alone(self):
        text = '#include <vector>\n\n// steady_clock::now in a comment, rand' 'ombytes_buf in "words"\n'
        text += 'const char* said = "std::thread and system(";\n'
        self.assertEqual([], findings({"storage/a.cpp": text, "tests/unit/storage/a_test.cpp": "int a;\n"}))

    def test_unformatted_source(self):
        self.assert_found("crypto/a.cpp", "int   a;\n", "not formatted")

    def test_clock_outside_the_seam(self):
        text = "auto a = std::chrono::steady_clock::now();\n"
        self.assert_found("daemon/sync/push.cpp", text, "clock that is passed in")
        self.assertEqual([], findings({"daemon/service/clock.cpp": text}))

    def test_randomness_outside_the_seam(self):
        self.assert_found("storage/a.cpp", "void f() { randombytes_buf(nullptr, 0); }\n", "crypto/random.h")

    def test_thread_outside_the_pool(self):
        self.assert_found("storage/a.cpp", "std::thread worker;\n", "the pool")
        self.assertEqual([], findings({"storage/a.cpp": "auto a = std::thread::hardware_concurrency();\n"}))

    def test_pause_in_a_unit_test(self):
        self.assert_found("tests/unit/storage/a_test.cpp", "void f() { std::this_thread::sleep_for(a); }\n", "timer")

    def test_include_against_the_arrows(self):
        self.assert_found("crypto/a.cpp", '#include "storage/format/object.h"\n', "must not include")
        self.assert_found("client/a.cpp", '#include "daemon/api/server.h"\n', "must not include")

    def test_libraries_in_the_wrong_folder(self):
        self.assert_found("storage/tree/a.cpp", "#include <asio.hpp>\n", "network stays in daemon")
        self.assert_found("storage/tree/a.cpp", "#include <rocksdb/db.h>\n", "ObjectStore seam")
        self.assertEqual([], findings({"storage/store/a.cpp": "#include <rocksdb/db.h>\n"}))

    def test_third_party_header_in_a_header(self):
        use = {"daemon/a.cpp": '#include "daemon/a.h"\n'}
        self.assertIn("third-party", findings({"daemon/a.h": "#include <openssl/ssl.h>\n", **use})[0])
        self.assertEqual([], findings({"daemon/a.h": "#include <asio/awaitable.hpp>\n#include <map>\n", **use}))

    def test_function_longer_than_the_limit(self):
        text = f"namespace a {{\nvoid f(int value) {{\n{LONG_BODY}}}\n}}  // namespace a\n"
        self.assert_found("crypto/a.cpp", text, "function of 92 lines")

    def test_constructor_longer_than_the_limit(self):
        text = f"A::A(int value) : a_{{value}}, b_{{value}} {{\n{LONG_BODY}}}\n"
        self.assert_found("crypto/a.cpp", text, "function of 92 lines")

    def test_long_class_of_short_functions_is_no_long_function(self):
        members = "".join(f"  int f{i}() const {{ return {i}; }}\n" for i in range(90))
        self.assertEqual([], findings({"crypto/a.cpp": f"class A : public B {{\n public:\n{members}}};\n"}))

    def test_unfinished_work_and_machine_paths(self):
        self.assert_found("docs/a.md", "TO" "DO: write this\n", "unfinished")
        self.assert_found("docs/a.md", "see /wo" "rk/main\n", "one developer's machine")

    def test_link_to_a_missing_document(self):
        self.assert_found("README.md", "See [there](docs/there.md).\n", "does not exist")
        self.assertEqual([], findings({"README.md": "[a](docs/a.md#b), [c](https://c.example/)\n", "docs/a.md": "a\n"}))

    def test_header_that_nobody_includes(self):
        self.assert_found("crypto/a.h", "#include <map>\n", "no file includes")

    def test_unquoted_variable_in_a_script(self):
        self.assert_found("scripts/a", "#!/bin/sh\nrm $1\n", "SC2086")


if __name__ == "__main__":
    unittest.main()
