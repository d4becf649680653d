"""Folders to measure with, made from a seed: the same seed gives the same bytes and times (on the same Python, zlib and SQLite).

`office`: what a small town hall keeps. At scale 1 about 2 GiB in 20,000 files:

| folder | files | MiB | what |
|---|---|---|---|
| Bureautique | 6,400 | 500 | letters and sheets (real ZIP containers, deflated XML, pictures in 4 of 10) in up to 4 versions each, and copies |
| PDF | 3,000 | 390 | exported documents and scanned ones (flate streams, embedded scans); one in ten is there twice |
| Scans et photos | 450 | 490 | incompressible, with JPEG headers |
| Exports | 12 | 290 | a big SQL export, nightly SQL dumps that differ a little, CSV tables |
| Base | 1 | 200 | a SQLite database with an index |
| Courrier | 2 | 120 | mailboxes; attachments in base64, many of them documents of Bureautique |
| Textes | 1,500 | 16 | notes and tables |
| Divers | 8,500 | 9 | tiny files of programs |

`tiny`: at scale 1, 200,000 text-like files of about 2 KiB in some 3,000 folders.

The scale multiplies the number of files, and the size of exports, database and mailboxes. `day` (in day.py) is a working day.
Times of files lie in the years 2014 to 2024; what a day touches is dated later.

corpus.py FOLDER [--corpus office|tiny] [--scale N] [--seed WORD] [--day]
"""

import argparse
import multiprocessing
import os
import zlib

import files
import office
from day import day, set_time
from words import Draw, SUBJECTS, slots

OLDEST_S = 1_388_534_400  # 1 January 2014
SPAN_S = 11 * 365 * 86_400
SERVICES = ("Affaires scolaires", "Cimetière", "Conseil municipal", "Élections", "État civil", "Finances", "Marchés publics", "Personnel",
            "Secrétariat", "Urbanisme", "Voirie", "Vie associative")
OFFICE_FAMILIES, PDF_FILES, PICTURES, TEXTS, SMALL_FILES = 2600, 2727, 450, 1500, 8520
TINY_FILES, TINY_FILES_PER_FOLDER = 200_000, 66
MIB = 1 << 20


def place(seed, *parts):
    """Writes one file of the corpus, with folders above it; its time follows from its name. Use: place(seed, folder, name)(content)."""
    path = os.path.join(*parts)

    def write(content):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if callable(content):
            content(path)
        else:
            with open(path, "wb") as file:
                file.write(content)
        set_time(path, old_time(seed, os.path.relpath(path, parts[0])))

    return write


def old_time(seed, relative):
    return OLDEST_S + zlib.crc32(f"{seed}/{relative}".encode()) % SPAN_S


def office_versions(seed, family):
    """[(file name, content)] of one document: its versions, oldest first."""
    draw = Draw(seed, "office", family)
    kind = draw.choices(("docx", "xlsx", "odt"), (55, 30, 15))[0]
    subject = draw.randrange(SUBJECTS)
    paragraphs = [draw.text(draw.randrange(15, 120), subject) for _ in range(draw.size_bytes(28, 0.9))]
    pictures = [office.picture(draw, draw.size_bytes(70_000)) for _ in range(draw.choice((1, 1, 2, 3)))] if draw.random() < 0.4 else []
    title = draw.name()
    found = []
    for version in range(draw.choices((1, 2, 3, 4), (30, 30, 20, 20))[0]):
        if version:
            paragraphs[draw.randrange(len(paragraphs))] = draw.text(80, subject)
            paragraphs.insert(draw.randrange(len(paragraphs)), draw.text(40, subject))
        found.append((f"{title} {family} v{version + 1}.{kind}", office.document(kind, paragraphs, pictures, title)))
    return found


def write_office(folder, seed, family):
    draw = Draw(seed, "office place", family)
    above = (draw.choice(SERVICES), str(2014 + family % 11))
    versions = office_versions(seed, family)
    for name, content in versions:
        place(seed, folder, "Bureautique", *above, name)(content)
    if draw.random() < 0.2:
        name, content = versions[-1]
        place(seed, folder, "Bureautique", draw.choice(SERVICES), "À classer", f"Copie de {name}")(content)


def write_pdf(folder, seed, number):
    draw = Draw(seed, "pdf", number)
    scanned = draw.random() < 0.4
    content = files.pdf(draw, draw.choice((1, 1, 2, 3, 4, 6)), draw.size_bytes(95_000, 0.5) if scanned else 0)
    name = f"{draw.name(2)} {number}.pdf"
    place(seed, folder, "PDF", draw.choice(SERVICES), str(2014 + number % 11), name)(content)
    if number % 10 == 0:
        place(seed, folder, "PDF", "Envois", name)(content)


def write_picture(folder, seed, number):
    draw = Draw(seed, "picture", number)
    place(seed, folder, "Scans et photos", f"Lot {number // 30}", f"IMG_{number:05}.jpg")(office.picture(draw, draw.size_bytes(900_000, 0.6)))


