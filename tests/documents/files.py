"""Files as people upload them: good ones, and those that are made to do harm."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from docx import Document as Word
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject


def make_pdf(*pages: str, title: str = "", password: str = "") -> bytes:
    """A PDF with a line of text on each page."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(300, 300)
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    assert PdfReader(io.BytesIO(out.getvalue())).is_encrypted == bool(password)
    return out.getvalue()


def make_long_pdf(page_count: int) -> bytes:
    """A PDF whose pages are all the same object, so that it is small and says it is long."""
    kids = " ".join(["3 0 R"] * page_count)
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {page_count} /Kids [{kids}] >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] >>",
    ]
    text, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(text)
    text += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    text += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return text.encode()


def make_docx(*, title: str = "") -> bytes:
    """A Word file with headings, a list and a table."""
    word = Word()
    word.core_properties.title = title
    word.add_heading("Rotating keys", 1)
    word.add_paragraph("Rotate the garnet key every month.")
    word.add_heading("Steps", 2)
    word.add_paragraph("Make a new one", style="List Bullet")
    table = word.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Region", "Basalt"
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


def make_zip(files: dict[str, Any], *, level: int = 6) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def replace_in_zip(archive: bytes, name: str, change: tuple[bytes, bytes]) -> bytes:
    """The archive with something replaced in one of its files."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        files = {entry: old.read(entry) for entry in old.namelist()}
    assert change[0] in files[name]
    files[name] = files[name].replace(*change, 1)
    return make_zip(files)
