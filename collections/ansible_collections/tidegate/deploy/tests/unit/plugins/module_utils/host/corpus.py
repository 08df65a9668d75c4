# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus: archives that must be refused and archives that must be taken, and what each Python makes of them.

Runs by itself under any Python from 3.9 on, without a test runner: ``python corpus.py`` prints what went wrong, if
anything, and its exit status says so. `test_corpus.py` runs it under every interpreter that it finds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(
        0, str(next(parent for parent in Path(__file__).parents if parent.name == "ansible_collections").parent)
    )

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.module_utils.core.manifest import Manifest
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.folder_host import FolderHost, read
from ansible_collections.tidegate.deploy.tests.unit.plugins.module_utils.host.raw_tar import (
    END,
    GNU,
    content,
    extended,
    file,
    folder,
    gz,
    header,
    link,
    pax,
    record,
    tar,
    xz,
)

MIB = 1024 * 1024
A, L = "ARCHIVE", "ARCHIVE_LIMIT"
NFC, NFD = "\u00e9".encode(), "e\u0301".encode()
DEEP = b"/".join([b"d"] * 200)
GOOD = file(b"good", b"good")

# name: (bytes, code, what the message must hold, limits and other settings that differ from the usual)
HOSTILE: dict[str, tuple[bytes, str, str, dict[str, Any]]] = {}
# name: (bytes, {path: type or link target}, settings)
FRIENDLY: dict[str, tuple[bytes, dict[str, str], dict[str, Any]]] = {}


def refused(title: str, data: bytes, code: str, message: str, **settings: Any) -> None:
    HOSTILE[title] = (data, code, message, settings)


def taken(title: str, data: bytes, paths: dict[str, str], **settings: Any) -> None:
    FRIENDLY[title] = (data, paths, settings)


# --- names ---------------------------------------------------------------------------------------------------------

