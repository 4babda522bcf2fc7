"""Tables as people have them: what is read, and what is refused with one sentence, by every command alike."""

import gzip
from typing import NamedTuple

ROWS = [("hi", "A b"), ("bye", "B")]
"""What each readable table says."""


class Readable(NamedTuple):
    """A file that is read as `ROWS`; ``note`` is a part of what is reported about it, if anything is."""

    name: str
    content: bytes
    note: str = ""


class Unreadable(NamedTuple):
    """A file that is refused; ``part`` is a part of the sentence."""

    name: str
    content: bytes
    part: str


PLAIN = "text,label\r\nhi,A b\r\nbye,B\r\n"
UMLAUTS = "text,label\nhi,A\nschöne Grüße,B\n"
SHEET = [
    Readable("plain.csv", PLAIN.encode()),
    Readable("marked.csv", PLAIN.encode("utf-8-sig")),
    Readable("marked_twice.csv", b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN.encode()),
    Readable("utf_16.csv", PLAIN.encode("utf-16")),
    Readable("utf_16_be.csv", b"\xfe\xff" + PLAIN.encode("utf-16-be")),
    Readable("utf_32.csv", PLAIN.encode("utf-32")),
    Readable("quoted_header.csv", b'"text","label"\n"hi","A b"\n"bye","B"\n'),
    Readable("break_in_header.csv", b'text,label,"notes\n(internal)"\nhi,A b,\nbye,B,x\n'),
    Readable("break_in_first_name.csv", b'"Ticket\r\nnumber";"Text";"Label"\r\n1;hi;A b\r\n2;bye;B\r\n'),
    Readable("break_around_name.csv", b'"text\n","\nlabel"\nhi,A b\nbye,B\n'),
    Readable("names_in_capitals.csv", b"TEXT , Label\nhi,A b\nbye,B\n"),
    Readable("no_break_space_in_name.csv", "text\xa0,\u200blabel\nhi,A b\nbye,B\n".encode()),
    Readable("declared.csv", b"sep=;\r\ntext;label\r\nhi;A b\r\nbye;B\r\n"),
    Readable("declared_by_pipe.csv", b"sep=|\r\ntext|label\r\nhi|A b\r\nbye|B\r\n"),
    Readable("declared_in_quotes.csv", b'"sep=;"\r\ntext;label\r\nhi;A b\r\nbye;B\r\n'),
    Readable("declared_wrongly.csv", b"sep=;\r\ntext,label\r\nhi,A b\r\nbye,B\r\n"),
    Readable("declared_utf_16.csv", "sep=\t\r\ntext\tlabel\r\nhi\tA b\r\nbye\tB\r\n".encode("utf-16")),
    Readable("semicolons.csv", b"text;label;weight\nhi;A b;0,5\nbye;B;1,25\n"),
    Readable("tabs.tsv", b"text\tlabel\nhi\tA b\nbye\tB\n"),
    Readable("blank_after_comma.csv", b'text, label\n"hi", "A b"\n"bye", B\n'),
    Readable("carriage_returns.csv", b"text,label\rhi,A b\rbye,B\r"),
    Readable("mixed_line_ends.csv", b"text,label\r\nhi,A b\nbye,B\r"),
    Readable("carriage_return_twice.csv", b"text,label\r\r\nhi,A b\r\r\nbye,B\r\r\n"),
    Readable("end_of_file.csv", b"text,label\r\nhi,A b\r\nbye,B\r\n\x1a"),
    Readable("no_line_end.csv", b"text,label\nhi,A b\nbye,B"),
    Readable("blank_lines.csv", b"\n\ntext,label\n\nhi,A b\n\n\nbye,B\n\n\n"),
    Readable("empty_rows.csv", b"text;label;;\nhi;A b;;\n;;;\n ; ;;\nbye;B;;\n;;;\n", "3 empty rows skipped"),
    Readable(
        "comments_above.csv", b"# exported today\n# by me\ntext,label\nhi,A b\nbye,B\n", "2 lines above the header"
    ),
    Readable("title_above.csv", b"Tickets of May;\n;\ntext;label\nhi;A b\nbye;B\n", "1 line above the header skipped"),
    Readable("joined.csv", PLAIN.encode() + b"\xef\xbb\xbftext,label\r\n", "1 repetition of the header skipped"),
    Readable("numbered.csv", b"#,text,label\n1,hi,A b\n2,bye,B\n"),
    Readable("nameless_columns.csv", b",text,label,,\n0,hi,A b,,\n1,bye,B,,\n"),
    Readable("other_column_twice.csv", b"text,label,note,note\nhi,A b,1,2\nbye,B,3,4\n"),
    Readable("short_rows.csv", b"text,label,shop,note\nhi,A b\nbye,B,\n"),
    Readable("no_break_space.csv", "text,label\nhi\xa0,A\xa0b\nbye,B\u200b\n".encode()),
    Readable("break_in_label.csv", b'text,label\nhi,"A\nb"\nbye,"B\r\n"\n'),
    Readable("lines.jsonl", b'{"text": "hi", "label": "A b"}\n\n{"label": "B", "text": "bye", "tags": ["x"]}\n'),
    Readable(
        "marked.jsonl", b'\xef\xbb\xbf{"text": "hi", "label": "A b"}\r\n\xef\xbb\xbf{"text": "bye", "label": "B"}'
    ),
    Readable("utf_16.jsonl", '{"text": "hi", "label": "A b"}\n{"text": "bye", "label": "B"}\n'.encode("utf-16")),
    Readable("capitals.ndjson", b'{"Text": "hi", "LABEL": "A b"}\n{"Text": "bye", "LABEL": "B"}\n'),
    Readable("nan_elsewhere.jsonl", b'{"text": "hi", "label": "A b", "x": NaN}\n{"text": "bye", "label": "B"}\n'),
]

