"""Real ZIP containers as office programs write them: deflated XML parts, and pictures stored as they are."""

import io
import zipfile
from xml.sax.saxutils import escape

from words import Draw

CONTAINER_DATE = (1980, 1, 1, 0, 0, 0)  # what the office programs write themselves
MAIN_PARTS = {"docx": "word/document.xml", "xlsx": "xl/worksheets/sheet1.xml", "odt": "content.xml"}
PICTURE_FOLDERS = {"docx": "word/media", "xlsx": "xl/media", "odt": "Pictures"}
STYLE_PARTS = {"docx": ("word/styles.xml", "word/theme/theme1.xml"), "xlsx": ("xl/styles.xml", "xl/theme/theme1.xml"), "odt": ("styles.xml",)}
CELLS_PER_ROW = 8


def picture(draw, size_bytes):
    """A JPEG by its markers: header, tables, then entropy-coded data that nothing can compress."""
    noise = draw.noise(max(64, size_bytes - 700)).replace(b"\xff", b"\xff\x00")
    tables = b"\xff\xdb\x00\x84\x00" + bytes(range(1, 129)) + b"\xff\xc4\x01\xa2" + bytes(416)
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x02\x00\x00\x64\x00\x64\x00\x00" + tables + b"\xff\xda\x00\x0c\x03\x01" + noise + b"\xff\xd9"


def styles_part(kind, part):
    """The same in every document of a kind, as templates make them."""
    draw = Draw("styles", kind, part)
    rows = (f'<style id="S{n}" name="{escape(draw.name(2))}" based-on="S{draw.randrange(n + 1)}"><font size="{draw.randrange(8, 30)}" '
            f'color="{draw.randrange(1 << 24):06X}"/><space before="{draw.randrange(400)}" after="{draw.randrange(400)}"/></style>' for n in range(120))
    return '<?xml version="1.0" encoding="UTF-8"?><styles>' + "".join(rows) + "</styles>"


STYLES = {kind: [(part, styles_part(kind, part)) for part in parts] for kind, parts in STYLE_PARTS.items()}


def paragraph_xml(kind, number, text):
    """One paragraph of a letter, or one row of a sheet."""
    text = escape(text.replace("\n", " "))
    if kind == "docx":
        return (f'<w:p w:rsidR="00A7{number % 97:04X}" w:rsidRDefault="00A7{number % 89:04X}"><w:pPr><w:jc w:val="both"/></w:pPr><w:r><w:rPr>'
                f'<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri"/><w:sz w:val="22"/></w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p>')
    if kind == "odt":
        return f'<text:p text:style-name="P{number % 12}">{text}</text:p>'
    cells = "".join(f'<c r="{chr(66 + column)}{number + 1}" s="{column + 3}"><v>{(hash_number(text) >> column) % 99991 / 100}</v></c>'
                    for column in range(CELLS_PER_ROW))
    return f'<row r="{number + 1}"><c r="A{number + 1}" t="inlineStr"><is><t>{text[:60]}</t></is></c>{cells}</row>'


def hash_number(text):
    """Amounts that depend on the row alone; Python's own hash differs from run to run."""
    return int.from_bytes(text.encode()[:12], "little") * 2654435761 % (1 << 61)


def document(kind, paragraphs, pictures, title):
    """The bytes of one office file."""
    main = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><body>'
    main += "".join(paragraph_xml(kind, number, text) for number, text in enumerate(paragraphs)) + "</body>"
    parts = [("mimetype", f"application/x-{kind}"), ("docProps/core.xml", f"<core><title>{escape(title)}</title></core>"), *STYLES[kind],
             (MAIN_PARTS[kind], main)]
    parts += [(f"{PICTURE_FOLDERS[kind]}/image{number}.jpeg", content) for number, content in enumerate(pictures, 1)]
    return container((zipfile.ZipInfo(name, CONTAINER_DATE), content) for name, content in parts)


def container(parts):
    """A ZIP file of (ZipInfo, content); pictures are stored, the rest is deflated."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for info, content in parts:
            packed = not info.filename.endswith((".jpeg", ".jpg", ".png", "mimetype"))
            archive.writestr(info, content, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    return out.getvalue()


def edited(content, text):
    """The same file after somebody typed `text` in the middle of it: every part is written anew, the main one alone differs.
    Returns None for a file that is no office document."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [(info, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None
    for number, (info, part) in enumerate(parts):
        if info.filename in MAIN_PARTS.values():
            parts[number] = (info, edited_part(part, text))
            return container(parts)
    return None


def edited_part(part, text):
    """Puts the text at the start of the first element with text behind the middle."""
    middle = len(part) // 2
    for tag in (b'<w:t xml:space="preserve">', b"<w:t>", b"<is><t>", b"<v>"):
        at = part.find(tag, middle)
        if at >= 0:
            typed = b"1" if tag == b"<v>" else escape(text).encode() + b" "
            return part[:at + len(tag)] + typed + part[at + len(tag):]
    at = part.find(b">", part.find(b"<text:p", middle)) + 1 or len(part)
    return part[:at] + escape(text).encode() + b" " + part[at:]
