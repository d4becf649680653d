"""Reads a catalogue from standard input; fails when a translation uses other arguments than its message.

Messages are std::format strings. A translation may reorder arguments by number ({1} before {0}), a plural form may leave
some out, but one argument too many throws when the message is shown, and mixing {} with {0} does too.
"""

import ast
import re
import sys

ENTRY = re.compile(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) ("(?:.*)")\n((?:".*"\n?)*)', re.M)
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d*)(?::[^{}]*)?\}")


def arguments(text):
    """The numbers of the arguments that a format string uses, or None when it numbers some and not others."""
    names = [m.group(1) for m in PLACEHOLDER.finditer(text) if m.group(1) is not None]
    if any(names) and not all(names):
        return None
    return {int(name) if name else index for index, name in enumerate(names)}


def unquoted(match):
    return "".join(ast.literal_eval(line) for line in (match.group(2) + "\n" + match.group(3)).splitlines() if line)


def wrong_entries(catalogue):
    for block in re.split(r"\n\n+", catalogue):
        if re.search(r"^#~", block, re.M):
            continue
        fields = {m.group(1): unquoted(m) for m in ENTRY.finditer(block + "\n")}
        message = fields.get("msgid", "")
        allowed = arguments(message) or set()
        plural = "msgid_plural" in fields
        if plural:
            allowed |= arguments(fields["msgid_plural"]) or set()
        for name, text in fields.items():
            if not name.startswith("msgstr") or not text or not message:
                continue
            used = arguments(text)
            if used is None or not used <= allowed or (not plural and used != allowed):
                yield message, text


def main():
    wrong = list(wrong_entries(sys.stdin.read()))
    for message, text in wrong:
        print(f"fr.po: other placeholders than the message's: {text!r} for {message!r}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
