"""What lies in a town hall's folders besides office documents: PDFs, exports, a database, mails, and small files of many kinds."""

import base64
import json
import sqlite3
import zlib
from array import array

from words import Draw, SUBJECTS, slots

ROWS_PER_BLOCK = 1000
PAGE_BYTES = 4096
FIRST_NAMES = "Marie Jean Jeanne Pierre Louise Paul Lucie Henri Claire Luc Élise Hugo Rose Émile Anne Yves".split()
ROW_BYTES = {"sql": 225, "csv": 184, "database": 218}  # measured; they make sizes come out as asked


def pdf(draw, pages, scan_bytes):
    """A PDF with flate streams of text, an embedded font, and one scan per page when `scan_bytes` is not 0."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count %d >>" % pages, stream(b"", zlib.compress(draw.noise(9000)))]
    subject = draw.randrange(SUBJECTS)
    for _ in range(pages):
        lines = draw.text(60 if scan_bytes else 420, subject).split("\n")
        drawn = "".join(f"BT /F1 11 Tf 72 {770 - 13 * row} Td ({line}) Tj ET\n" for row, line in enumerate(lines))
        objects += [b"<< /Type /Page /Contents %d 0 R >>" % (len(objects) + 2), stream(b"/Filter /FlateDecode", zlib.compress(drawn.encode()))]
        if scan_bytes:
            noise = draw.noise(draw.size_bytes(scan_bytes, 0.4)).replace(b"\xff", b"\xff\x00")
            objects.append(stream(b"/Subtype /Image /Filter /DCTDecode", b"\xff\xd8\xff\xe0" + noise + b"\xff\xd9"))
    return pdf_file(objects)


def stream(entries, content):
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


def pdf_file(objects):
    out, places = [b"%PDF-1.5\n"], []
    size = len(out[0])
    for number, content in enumerate(objects, 1):
        places.append(size)
        out.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))
        size += len(out[-1])
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    out.append(b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, table, size))
    return b"".join(out)


def rows(name, block, version=0):
    """One block of a register's rows: (number, family name, first name, date, address, subject, cents). In a later version of a
    register one block in four has two changed rows, as between one night's export and the next."""
    draw = Draw(name, block)
    table = slots(block % SUBJECTS)
    words = list(map(table.__getitem__, array("H", draw.noise(2 * 16 * ROWS_PER_BLOCK))))
    numbers = array("I", draw.noise(4 * ROWS_PER_BLOCK))
    found = [make_row(block * ROWS_PER_BLOCK + n, words[16 * n:16 * n + 16], numbers[n]) for n in range(ROWS_PER_BLOCK)]
    for later in range(1, version + 1):
        change = Draw(name, block, later)
        if change.randrange(4) == 0:
            for _ in range(2):
                at = change.randrange(ROWS_PER_BLOCK)
                found[at] = make_row(block * ROWS_PER_BLOCK + at, change.words(16), change.randrange(1 << 32))
    return found


def make_row(number, words, drawn):
    text = "".join(words).replace("\n", " ").replace("'", " ").replace(";", ",")
    half = text.find(" ", 40)
    date = f"{1930 + drawn % 90}-{1 + drawn % 12:02}-{1 + drawn % 28:02}"
    return number, text[:9].strip().upper(), FIRST_NAMES[drawn % 16], date, f"{drawn % 200} rue {text[:half]}", text[half:].strip(), drawn % 2_000_000


SQL_HEAD = "-- Export du registre\nCREATE TABLE registre (id INTEGER PRIMARY KEY, nom, prenom, naissance, adresse, objet, montant);\n"
SQL_ROW = "INSERT INTO registre VALUES (%d,'%s','%s','%s','%s','%s',%d);\n"