refused("parent", tar(GOOD, file(b"../evil")), A, "member ../evil: path with a '..' component")
refused("parent in the middle", tar(GOOD, file(b"a/../../evil")), A, "member a/../../evil: path with a '..'")
refused("parent after dot", tar(file(b"./../evil")), A, "member ./../evil: path with a '..'")
refused("parent folder", tar(folder(b"..")), A, "member ..: path with a '..'")
refused("parent folder with slash", tar(folder(b"../")), A, "member ../: path with a '..'")
refused("parent in a long name", tar(extended(b"../" * 60 + b"evil\0", b"L"), file(b"a")), A, "path with a '..'")
refused("parent in pax", tar(pax(path=b"../evil"), file(b"innocent")), A, "member ../evil: path with a '..'")
refused("parent in prefix", tar(header(b"evil", prefix=b"..")), A, "member ../evil: path with a '..'")
refused("parent as link", tar(link(b"../evil", b"x")), A, "member ../evil: path with a '..'")
refused("absolute", tar(file(b"/etc/cron.d/evil")), A, "member /etc/cron.d/evil: absolute path")
refused("absolute twice", tar(file(b"//etc/evil")), A, "member //etc/evil: absolute path")
refused("absolute after dot", tar(file(b".//etc/evil")), A, "member .//etc/evil: absolute path")
refused("absolute folder", tar(folder(b"/")), A, "member /: absolute path")
refused("absolute in pax", tar(pax(path=b"/evil"), file(b"a")), A, "member /evil: absolute path")
refused("empty name", tar(file(b"")), A, "member : empty name")
refused("empty name in pax", tar(pax(path=b""), file(b"a")), A, "member : empty name")
refused("empty long name", tar(extended(b"\0", b"L"), file(b"a")), A, "member : empty name")
refused("empty component", tar(file(b"a//b")), A, "member a//b: path with an empty or '.' component")
refused("dot component", tar(file(b"a/./b")), A, "member a/./b: path with an empty or '.' component")
refused("dot twice", tar(file(b"././a")), A, "member ././a: path with an empty or '.' component")
refused("file with a slash", tar(file(b"a/")), A, "member a/: path with an empty or '.' component")
refused("old folder by slash", tar(header(b"a/", b"\0")), A, "member a/: path with an empty or '.' component")
refused("dot as file", tar(file(b".")), A, "member .: the top folder as something else")
refused("dot as link", tar(link(b".", b"x")), A, "member .: the top folder as something else")
refused(
    "dot folder twice", tar(folder(b"./"), folder(b"."), GOOD), A, "member .: the top folder as something else or twice"
)
refused("NUL", tar(pax(path=b"a\0b"), file(b"a")), A, r"member a\x00b: control character \x00")
refused("NUL in long name", tar(extended(b"a\0b\0", b"L"), file(b"a")), A, r"member a\x00b: control character \x00")
refused("newline", tar(file(b"a\nb")), A, r"member a\x0ab: control character \x0a")
refused("escape", tar(file(b"a\x1b[2Jb")), A, r"member a\x1b[2Jb: control character \x1b")
refused("delete", tar(file(b"a\x7f")), A, r"control character \x7f")
refused("C1 control", tar(file("a\u0085".encode())), A, r"member a\x85: control character \x85")
refused("bidi override", tar(file("a\u202etxt".encode())), A, r"member a\u202etxt: control character \u202e")
refused("zero width", tar(file("a\u200b".encode())), A, r"control character \u200b")
refused("line separator", tar(file("a\u2028".encode())), A, r"control character \u2028")
refused("not UTF-8", tar(file(b"a\xff")), A, r"member a\xff: name that is not UTF-8")
refused("surrogate", tar(file(b"a\xed\xa0\x80")), A, "name that is not UTF-8")
refused("overlong UTF-8", tar(file(b"a\xc0\xae\xc0\xae/b")), A, "name that is not UTF-8")
refused(
    "long path",
    tar(pax(path=b"a/" * 512 + b"a"), file(b"a")),
    L,
    "path longer than 1024 bytes",
)
refused("longer than asked", tar(file(b"a/b/c/d/e/f")), L, "path longer than 10 bytes", limits={"max_path": 10})
refused("long component", tar(pax(path=b"a" * 256), file(b"a")), L, "path component longer than 255 bytes")
refused("long name of 64 KiB", tar(extended(b"a" * 65536, b"L"), file(b"a")), L, "path longer than 1024 bytes")
refused("deep path", tar(pax(path=DEEP), file(b"a")), L, "path deeper than 128 folders")

# --- names that meet each other ------------------------------------------------------------------------------------

refused("file twice", tar(file(b"a"), file(b"a")), A, "member a: name that the archive already has")
refused("file twice by dot", tar(file(b"a"), file(b"./a")), A, "member ./a: name that the archive already has")
refused("folder twice", tar(folder(b"a/"), folder(b"a")), A, "member a: name that the archive already has")
refused("link twice", tar(link(b"a", b"b"), link(b"a", b"c")), A, "member a: name that the archive already has")
refused("case", tar(file(b"Read"), file(b"reaD")), A, "member reaD: name that differs from Read only by case")
refused(
    "case of folders", tar(file(b"Lib/a"), file(b"lib/b")), A, "member lib/b: name that differs from Lib only by case"
)
refused(
    "case of link", tar(folder(b"Etc"), link(b"etc", b"x"), file(b"Etc/a")), A, "member etc: name that differs from Etc"
)
refused("normalization", tar(file(NFC), file(NFD)), A, "only by case or Unicode normalization")
refused("sharp s", tar(file("stra\u00dfe".encode()), file(b"STRASSE")), A, "only by case or Unicode normalization")
refused("file as folder", tar(file(b"a"), file(b"a/b")), A, "member a/b: lies below the file a")
refused("folder over file", tar(file(b"a"), folder(b"a")), A, "member a: dir where the archive already has a file")
refused("file over folder", tar(file(b"a/b"), file(b"a")), A, "member a: file where the archive already has a dir")
refused("file over link", tar(link(b"a", b"b"), file(b"a")), A, "member a: file where the archive already has a link")
refused(
    "link over folder", tar(file(b"a/b"), link(b"a", b"c")), A, "member a: link where the archive already has a dir"
)

