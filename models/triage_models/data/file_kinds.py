"""Recognizes files that are not text by their first bytes, so that an error can say what they are."""

from typing import NamedTuple

SAVE_AS_UTF_8 = "save it as UTF-8 (in Excel: the file type “CSV UTF-8”)"
UNPACK = "unpack it first"
CONVERT = "convert it to CSV or JSON lines"


class Kind(NamedTuple):
    """A kind of file that is not text.

    Attributes:
        signature: its first bytes.
        name: what it is, with an article.
        remedy: what to do with it.
    """

    signature: bytes
    name: str
    remedy: str


_ZIPPED = b"PK\x03\x04"
_KINDS = (
    Kind(b"\xd0\xcf\x11\xe0", "a workbook of an old Excel (.xls)", SAVE_AS_UTF_8),
    Kind(b"\x1f\x8b", "compressed with gzip", f"{UNPACK}, for example with gunzip"),
    Kind(b"BZh", "compressed with bzip2", f"{UNPACK}, for example with bunzip2"),
    Kind(b"\xfd7zXZ\x00", "compressed with xz", f"{UNPACK}, for example with unxz"),
    Kind(b"\x28\xb5\x2f\xfd", "compressed with zstd", f"{UNPACK}, for example with unzstd"),
    Kind(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    Kind(b"Rar!\x1a", "a RAR archive", UNPACK),
    Kind(b"PAR1", "a Parquet file", f"{CONVERT} (`triage classify` reads it under the name .parquet)"),
    Kind(b"ARROW1", "an Arrow file", CONVERT),
    Kind(b"ORC", "an ORC file", CONVERT),
    Kind(b"Obj\x01", "an Avro file", CONVERT),
    Kind(b"SQLite format 3\x00", "an SQLite database", CONVERT),
    Kind(b"\x89HDF", "an HDF5 file", CONVERT),
    Kind(b"\x93NUMPY", "a NumPy array", CONVERT),
    Kind(b"%PDF", "a PDF document", CONVERT),
    Kind(b"{\\rtf", "an RTF document", SAVE_AS_UTF_8),
    Kind(b"\x89PNG", "a PNG image", CONVERT),
    Kind(b"\xff\xd8\xff", "a JPEG image", CONVERT),
)
_MARKUP = (
    Kind(b"<!doctype html", "a web page (HTML)", "export the table as CSV instead"),
    Kind(b"<html", "a web page (HTML)", "export the table as CSV instead"),
    Kind(b"<table", "a web page (HTML)", "export the table as CSV instead"),
    Kind(b"<?xml", "an XML file", CONVERT),
)


def recognize(head: bytes) -> Kind | None:
    """Return what a file is that begins with these bytes; None if it may be text.

    Args:
        head: the first bytes, a few hundred at best.
    """
    if head.startswith(_ZIPPED):
        return _zipped(head)
    start = head[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((kind for kind in _KINDS if head.startswith(kind.signature)), None) or next(
        (kind for kind in _MARKUP if start.startswith(kind.signature)), None
    )


def _zipped(head: bytes) -> Kind:
    """Tell the workbooks, which are ZIP archives, from other archives by the name of their first member."""
    if b"[Content_Types].xml" in head or b"xl/" in head:
        return Kind(_ZIPPED, "an Excel workbook", SAVE_AS_UTF_8)
    if b"application/vnd.oasis.opendocument" in head:
        return Kind(_ZIPPED, "an OpenDocument workbook", SAVE_AS_UTF_8)
    return Kind(_ZIPPED, "a workbook or a ZIP archive, not a text file", f"unpack it, or {SAVE_AS_UTF_8}")
