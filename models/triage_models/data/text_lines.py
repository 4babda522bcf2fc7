"""Decodes a file or a stream to lines of text, in constant memory, and refuses what is not text.

UTF-8 is read with and without a byte order mark, UTF-16 and UTF-32 with one. Every other encoding is refused: Latin-1,
Windows-1252 and Mac Roman look alike, and a wrong guess would be learned from.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from triage_models.data.file_kinds import SAVE_AS_UTF_8, recognize
from triage_models.errors import DataError

BLOCK_BYTES = 64 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is refused, since a line has to fit into memory."""

MARK = "\ufeff"
_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""Byte order marks. Those of UTF-32 come first, since one of them begins like one of UTF-16."""

END_OF_FILE = b"\x1a"
"""What programs of DOS write after the last line."""

_SHIFT = re.compile(r"\x1b(\$[@AB]|\$[()*+][@-Z]|\([IJ])")
"""Where ISO-2022-JP, -KR or -CN switches its character set: escape sequences among ASCII."""

_SHOWN = 20
"""Characters before a wrong byte that an error shows."""


def text_lines(stream: BinaryIO, name: str, remedy: str = SAVE_AS_UTF_8) -> Iterator[str]:
    r"""Yield the lines of a stream, each with its line end: ``\n``, ``\r\n`` or ``\r``.

    A byte order mark at the start of a line is removed: files that were joined have one in the middle.

    Args:
        stream: the bytes.
        name: what errors call it.
        remedy: what errors advise where the bytes are not UTF-8.

    Raises:
        DataError: The content is not text, or its encoding cannot be identified; names the line and the byte. Raised
            while lines are read.
    """
    blocks = _blocks(stream)
    head = next(blocks, b"")
    kind = recognize(head)
    if kind is not None:
        raise DataError(f"{name} is {kind.name}: {kind.remedy}.")
    blocks = chain([head], blocks)
    encoding = next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)
    if encoding is not None:
        blocks = _recoded(blocks, encoding, name)
    elif (unmarked := _unmarked_encoding(head)) is not None:
        raise DataError(f"{name} is {unmarked} without a byte order mark: {remedy}.")
    for number, raw in enumerate(_split(blocks, name), start=1):
        yield _decoded(raw, number, name, remedy).removeprefix(MARK)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what a stream has, as soon as it has it; the first block has a few bytes, or is a whole line."""
    read = getattr(stream, "read1", stream.read)
    head = b""
    while block := read(BLOCK_BYTES):
        head += block
        if len(head) >= 4 or head.endswith(b"\n"):
            yield head
            head = b""
    if head:
        yield head


def _unmarked_encoding(head: bytes) -> str | None:
    """Return "UTF-16" or "UTF-32" if these bytes are that, without a mark: then many of them are zero."""
    line_ends = b"\n\0" in head or b"\0\n" in head
    if head.count(0) * 5 < len(head) and (not line_ends or _whole_characters(head, "utf-8") is not None):
        return None
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        text = _whole_characters(head, encoding) or ""
        if text and sum(character.isprintable() or character in "\t\r\n" for character in text) > 0.95 * len(text):
            return encoding[:6].upper()
    return None


def _whole_characters(block: bytes, encoding: str) -> str | None:
    """Decode a block, the last character of which may be incomplete; None if it is not in this encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(block)
    except UnicodeDecodeError:
        return None


def _recoded(blocks: Iterator[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """Yield blocks in UTF-16 or UTF-32, with a mark, as UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        for block in blocks:
            text = decoder.decode(block)
            line += text.count("\n")
            yield text.encode()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is damaged, at line {line} or a little later: its byte order mark says {encoding}, but not all of "
            "it is. Save it anew as UTF-8."
        ) from error


def _split(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield whole lines, whatever their ends are and wherever the blocks end."""
    parts: list[bytes] = []
    size, number = 0, 1
    half = b""
    for block in blocks:
        whole = half + block
        half = b"\r" if whole.endswith(b"\r") else b""  # the next block may begin with "\n"
        for piece in whole[: len(whole) - len(half)].splitlines(keepends=True):
            parts.append(piece)
            size += len(piece)
            if size > MAX_LINE_BYTES:
                raise DataError(
                    f"{name}, line {number}: the line has more than {MAX_LINE_BYTES // 2**20} MiB, so this is hardly a "
                    "table or a text: check that it is the right file."
                )
            if piece.endswith((b"\n", b"\r")):
                yield b"".join(parts)
                parts, size, number = [], 0, number + 1
    last = b"".join([*parts, half])
    if last and last != END_OF_FILE:
        yield last


def _decoded(raw: bytes, number: int, name: str, remedy: str) -> str:
    try:
        line = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()[-_SHOWN:]
        place = f"in line {number}, after “{before}”" if before.strip() else f"at the start of line {number}"
        raise DataError(f"{name} is not UTF-8 (byte 0x{raw[error.start]:02X} {place}): {remedy}.") from error
    shift = _SHIFT.search(line)
    if shift is not None:
        raise DataError(
            f"{name}, line {number}: the line has a shift sequence of ISO-2022, as in Japanese or Korean e-mail, so "
            f"its text is not UTF-8: {remedy}."
        )
    if "\0" in line:
        raise DataError(
            f"{name}, line {number}: the line has a zero byte, so the file is damaged or not a text: save it anew as "
            "UTF-8, or remove the byte."
        )
    return line