# --- links ---------------------------------------------------------------------------------------------------------

refused("absolute link", tar(link(b"a", b"/etc/passwd")), A, "member a: link to the absolute path /etc/passwd")
refused("link out", tar(link(b"a", b"../x")), A, "member a: link to ../x, which leaves the release")
refused(
    "link out from below", tar(link(b"d/a", b"../../x")), A, "member d/a: link to ../../x, which leaves the release"
)
refused("link far out", tar(link(b"d/a", b"../" * 20 + b"etc")), A, "which leaves the release")
refused("link out and back", tar(link(b"a", b"../a/b")), A, "which leaves the release")
refused("link out by a name", tar(link(b"d/a", b"x/../../../etc")), A, "or has a '..' after a name")
refused("parent after a name", tar(folder(b"d"), link(b"a", b"d/../d")), A, "or has a '..' after a name")
refused("long link out", tar(extended(b"../" * 50 + b"x\0", b"K"), link(b"a", b"x")), A, "which leaves the release")
refused("pax link out", tar(pax(linkpath=b"../x"), link(b"a", b"x")), A, "link to ../x, which leaves the release")
refused("file below link", tar(link(b"a", b"d"), file(b"a/evil")), A, "member a/evil: lies below the link a")
refused("file below link to itself", tar(link(b"a", b"."), file(b"a/evil")), A, "member a/evil: lies below the link a")
refused("file far below link", tar(link(b"d/a", b"e"), file(b"d/a/b/c")), A, "member d/a/b/c: lies below the link d/a")
refused("folder below link", tar(link(b"a", b"d"), folder(b"a/e")), A, "member a/e: lies below the link a")
refused("link below link", tar(link(b"a", b"d"), link(b"a/e", b"x")), A, "member a/e: lies below the link a")
refused(
    "link through link",
    tar(folder(b"d"), link(b"a", b"d"), link(b"b", b"a/x")),
    A,
    "member b: link to a/x passes through the link a",
)
refused(
    "link through later link",
    tar(link(b"b", b"a/x"), link(b"a", b"d")),
    A,
    "member b: link to a/x passes through the link a",
)
refused(
    "link up through link",
    tar(link(b"e/b", b"../a/x"), link(b"a", b"d")),
    A,
    "member e/b: link to ../a/x passes through",
)
refused("link to itself", tar(link(b"a", b"a")), A, "member a: link to a passes through the link a")
refused("link circle", tar(link(b"a", b"b"), link(b"b", b"a")), A, "passes through the link")
refused(
    "long chain of links", tar(*(link(b"l%d" % n, b"l%d" % (n + 1)) for n in range(50))), A, "passes through the link"
)
refused("link without target", tar(link(b"a", b"")), A, "member a: link without a target")
refused("link with newline", tar(link(b"a", b"x\ny")), A, r"member a: link target with a control character \x0a")
refused("link not UTF-8", tar(link(b"a", b"\xff")), A, "member a: link target that is not UTF-8")
refused("long link", tar(pax(linkpath=b"a" * 2000), link(b"a", b"x")), L, "link target longer than 1024 bytes")
refused("hard link", tar(GOOD, header(b"a", b"1", target=b"good")), A, "member a: hard link, expected files, folders")
refused("hard link out", tar(header(b"a", b"1", target=b"../../etc/passwd")), A, "member a: hard link")
refused("absolute hard link", tar(header(b"a", b"1", target=b"/etc/shadow")), A, "member a: hard link")

# --- kinds and modes -----------------------------------------------------------------------------------------------

