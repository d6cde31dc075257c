"""Files as people upload them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from docx import Document as Word
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject


def make_pdf(*pages: str, title: str = "", password: str = "", owner: str = "") -> bytes:
    """A PDF with a line of text on each page; with an `owner`, all may read it, by AES-256."""
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
    elif owner:
        writer.encrypt("", owner, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    assert PdfReader(io.BytesIO(out.getvalue())).is_encrypted == bool(password or owner)
    return out.getvalue()


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