def write_text(folder, seed, number):
    draw = Draw(seed, "text", number)
    ending = draw.choice(("txt", "txt", "csv"))
    where = place(seed, folder, "Textes", draw.choice(SERVICES), f"{draw.name(2)} {number}.{ending}")
    size_bytes = draw.size_bytes(9_000)
    where(draw.text_bytes(size_bytes) if ending == "txt" else lambda path: files.write_export(path, size_bytes, f"{seed} table {number}"))


def write_small(folder, seed, first, count):
    for number in range(first, first + count):
        draw = Draw(seed, "small", number)
        ending, content = files.small_file(draw, draw.size_bytes(700))
        place(seed, folder, "Divers", f"poste {number // 400}", f"profil {number // 40 % 10}", f"{number}.{ending}")(content)


def write_tiny(folder, seed, first, count):
    for number in range(first, first + count):
        draw = Draw(seed, "tiny", number)
        group = number // TINY_FILES_PER_FOLDER
        ending, content = files.small_file(draw, draw.size_bytes(1_900, 0.5))
        place(seed, folder, SERVICES[group % 12], f"{2010 + group // 12 % 15}", f"dossier {group}", f"pièce {number}.{ending}")(content)


def write_export(folder, seed, name, size_bytes, version=0):
    ending_free = name.rsplit(".", 1)[0].split(" du ")[0]
    place(seed, folder, "Exports", name)(lambda path: files.write_export(path, size_bytes, f"{seed} {ending_free}", version))


def write_database(folder, seed, size_bytes):
    place(seed, folder, "Base", "registre.sqlite")(lambda path: files.write_database(path, size_bytes, f"{seed} base"))


def write_mailbox(folder, seed, name, size_bytes, families):
    """Mails until the size is reached; a third carry a document of the corpus, a third a picture."""
    def write(path):
        number = 0
        with open(path, "wb") as file:
            while number == 0 or file.tell() < size_bytes:
                draw = Draw(seed, name, number)
                attachment = None
                if number % 3 == 1:
                    attachment = office_versions(seed, draw.randrange(families))[-1]
                elif number % 3 == 2:
                    attachment = (f"photo {number}.jpg", office.picture(draw, draw.size_bytes(90_000)))
                file.write(files.mail(draw, number, attachment))
                number += 1

    place(seed, folder, "Courrier", name)(write)


def scaled(count, scale):
    return max(1, round(count * scale))


def office_jobs(folder, scale, seed):
    """(function, arguments) of every piece of work, the longest first."""
    families = scaled(OFFICE_FAMILIES, scale)
    size = lambda mib: max(64 << 10, int(mib * MIB * scale))
    yield write_database, (folder, seed, size(200))
    yield write_mailbox, (folder, seed, "Réception.mbox", size(90), families)
    yield write_mailbox, (folder, seed, "Envoyés.mbox", size(30), families)
    yield write_export, (folder, seed, "comptabilité.sql", size(90))
    for night in range(5):
        yield write_export, (folder, seed, f"registre du {night + 1} mars.sql", size(26), night)
    for table in range(6):
        yield write_export, (folder, seed, f"table {table}.csv", size(11))
    yield from ((write_picture, (folder, seed, number)) for number in range(scaled(PICTURES, scale)))
    yield from ((write_pdf, (folder, seed, number)) for number in range(scaled(PDF_FILES, scale)))
    yield from ((write_office, (folder, seed, number)) for number in range(families))
    yield from ((write_text, (folder, seed, number)) for number in range(scaled(TEXTS, scale)))
    yield from batches(write_small, folder, seed, scaled(SMALL_FILES, scale))


def batches(write, folder, seed, count, size=400):
    for first in range(0, count, size):
        yield write, (folder, seed, first, min(size, count - first))


def run_job(job):
    function, arguments = job
    function(*arguments)


def generate(folder, corpus="office", scale=1.0, seed="trial", workers=None):
    """Writes the corpus into a folder that does not exist or is empty."""
    folder = os.path.abspath(folder)
    os.makedirs(folder, exist_ok=True)
    jobs = office_jobs(folder, scale, seed) if corpus == "office" else batches(write_tiny, folder, seed, scaled(TINY_FILES, scale))
    for subject in range(SUBJECTS):
        slots(subject)  # once, for all workers: they are forks of this process
    with multiprocessing.get_context("fork").Pool(workers or os.cpu_count()) as pool:
        for _ in pool.imap_unordered(run_job, jobs, chunksize=1):
            pass
    for path, _, _ in os.walk(folder, topdown=False):
        set_time(path, old_time(seed, os.path.relpath(path, folder)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--corpus", choices=("office", "tiny"), default="office")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", default="trial")
    parser.add_argument("--day", action="store_true", help="the folder is there already: let one working day pass in it")
    arguments = parser.parse_args()
    if arguments.day:
        print(day(arguments.folder, arguments.seed).summary())
    else:
        generate(arguments.folder, arguments.corpus, arguments.scale, arguments.seed)


if __name__ == "__main__":
    main()
