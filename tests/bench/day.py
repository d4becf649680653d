"""One working day in a folder: what people and programs change between two nightly backups.

One per cent of the files is edited as their programs do it (office files written anew with one XML part changed, text changed in
the middle, an annotation appended to a PDF); one folder is renamed; bytes are inserted at the head of the biggest export; scattered
pages of the database change through SQL; mails arrive in the mailboxes; some files are new. On a real folder only what fits happens.
"""

import dataclasses
import os
import sqlite3

import files
import office
from words import Draw

DAY_S = 1_750_000_000  # 15 June 2025: later than everything in the corpus
EDITED_SHARE = 0.01
NEW_SHARE = 0.002
EDITED_BYTES_MAX = 8 << 20
BIG_EXPORT_BYTES = 32 << 10
DATABASE_BYTES_PER_UPDATE = 512 << 10  # 400 updates in a database of 200 MiB
MAILBOX_BYTES_PER_MAIL = 4 << 20
OFFICE = (".docx", ".xlsx", ".odt")
TEXT = (".txt", ".csv", ".sql", ".xml", ".json", ".ini", ".eml", ".md", ".html")
RENAMED_FILES = range(2, 400)


@dataclasses.dataclass
class Changes:
    """What a day did; paths are relative, after the renaming."""

    edited: list = dataclasses.field(default_factory=list)
    new: list = dataclasses.field(default_factory=list)
    renamed: tuple = None  # (from, to)
    inserted_at_head: str = None
    rows_updated: int = 0
    mails: int = 0

    def summary(self):
        return (f"{len(self.edited)} files edited, {len(self.new)} new, renamed: {' to '.join(self.renamed or ('nothing',))}, bytes inserted at "
                f"the head of {self.inserted_at_head or 'nothing'}, {self.rows_updated} rows updated, {self.mails} mails")


def set_time(path, seconds):
    os.utime(path, ns=(seconds * 10**9, seconds * 10**9))


class Day:
    """Does the changes one after the other, and dates each a second later than the one before."""

    def __init__(self, folder, seed):
        self.folder = os.path.abspath(folder)
        self.draw = Draw(seed, "day")
        self.changes = Changes()
        self.seconds = DAY_S

    def path(self, relative):
        return os.path.join(self.folder, relative)

    def touched(self, relative):
        self.seconds += 1
        set_time(self.path(relative), self.seconds)
        set_time(os.path.dirname(self.path(relative)), self.seconds)

    def inventory(self):
        """[(relative path, size)] of the regular files, in order."""
        found = []
        for above, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(above, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    found.append((os.path.relpath(path, self.folder), os.path.getsize(path)))
        return found

    def rename_a_folder(self):
        candidates = []
        for above, folders, names in os.walk(self.folder):
            if above != self.folder and not folders and len(names) in RENAMED_FILES:
                candidates.append(os.path.relpath(above, self.folder))
        deep = [path for path in candidates if os.sep in path]  # a folder at the top is the work of years, nobody renames it
        if candidates:
            old = self.draw.choice(sorted(deep or candidates))
            new = f"{old} (archives)"
            os.rename(self.path(old), self.path(new))
            self.touched(new)
            self.changes.renamed = (old, new)

    def insert_at_head(self, relative):
        with open(self.path(relative), "rb") as file:
            content = file.read()
        with open(self.path(relative), "wb") as file:
            file.write(f"-- {self.draw.text(12).strip()}\n".encode() + content)
        self.touched(relative)
        self.changes.inserted_at_head = relative

    def update_database(self, relative, size_bytes):
        database = sqlite3.connect(self.path(relative))
        try:
            last = database.execute("SELECT max(id) FROM registre").fetchone()[0]
            for _ in range(max(3, size_bytes // DATABASE_BYTES_PER_UPDATE)):
                at = self.draw.randrange(last + 1)
                done = database.execute("UPDATE registre SET montant = ?, prenom = 'Zoé' WHERE id = ?", (self.draw.randrange(2_000_000), at))
                self.changes.rows_updated += done.rowcount
            database.commit()
        except sqlite3.Error:
            return  # a database of somebody else's
        finally:
            database.close()
        self.touched(relative)

    def deliver_mails(self, relative, size_bytes):
        with open(self.path(relative), "ab") as file:
            for number in range(max(2, size_bytes // MAILBOX_BYTES_PER_MAIL)):
                attachment = ("scan.jpg", office.picture(self.draw, self.draw.size_bytes(60_000))) if number % 3 == 0 else None
                file.write(files.mail(self.draw, number, attachment))
                self.changes.mails += 1
        self.touched(relative)

    def edit(self, relative):
        with open(self.path(relative), "rb") as file:
            content = file.read()
        text = self.draw.text(25).replace("\n", " ")
        after = office.edited(content, text) if relative.endswith(OFFICE) else None
        if after is None and relative.endswith(".pdf"):
            after = content + f"9999 0 obj\n<< /Type /Annot /Contents ({text}) >>\nendobj\n%%EOF\n".encode()
        elif after is None:
            middle = len(content) // 2
            at = content.find(b"\n", middle) + 1 or middle
            after = content[:at] + text.encode() + b"\n" + content[min(len(content), at + self.draw.randrange(200)):]
        self.replace(relative, after)
        self.changes.edited.append(relative)

    def replace(self, relative, content):
        """As office programs and editors do it: a new file takes the place of the old one."""
        written = self.path(relative) + ".new"
        with open(written, "wb") as file:
            file.write(content)
        os.replace(written, self.path(relative))
        self.touched(relative)

    def add_files(self, count, folders):
        for number in range(count):
            if number % 3 == 0:
                paragraphs = [self.draw.text(60) for _ in range(20)]
                ending, content = "docx", office.document("docx", paragraphs, [], "nouveau")
            else:
                ending, content = files.small_file(self.draw, self.draw.size_bytes(2_000))
            relative = os.path.join(self.draw.choice(folders), f"nouveau {number}.{ending}")
            with open(self.path(relative), "wb") as file:
                file.write(content)
            self.touched(relative)
            self.changes.new.append(relative)


def day(folder, seed):
    """Lets a day pass in the folder; returns the Changes."""
    work = Day(folder, seed)
    work.rename_a_folder()
    found = work.inventory()
    databases = [entry for entry in found if entry[0].endswith((".sqlite", ".db"))]
    mailboxes = [entry for entry in found if entry[0].endswith(".mbox")]
    export = max((entry for entry in found if entry[0].endswith((".sql", ".csv")) and entry[1] >= BIG_EXPORT_BYTES), key=lambda e: e[1], default=None)
    editable = [path for path, size in found if path.endswith((*OFFICE, *TEXT, ".pdf")) and size <= EDITED_BYTES_MAX and (path, size) != export]
    for relative in sorted(work.draw.sample(editable, min(len(editable), max(1, round(len(found) * EDITED_SHARE))))):
        work.edit(relative)
    if export:
        work.insert_at_head(export[0])
    for entry in databases:
        work.update_database(*entry)
    for entry in mailboxes:
        work.deliver_mails(*entry)
    folders = sorted({os.path.dirname(path) for path, _ in found})
    if folders:
        work.add_files(max(3, round(len(found) * NEW_SHARE)), folders)
    return work.changes