refused("character device", tar(header(b"a", b"3")), A, "member a: character device")
refused("block device", tar(header(b"a", b"4")), A, "member a: block device")
refused("fifo", tar(header(b"a", b"6")), A, "member a: fifo")
refused("contiguous", tar(header(b"a", b"7")), A, "member a: member of unknown type '7'")
refused("socket", tar(header(b"a", b"s")), A, "member a: member of unknown type 's'")
refused("multi-volume", tar(header(b"a", b"M")), A, "member a: member of unknown type 'M'")
refused("dump folder", tar(header(b"a", b"D", magic=GNU)), A, "member a: member of unknown type 'D'")
refused("unknown kind", tar(header(b"a", b"\xff")), A, r"member a: member of unknown type '\xff'")
refused("sparse", tar(header(b"a", b"S", magic=GNU)), A, "member a: sparse file")
refused("pax sparse", tar(pax(GNU__sparse__major=b"1", path=b"a"), file(b"x")), A, "member a: sparse file")
refused("set-uid", tar(file(b"a", mode=0o4755)), A, "member a: set-id or sticky bit in mode 4755")
refused("set-gid", tar(file(b"a", mode=0o2755)), A, "member a: set-id or sticky bit in mode 2755")
refused("set-gid folder", tar(folder(b"a", mode=0o2755)), A, "member a: set-id or sticky bit in mode 2755")
refused("sticky folder", tar(folder(b"a", mode=0o1777)), A, "member a: set-id or sticky bit in mode 1777")
refused("set-gid top", tar(folder(b"./", mode=0o2755), GOOD), A, "member ./: set-id or sticky bit")
refused("folder with content", tar(header(b"a", b"5", size=512) + content(b"x")), A, "member a: dir with 512 bytes")
refused(
    "link with content", tar(header(b"a", b"2", size=1, target=b"b") + content(b"x")), A, "member a: link with 1 bytes"
)

# --- headers that two readers could read differently -----------------------------------------------------------------

BROKEN = bytearray(file(b"bad"))
BROKEN[0] ^= 1
refused("checksum", tar(GOOD, bytes(BROKEN)), A, "header with a wrong checksum")
refused("negative size", tar(header(b"a", size_field=b"\xff" * 12)), A, "expected octal digits")
refused("size with a sign", tar(header(b"a", size_field=b"-0000000001\0")), A, "expected octal digits")
refused("size with a line", tar(header(b"a", size_field=b"0000_000001\0")), A, "expected octal digits")
refused("pax size with a sign", tar(pax(size=b"-1"), file(b"a")), A, "pax size '-1'")
refused("pax size of letters", tar(pax(size=b"x"), file(b"a")), A, "pax size 'x'")
refused("pax without length", tar(extended(b"path=a\n"), file(b"a")), A, "pax header with a malformed record")
refused("pax length too long", tar(extended(b"99 path=a\n"), file(b"a")), A, "pax header with a malformed record")
refused("pax length too short", tar(extended(b"3 path=a\n"), file(b"a")), A, "pax header with a malformed record")
refused("pax length zero", tar(extended(b"0 path=a\n"), file(b"a")), A, "pax header with a malformed record")
refused(
    "pax key twice", tar(extended(record("path", b"a") + record("path", b"b")), file(b"a")), A, "two records of 'path'"
)
refused("two pax headers", tar(pax(path=b"a"), pax(path=b"b"), file(b"a")), A, "two pax headers for one member")
refused("two long names", tar(extended(b"a\0", b"L"), extended(b"b\0", b"L"), file(b"a")), A, "two long-name headers")
refused(
    "pax and long name", tar(extended(b"a\0", b"L"), pax(path=b"b"), file(b"a")), A, "two long names for one member"
)
refused(
    "global path", tar(pax(b"g", path=b"../evil"), file(b"a")), A, "global pax header that sets path for all members"
)
refused("global size", tar(pax(b"g", size=b"0"), file(b"a")), A, "global pax header that sets size for all members")
refused("pax header at the end", tar(GOOD, pax(path=b"b")), A, "truncated")
refused("zero block between", GOOD + bytes(512) + file(b"hidden") + END, A, "a single block of zeros between members")
refused("data after the end", tar(GOOD) + file(b"hidden"), A, "other data after the end of the tar archive")
refused("second archive", tar(GOOD) + tar(file(b"hidden")), A, "other data after the end of the tar archive")
refused("nothing", END, A, "holds nothing to unpack", name="a.tar")
refused("top folder only", tar(folder(b"./")), A, "holds nothing to unpack")