BROKEN = [
    Unreadable("empty.csv", b"", "is empty: it needs a header line"),
    Unreadable("blank.csv", b"\n\r\n \n", "is empty: it needs a header line"),
    Unreadable("only_a_mark.csv", b"\xef\xbb\xbf", "is empty: it needs a header line"),
    Unreadable(
        "latin.csv", UMLAUTS.encode("latin-1"), "is not UTF-8 (byte 0xF6 in line 3, after “sch”): save it as UTF-8"
    ),
    Unreadable("mac.csv", UMLAUTS.encode("mac-roman"), "is not UTF-8 (byte 0x9A in line 3"),
    Unreadable(
        "late.csv", b"text,label\n" + b"hi,A\n" * 30_000 + b"caf\xe9,A\n", "(byte 0xE9 in line 30002, after “caf”)"
    ),
    Unreadable("cut.csv", b"text,label\nhi,A\nby,\xc3", "(byte 0xC3 in line 3, after “by,”)"),
    Unreadable("old_mac.csv", b"text,label\rhi,A\rcaf\x8e,B\r", "(byte 0x8E in line 3"),
    Unreadable("utf_16_le.csv", PLAIN.encode("utf-16-le"), "is UTF-16 without a byte order mark: save it as UTF-8"),
    Unreadable("utf_16_be.csv", PLAIN.encode("utf-16-be"), "is UTF-16 without a byte order mark"),
    Unreadable("utf_32_le.csv", PLAIN.encode("utf-32-le"), "is UTF-32 without a byte order mark"),
    Unreadable("chinese.csv", ("text,label\n" + "我的包裹在哪里,甲\n" * 9).encode("utf-16-le"), "is UTF-16 without"),
    Unreadable(
        "japanese.csv",
        "text,label\nhi,A\nこれは返品です,B\n".encode("iso-2022-jp"),
        "line 3: the line has a shift sequence",
    ),
    Unreadable("korean.csv", "text,label\n반품,A\n".encode("iso-2022-kr"), "line 2: the line has a shift sequence"),
    Unreadable(
        "japanese.jsonl",
        '{"text": "返品", "label": "A"}\n'.encode("iso-2022-jp"),
        "line 1: the line has a shift sequence",
    ),
    Unreadable("half.csv", b"\xff\xfet\0e\0x\0t\0,\0l\0a\0b\0e\0l\0\n\0h", "is damaged, at line 2 or a little later"),
    Unreadable("odd.csv", PLAIN.encode("utf-16") + b"\n", "its byte order mark says UTF-16, but not all of it is"),
    Unreadable("zero.csv", b"text,label\nhi,A\nby\0e,B\n", "line 3: the line has a zero byte"),
    Unreadable("xlsx.csv", b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", "is an Excel workbook: save it as UTF-8"),
    Unreadable(
        "ods.csv", b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "is an OpenDocument workbook"
    ),
    Unreadable("zip.csv", b"PK\x03\x04\x14\0rows.csv", "is a workbook or a ZIP archive"),
    Unreadable("xls.csv", b"\xd0\xcf\x11\xe0\xa1\xb1", "is a workbook of an old Excel"),
    Unreadable("gzip.csv", gzip.compress(PLAIN.encode()), "is compressed with gzip: unpack it first"),
    Unreadable("gzip.jsonl", gzip.compress(b"{}"), "is compressed with gzip"),
    Unreadable("zstd.csv", b"\x28\xb5\x2f\xfd\x04", "is compressed with zstd"),
    Unreadable("parquet.csv", b"PAR1\x15\x04", "is a Parquet file: convert it to CSV or JSON lines"),
    Unreadable("sqlite.csv", b"SQLite format 3\0", "is an SQLite database"),
    Unreadable("page.csv", b"\n<!DOCTYPE html><html><body>Sign in", "is a web page (HTML): export the table as CSV"),
    Unreadable("table.csv", b'<html xmlns:x="urn:schemas-microsoft-com:office:excel">', "is a web page (HTML)"),
    Unreadable("long.csv", b"text,label\n" + b"x" * (16 * 2**20 + 9), "line 2: the line has more than 16 MiB"),
    Unreadable("json.csv", b'{"text": "hi", "label": "A"}\n', "it looks like JSON lines, so name it .jsonl"),
    Unreadable("pipes.csv", b"text|label\nhi|A\n", "its cells seem to be separated by '|'"),
    Unreadable("no_header.csv", b"where is it,WISMO\nstop,CANCEL\n", "or add a header line if the first line is a row"),
    Unreadable("typing_error.csv", b"txet,lable\nhi,A\n", "'txet'"),
    Unreadable("title.csv", b"text (of the customer),label\nhi,A\n", "'text (of the customer)'"),
    Unreadable("twice.csv", b"text,label,Text\nhi,A,x\n", "has two columns 'text' (its columns: text, label, text)"),
    Unreadable("too_many.csv", b"text,label\nhi,A\nyes, please,A\n", "line 3: the row has 3 cells, the header 2"),
    Unreadable(
        "unclosed.csv", b'text,label\nhi,A\n"bye,B\nthere,A\n', "the quotation mark that opens in line 3 is never"
    ),
    Unreadable(
        "unclosed_header.csv", b'"text,label\nhi,A\nbye,B\n', "the quotation mark that opens in line 1 is never"
    ),
    Unreadable(
        "unclosed_tab.tsv", b'text\tlabel\nhi\tA\n"bye\tB\n', "the quotation mark that opens in line 3 is never"
    ),
    Unreadable(
        "unclosed_second.csv",
        b'text,label,note\n"a\nb",A,"c\nd,B,e\n',
        "the quotation mark that opens in line 3 is never closed",
    ),
    Unreadable("half_quoted.csv", b'text,label\nhi,A\n"no" he said,A\n', "is not CSV at line 3"),
    Unreadable(
        "closed_later.csv",
        b'text,label\nhi,A\n"bye,B\n"stop, now",A\n',
        "is not CSV at line 4, within the quoted text that begins in line 3",
    ),
    Unreadable("blank_after_quote.csv", b'text,label\n"hi" ,A\n', "and nothing between the last one and the next cell"),
    Unreadable("backslash.csv", b'text,label\n"say \\"hi\\"",A\n', "is not CSV at line 2"),
    Unreadable(
        "huge_text.csv",
        b'text,label\nhi,A\n"' + b"no end\n" * (3 * 2**20) + b'",B\n',
        "line 3: a cell that begins here has more than 16 MiB",
    ),
    Unreadable(
        "glued.csv", b"text,label\nhi,A\nbye,B\xef\xbb\xbftext,label\nyes,A\n", "line 3: a byte order mark stands"
    ),
    Unreadable("empty.jsonl", b"\n", "is empty: it needs a JSON object per line"),
    Unreadable("array.jsonl", b'[{"text": "hi", "label": "A"}]', "line 1: not a JSON object but an array"),
    Unreadable("array.jsonl", b'[\n{"text": "hi", "label": "A"},\n]', "line 1: not JSON ("),
    Unreadable("pretty.jsonl", b'{\n  "text": "hi"\n}\n', "on a single line (`jq -c .` does"),
    Unreadable("commas.jsonl", b'{"text": "hi", "label": "A"},\n', "per line, without a comma after it"),
    Unreadable("trailing.jsonl", b'{"text": "hi", "label": "A",}\n', "line 1: not JSON ("),
    Unreadable("csv.jsonl", b"text,label\nhi,A\n", "or name the file .csv if it is one"),
    Unreadable("cut.jsonl", b'{"text": "hi", "label": "A"}\n{"text": "b', "line 2: not JSON (Unterminated string"),
    Unreadable("two.jsonl", b'{"text": "hi"}{"text": "you"}\n', "line 1: not JSON (Extra data)"),
    Unreadable("string.jsonl", b'"hi"\n', "line 1: not a JSON object: write one"),
    Unreadable("deep.jsonl", b"[" * 200_000, "line 1: not JSON (nested too deeply)"),
    Unreadable("field_twice.jsonl", b'{"text": "hi", "text": "you", "label": "A"}', "the field 'text' is there twice"),
    Unreadable("latin.jsonl", '{"text": "é"}\n'.encode("latin-1"), "is not UTF-8 (byte 0xE9 in line 1"),
    Unreadable("utf_16_le.jsonl", '{"text": "hi", "label": "A"}\n'.encode("utf-16-le"), "is UTF-16 without"),
]
"""Files that no command can read."""

MISLABELLED = [
    Unreadable(
        "no_text.csv", b"text,label\nhi,A\n\xc2\xa0,B\n\xe2\x80\x8b,B\n", "line 3 and 1 more: the row has no text"
    ),
    Unreadable(
        "fillers.csv",
        "text,label\nhi,A\n\u3164,B\n\u2800 \u2800,B\n".encode(),
        "line 3 and 1 more: the row has no text",
    ),
    Unreadable("filler_label.csv", "text,label\nhi,A\nho,\u3164\n".encode(), "line 3: the row has no label"),
    Unreadable("no_label.csv", b"text,label\nhi,A\nbye\n", "line 3: the row has no label"),
    Unreadable("comment.csv", b"text,label\nhi,A\n# the rest is B\nbye,B\n", "line 3: the row has no label"),
    Unreadable(
        "nan.csv", b"text,label\nhi,A\nbye,nan\nso,NULL\n", "line 3 and 1 more: the label is 'nan', as programs"
    ),
    Unreadable("nan_text.csv", b"text,label\nNaN,A\nbye,A\n", "line 2: the text is 'NaN', as programs write"),
    Unreadable("failed.csv", b"text,label\nhi,A\nbye,#N/A\n", "line 3: the label is '#N/A'"),
    Unreadable("formula.csv", b"text,label\nhi,A\nbye,=B2\n", "line 3: the label '=B2' is a formula of a spreadsheet"),
    Unreadable("long.csv", b"text,label\nhi," + b"A" * 201 + b"\n", "line 2: the label has 201 characters ('AAAA"),
    Unreadable("null.jsonl", b'{"text": "hi", "label": null}', "line 1: the row has no label"),
    Unreadable("nan.jsonl", b'{"text": "hi", "label": NaN}', "line 1: the row has no label"),
    Unreadable("nan_text.jsonl", b'{"text": NaN, "label": "A"}', "line 1: the row has no text"),
    Unreadable("nan_string.jsonl", b'{"text": "hi", "label": "nan"}', "line 1: the label is 'nan'"),
    Unreadable("missing.jsonl", b'{"text": "hi", "label": "A"}\n{"text": "bye"}', "line 2: the row has no label"),
    Unreadable(
        "nested.jsonl", b'{"text": {"body": "hi"}, "label": "A"}', "line 1: the text is an object, not a string"
    ),
    Unreadable("several.jsonl", b'{"text": "hi", "label": ["A", "B"]}', "line 1: the label is an array, not a string"),
    Unreadable("by_column.jsonl", b'{"text": {"0": "hi"}, "label": {"0": "A"}}', "line 1: the text is an object"),
    Unreadable("alike.jsonl", b'{"text": "hi", "Text": "you", "label": "A"}', "line 1: there are two fields 'text'"),
    Unreadable(
        "ids.csv",
        b"text,label\n" + b"2024-01-03,A\n4711,B\n" * 5,
        "has no text with a letter in it (the first is '2024",
    ),
    Unreadable(
        "swallowed.csv",
        b'text,label\nhi,A\n"where is it,B\nstop it,A\nbye",B\n',
        "line 3: the text of this row goes on over the lines below it",
    ),
    Unreadable(
        "swallowed_label_first.csv",
        b'label,text\nA,"where is it\nB,stop it\nA,bye\nB,so"\nB,hi\nA,yes\n',
        "line 2: the text of this row goes on over the lines below it",
    ),
    Unreadable("header_only.csv", b"text,label\n", "has no rows below its header"),
]
"""Files whose rows cannot be learned from or measured with."""