def write_export(path, size_bytes, name, version=0):
    """A text export, SQL or CSV by the path's ending."""
    kind = path.rsplit(".", 1)[1]
    row = SQL_ROW if kind == "sql" else "%d;%s;%s;%s;%s;%s;%d\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(SQL_HEAD if kind == "sql" else "id;nom;prenom;naissance;adresse;objet;montant\n")
        for block, count in blocks(size_bytes // ROW_BYTES[kind]):
            file.write("".join(row % values for values in rows(name, block, version)[:count]))


def blocks(row_count):
    """(block number, rows taken of it) for this many rows, at least one."""
    row_count = max(1, row_count)
    for block in range(-(-row_count // ROWS_PER_BLOCK)):
        yield block, min(ROWS_PER_BLOCK, row_count - block * ROWS_PER_BLOCK)


def write_database(path, size_bytes, name):
    """A real SQLite database of about this size, with an index."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(f"PRAGMA page_size={PAGE_BYTES}; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"
                           "CREATE TABLE registre (id INTEGER PRIMARY KEY, nom TEXT, prenom TEXT, naissance TEXT, adresse TEXT, objet TEXT,"
                           " montant INTEGER)")
    database.execute("BEGIN")
    for block, count in blocks(size_bytes // ROW_BYTES["database"]):
        database.executemany("INSERT INTO registre VALUES (?,?,?,?,?,?,?)", rows(name, block)[:count])
    database.execute("CREATE INDEX par_nom ON registre (nom, naissance)")
    database.execute("COMMIT")
    database.close()


def mail(draw, number, attachment=None):
    """One message of an mbox; `attachment` is (file name, content)."""
    sender = f"{draw.choice(FIRST_NAMES).lower()}.{draw.randrange(900)}@mairie-{draw.randrange(40)}.example"
    head = (f"From {sender} Mon Jan  5 09:{number % 60:02}:00 2015\nFrom: {sender}\nTo: secretariat@mairie.example\nSubject: {draw.name()}\n"
            f"Message-ID: <{draw.getrandbits(96):024x}@mairie.example>\nMIME-Version: 1.0\n")
    body = draw.text(draw.randrange(40, 300)).replace("\nFrom ", "\n>From ")
    if attachment is None:
        return f"{head}Content-Type: text/plain; charset=utf-8\n\n{body}\n\n".encode()
    edge = f"=_{draw.getrandbits(64):016x}"
    file_name, content = attachment
    return (f'{head}Content-Type: multipart/mixed; boundary="{edge}"\n\n--{edge}\nContent-Type: text/plain; charset=utf-8\n\n{body}\n--{edge}\n'
            f'Content-Type: application/octet-stream; name="{file_name}"\nContent-Transfer-Encoding: base64\n\n').encode() \
        + base64.encodebytes(content) + f"--{edge}--\n\n".encode()


def small_file(draw, size_bytes):
    """(ending, content) of one of the small text files that programs and people leave everywhere."""
    subject = draw.randrange(SUBJECTS)
    kind = draw.choice(("txt", "txt", "xml", "json", "eml", "csv", "ini"))
    if kind in ("txt", "eml"):
        head = b"" if kind == "txt" else f"From: agent{draw.randrange(90)}@mairie.example\nSubject: {draw.name()}\n\n".encode()
        return kind, head + draw.text_bytes(max(1, size_bytes - len(head)), subject)
    words = [word.strip(" ,.;\n") for word in draw.words(size_bytes // 16 + 4, subject)]
    if kind == "xml":
        lines = [f'  <champ nom="{words[n % 7]}" rang="{n}">{words[n]} {words[n - 1]}</champ>' for n in range(len(words) // 4 + 1)]
        return kind, ('<?xml version="1.0" encoding="UTF-8"?>\n<fiche>\n' + "\n".join(lines) + "\n</fiche>\n").encode()
    if kind == "json":
        fields = [{"objet": words[n], "lieu": words[n - 1], "montant": draw.randrange(99999)} for n in range(len(words) // 4 + 1)]
        return kind, json.dumps({"lignes": fields}, ensure_ascii=False, indent=1).encode()
    if kind == "csv":
        return kind, "".join(f"{n};{words[n]};{words[n - 1]};{draw.randrange(99999)}\n" for n in range(len(words) // 2 + 1)).encode()
    return kind, ("[dossier]\n" + "".join(f"{words[n]}_{n}={words[n - 1]} {draw.randrange(999)}\n" for n in range(len(words) // 2 + 1))).encode()