# --- broken on the way ---------------------------------------------------------------------------------------------

refused("cut in a file", file(b"big", b"x" * 5000)[:2000], A, "truncated: the archive ends inside member big")
refused("cut after a file", GOOD, A, "truncated: the archive ends inside a header, or has no end mark")
refused("cut in the end mark", GOOD + bytes(512), A, "truncated: the archive ends inside its end mark")
refused("cut gzip", gz(tar(GOOD))[:-12], A, "truncated: the archive ends inside its compressed data")
refused("cut gzip checksum", gz(tar(GOOD))[:-4], A, "truncated: the archive ends inside its compressed data")
refused("gzip of nothing", gz(b""), A, "truncated: the archive ends inside a header")
refused("wrong gzip checksum", gz(tar(GOOD))[:-8] + bytes(8), A, "damaged gzip data")
refused("noise in gzip", gz(tar(GOOD))[:10] + b"\x07" + bytes(40), A, "damaged gzip data")
refused("gzip with a tail", gz(tar(GOOD)) + b"tail tail tail", A, "other data after the end of the gzip data")
refused(
    "second archive in gzip", gz(tar(GOOD)) + gz(tar(file(b"hidden"))), A, "other data after the end of the tar archive"
)
refused("cut xz", xz(tar(GOOD))[:-12], A, "truncated: the archive ends inside its compressed data")
refused("noise in xz", xz(tar(GOOD))[:30] + b"\xff" * 200, A, "damaged xz data")
refused("xz with a tail", xz(tar(GOOD)) + b"tail tail tail", A, "other data after the end of the xz data")
refused("bzip2", b"BZh91AY&SY", A, "bzip2 compression found")
refused("zstd", b"\x28\xb5\x2f\xfd\x24\x00", A, "zstd compression found")
refused("gzip of no archive", gz(b"just text" * 100), A, "not a sound tar archive: header with a wrong checksum")
refused(
    "text named as archive",
    b"just text",
    A,
    "a.tgz is named like a tar archive, but its content is not one",
    name="a.tgz",
)

# --- too much ------------------------------------------------------------------------------------------------------

refused(
    "8 GiB announced",
    tar(header(b"a", size_field=b"\x80" + (8 * 1024**3).to_bytes(11, "big"))),
    L,
    "member a: 8589934592 bytes",
)
refused("2^80 bytes announced", tar(header(b"a", size_field=b"\x80\x01" + bytes(10))), L, "member a: ")
refused("pax size huge", tar(pax(size=b"9" * 18), file(b"a")), L, "member a: 999999999999999999 bytes")
refused(
    "too many bytes",
    tar(file(b"a", b"x" * 900), file(b"b", b"x" * 5000)),
    L,
    "member b: 5900 bytes",
    limits={"max_bytes": 2100},
)
refused(
    "too many bytes with headers",
    tar(*(folder(b"%d" % n) for n in range(10))),
    L,
    "expands to more than 2000 bytes",
    limits={"max_bytes": 2000},
)
refused(
    "too many entries",
    tar(*(file(b"%d" % n) for n in range(11))),
    L,
    "member 10: more than 10 entries",
    limits={"max_entries": 10},
)
refused("too many implied entries", tar(file(b"a/b/c/d/e/f")), L, "more than 5 entries", limits={"max_entries": 5})
refused(
    "too many global headers",
    tar(pax(b"g", comment=b"x") * 11, GOOD),
    L,
    "too many global pax headers",
    limits={"max_entries": 10},
)
refused("gzip bomb", gz(tar(file(b"zero", bytes(24 * MIB)))), L, "max_ratio")
refused("gzip bomb of headers", gz(tar(folder(b"a") * 1, pax(b"g", comment=b"x") * 20000)), L, "max_ratio")
refused("gzip bomb after the end", gz(tar(GOOD) + bytes(24 * MIB)), L, "max_ratio")
refused("xz bomb", xz(tar(file(b"zero", bytes(24 * MIB)))), L, "max_ratio")
refused("huge pax header", tar(extended(record("comment", b"x" * (2 * MIB))), GOOD), L, "pax header of 20971")
refused("huge long name announced", tar(header(b"a", b"L", size=8**11 - 1)), L, "long-name header of 8589934591 bytes")

