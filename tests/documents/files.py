"""Files as people upload them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from docx import Document as Word
from docx.opc.constants import CONTENT_TYPE as CT
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsmap
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


#: of a paragraph under review: what was deleted, inserted, and moved here from elsewhere
REVIEWED = (
    "<w:r><w:t>Refunds take </w:t></w:r>"
    '<w:del w:id="1" w:author="A"><w:r><w:delText>30</w:delText></w:r></w:del>'
    '<w:ins w:id="2" w:author="A"><w:r><w:t>14</w:t></w:r></w:ins>'
    "<w:r><w:t> days</w:t></w:r>"
    '<w:moveFrom w:id="3" w:author="A"><w:r><w:t> at most</w:t></w:r></w:moveFrom>'
    '<w:moveTo w:id="4" w:author="A"><w:r><w:t>.</w:t></w:r></w:moveTo>'
)
#: a field, a content control with a smart tag in it, and a text box beside its copy
MADE_BY_FORMS = (
    '<w:fldSimple w:instr=" AUTHOR "><w:r><w:t>Ada</w:t></w:r></w:fldSimple>'
    "<w:sdt><w:sdtPr/><w:sdtContent>"
    '<w:smartTag w:uri="u" w:element="place"><w:r><w:t> of Turin</w:t></w:r></w:smartTag>'
    "</w:sdtContent></w:sdt>"
    "<w:r><mc:AlternateContent><mc:Choice><w:txbxContent>"
    "<w:p><w:r><w:t>In a box</w:t></w:r></w:p>"
    "</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>"
    "<w:p><w:r><w:t>In a box</w:t></w:r></w:p>"
    "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>"
)
NOTE = '<w:footnote w:id="1"><w:p><w:r><w:t>See §4</w:t></w:r></w:p></w:footnote>'
COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def make_reviewed_docx() -> bytes:
    """A Word file with tracked changes, a filled form, a text box and a footnote."""
    names = " ".join(
        f'xmlns:{prefix}="{name}"'
        for prefix, name in {"w": nsmap["w"], "mc": COMPATIBILITY}.items()
    )
    word = Word()
    for content in (REVIEWED, MADE_BY_FORMS):
        block = f"<w:p {names}>{content}</w:p>"
        word.element.body.sectPr.addprevious(parse_xml(block))
    control = f"<w:sdt {names}><w:sdtContent><w:p>{REVIEWED}</w:p></w:sdtContent></w:sdt>"
    word.element.body.sectPr.addprevious(parse_xml(control))
    cell = word.add_table(rows=1, cols=1).cell(0, 0)
    cell._tc.append(parse_xml(f"<w:p {names}>{REVIEWED}</w:p>"))
    notes = f"<w:footnotes {names}>{NOTE}</w:footnotes>".encode()
    uri, kind = PackURI("/word/footnotes.xml"), CT.WML_FOOTNOTES
    note = Part(uri, kind, notes, word.part.package)
    word.part.relate_to(note, RT.FOOTNOTES)
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


def make_zip(files: dict[str, Any], *, level: int = 6) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()