# --- leading components left away, and single files ------------------------------------------------------------------

refused("strip leaves nothing", tar(file(b"a")), A, "member a: strip 1 leaves nothing", strip=1)
refused(
    "strip of two folders",
    tar(file(b"a/x"), file(b"b/y")),
    A,
    "member b/y: strip 1 expects all members below one folder",
    strip=1,
)
refused("strip and parent", tar(file(b"a/../x")), A, "member a/../x: path with a '..'", strip=1)
refused(
    "strip and link out", tar(link(b"a/l", b"../x")), A, "member a/l: link to ../x, which leaves the release", strip=1
)
refused(
    "strip and same names",
    tar(file(b"a/x"), file(b"./a/x")),
    A,
    "member ./a/x: name that the archive already has",
    strip=1,
)
refused("strip of a file", b"#!/bin/sh\n", A, "strip 1 leaves nothing", strip=1)
refused("empty file", b"", A, "empty file found for the artifact a.bin")
refused("file named with slash", b"x", A, "name with a slash found for the artifact ../a", name="../a")
refused("file named parent", b"x", A, "path with a '..' component", name="..")
refused("file named with escape", b"x", A, r"control character \x1b", name="a\x1b[2J")
refused("file too long", b"x" * 100, L, "expands to more than 99 bytes", limits={"max_bytes": 99})

# --- what must be taken --------------------------------------------------------------------------------------------

taken(
    "as tar -C folder . writes",
    tar(folder(b"./"), folder(b"./bin/"), file(b"./bin/web", mode=0o755)),
    {"bin": "dir", "bin/web": "file"},
)
taken("implied folders", tar(file(b"a/b/c")), {"a": "dir", "a/b": "dir", "a/b/c": "file"})
taken("folder after its file", tar(file(b"a/b"), folder(b"a/")), {"a": "dir", "a/b": "file"})
taken(
    "versioned library",
    tar(link(b"l.so", b"l.so.1"), link(b"l.so.1", b"l.so.1.2"), file(b"l.so.1.2")),
    {"l.so": "l.so.1", "l.so.1": "l.so.1.2", "l.so.1.2": "file"},
)
taken("link to folder", tar(folder(b"d"), link(b"e/l", b"../d/")), {"d": "dir", "e": "dir", "e/l": "../d/"})
taken("link to top", tar(link(b"a/here", b"..")), {"a": "dir", "a/here": ".."})
taken("link to nothing yet", tar(link(b"a", b"./run/later")), {"a": "./run/later"})
taken("pax name", tar(pax(path=b"n" * 200), file(b"short")), {"n" * 200: "file"})
taken("pax size", tar(pax(size=b"1") + header(b"a", size=0) + content(b"x")), {"a": "file"})
taken(
    "long name and target",
    tar(extended(b"n" * 200 + b"\0", b"L"), extended(b"t" * 200 + b"\0", b"K"), link(b"n", b"t")),
    {"n" * 200: "t" * 200},
)
taken("prefix", tar(header(b"c", prefix=b"a/b")), {"a": "dir", "a/b": "dir", "a/b/c": "file"})
taken("before POSIX", tar(header(b"a", b"\0", magic=b"")), {"a": "file"})
taken("size in base 256", tar(header(b"a", size_field=b"\x80" + bytes(10) + b"\x01") + content(b"x")), {"a": "file"})
taken("global comment", tar(pax(b"g", comment=b"0123456789abcdef"), file(b"a")), {"a": "file"})
taken(
    "attributes",
    tar(pax(SCHILY__xattr__user__x=b"1", SCHILY__acl__access=b"2", mtime=b"1.5"), file(b"a")),
    {"a": "file"},
    metadata=2,
)
taken(
    "writable by others",
    tar(folder(b"d", 0o777), file(b"d/a", mode=0o666), file(b"d/b", mode=0o755)),
    {"d": "dir", "d/a": "file", "d/b": "file"},
    write_bits=2,
)
taken("backslash and blank", tar(file(b"dev\\x2d a")), {"dev\\x2d a": "file"})
taken("decomposed letters", tar(file(NFD)), {"e\u0301": "file"})
taken("empty file in archive", tar(file(b"a", b"")), {"a": "file"})
taken("gzip in two members", gz(tar(GOOD)[:700]) + gz(tar(GOOD)[700:]), {"good": "file"})
taken("gzip with padding", gz(tar(GOOD)) + bytes(1000), {"good": "file"})
taken("xz in two streams", xz(tar(GOOD)[:700]) + bytes(8) + xz(tar(GOOD)[700:]), {"good": "file"})
taken("padding of zeros", tar(GOOD) + bytes(9 * 1024), {"good": "file"})
taken("bomb in a box", tar(file(b"box.gz", gz(bytes(24 * MIB)))), {"box.gz": "file"})
taken("strip", tar(folder(b"web-1.0/"), file(b"web-1.0/a"), link(b"web-1.0/b", b"a")), {"a": "file", "b": "a"}, strip=1)
taken("strip with dots", tar(folder(b"./"), folder(b"./w"), file(b"./w/x/a")), {"a": "file"}, strip=2)
taken("single file", b"\x7fELF and so on", {"a.bin": "file"})
taken("single zip", b"PK\x03\x04 and so on", {"app.jar": "file"}, name="app.jar")


# --- running it ----------------------------------------------------------------------------------------------------


def problem_of_hostile(name: str) -> str | None:
    """What is wrong with how one hostile archive is refused, or None."""
    data, code, message, settings = HOSTILE[name]
    answers = []
    with tempfile.TemporaryDirectory() as top:
        host = FolderHost(top)
        for attempt in (lambda: read(data, settings), lambda: host.push(data, "0" * 64, settings)):
            try:
                attempt()
            except Refusal as refusal:
                answers.append((refusal.code, refusal.message))
            else:
                return f"{name}: taken"
        if host.left():
            return f"{name}: left on disk: {host.left()}"
    if answers[0] != answers[1]:
        return f"{name}: controller and host differ: {answers}"
    if answers[0][0] != code or message not in answers[0][1]:
        return f"{name}: {answers[0]}, expected {code} with {message!r}"
    return None


def problem_of_friendly(name: str) -> str | None:
    """What is wrong with how one ordinary archive is taken, or None."""
    data, paths, settings = FRIENDLY[name]
    reading = read(data, settings)
    found = {entry.path: entry.target or entry.type for entry in reading.manifest.entries}
    counted = (reading.write_bits_dropped, reading.metadata_ignored)
    if found != paths or counted != (settings.get("write_bits", 0), settings.get("metadata", 0)):
        return f"{name}: {found}, {counted}"
    if Manifest.parse(reading.manifest.doc) != reading.manifest:
        return f"{name}: its manifest does not parse to itself"
    with tempfile.TemporaryDirectory() as top:
        answer = FolderHost(top).push(data, reading.manifest.digest, settings)
    return None if answer["changed"] else f"{name}: {answer}"


def main() -> int:
    """Run all of it; the number of problems."""
    problems = [problem_of_hostile(name) for name in HOSTILE] + [problem_of_friendly(name) for name in FRIENDLY]
    real = [problem for problem in problems if problem]
    version = ".".join(str(part) for part in sys.version_info[:3])
    sys.stdout.write("\n".join([*real, f"{version}: {len(problems)} archives, {len(real)} problems\n"]))
    return len(real)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
