# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may include what: the include line is the arrow between the parts of the house."""
import re

from tree import Rule

# what the stages of the pipeline share
SHARED = re.compile(r"^indexer/((frame|heads|device|profile|child|pass|change|queue|guard|bits|release|hash|mounts|beneath)\.h|extract/(wants|guess)\.h|net/[^/]+)$")
# those that act by themselves: they send their changes to the writer and tell people
ACTORS = {"search", "request", "repair", "symlinks", "alert"}
ACTORS_SEE = re.compile(r"^indexer/(load/(alerts|finds|repairs|sights|writer)|notify/notify|monitor/monitor_links|symlinks/(looker|health|place))\.h$")
# a process of its own starts there, and main.c must call it
ENTRY_POINTS = {"indexer/discover/scout.h", "indexer/extract/worker.h", "indexer/symlinks/looker.h", "indexer/repair/hand.h"}
EXTRACTORS_SEE = re.compile(
    r"^(indexer/extract/(?!pool|worker|nursery|sandbox)[^/]+|common/(archives|buf|text|fields|media|log|cleanup|render|vec)\.h)$"
)
STAGE = re.compile(r"^indexer/([^/]+)/")

# header, who may include it, its name, a file that may not
LIBRARIES = [
    ("sqlite3.h", r"^sqlite3", r"^common/store[^/]*$", "sqlite3.h only in common/store*", "fs/view.c"),
    ("fuse_lowlevel.h", r"^(linux/)?fuse|^cuse", r"^fs/(ops|main|notify)\.c$",
     "FUSE headers only in fs/{ops,main,notify}.c", "fs/ops.h"),
    ("curl/curl.h", r"^curl/", r"^indexer/net/http_?[^/]*$", "curl only in indexer/net/http*", "indexer/net/limit.c"),
    ("sys/inotify.h", r"(inotify|fanotify)\.h$", r"^indexer/discover/watch[^/]*$",
     "inotify and fanotify only in discover/watch*", "indexer/discover/walk.c"),
    ("FLAC/metadata.h", r"^FLAC", r"^indexer/extract/verify_flac\.c$",
     "FLAC only in verify_flac.c", "indexer/extract/extract_ogg.c"),
    ("id3tag.h", r"^id3tag", r"^$", "no program has id3tag: a unit test compares with it", "indexer/extract/extract_id3.c"),
    ("libxml/parser.h", r"^libxml", r"^indexer/(extract/comic|search/(source_torznab|authority)|net/xml)[^/]*$",
     "libxml only in extract/comic*, source_torznab*, authority* and net/xml*", "indexer/extract/extract_cbz.c"),
    ("zlib.h", r"^(zlib|zconf)\.h", r"^(indexer/extract/(zip|verify_zip|extract_id3)|common/snapshot)\.c$",
     "zlib only in extract/{zip,verify_zip,extract_id3}.c and common/snapshot.c", "indexer/extract/extract_flac.c"),
    ("archive.h", r"^archive(_entry)?\.h", r"^indexer/extract/(unpack|verify_archive)\.c$",
     "libarchive only in extract/{unpack,verify_archive}.c", "indexer/extract/extract_cbt.c"),
    ("jpeglib.h", r"^(jpeglib|jerror|jconfig|jmorecfg|turbojpeg)\.h", r"^indexer/extract/image_jpeg\.c$",
     "libjpeg only in extract/image_jpeg.c", "indexer/extract/image.c"),
    ("png.h", r"^png", r"^indexer/extract/image_png\.c$", "libpng only in extract/image_png.c", "indexer/extract/image.c"),
    ("webp/decode.h", r"^webp/", r"^indexer/extract/image_webp\.c$",
     "libwebp only in extract/image_webp.c", "indexer/extract/image.c"),
    ("stb/stb_image_resize.h", r"stb_", r"^indexer/extract/image_scale\.c$",
     "stb only in extract/image_scale.c", "indexer/extract/image.c"),
    ("lzma.h", r"^lzma", r"^indexer/extract/seven_streams\.c$",
     "liblzma only in extract/seven_streams.c", "indexer/extract/extract_cb7.c"),
    ("qpdf/qpdf-c.h", r"^qpdf/", r"^indexer/extract/extract_pdf\.c$",
     "libqpdf only in extract_pdf.c", "indexer/extract/extract_epub.c"),
    ("jansson.h", r"^jansson", r"^(fs/document\.c|indexer/(net/json|chapter_line)\.c)$",
     "jansson only in fs/document.c, indexer/net/json.c and indexer/chapter_line.c", "fs/view.c"),
    ("openssl/evp.h", r"^openssl/", r"^indexer/(hash\.c|request/amule_wire\.c)$",
     "openssl only in indexer/hash.c and request/amule_wire.c", "indexer/net/http.c"),
    ("seccomp.h", r"^(seccomp|linux/seccomp)\.h", r"^indexer/extract/sandbox\.c$",
     "seccomp only in extract/sandbox.c", "indexer/extract/worker.c"),
    ("xxhash.h", r"^xxh", r"^indexer/extract/fingerprint\.c$",
     "xxhash only in fingerprint.c", "indexer/extract/extract.c"),
]


def stage_of(path):
    m = STAGE.match(path)
    return m.group(1) if m else None


def ours(f):
    return [i for i in f.includes() if i.ours]


def complain(f, include, why):
    return f"{f.path}:{include.line}: includes {include.name}: {why}"


def library_rule(example, header, allowed, name, wrong):
    def check(tree):
        for f in tree.programs():
            for i in f.includes():
                if re.search(header, i.name) and not re.match(allowed, f.path):
                    yield complain(f, i, name)

    return Rule(name, check, [fault(path, f"<{example}>") for path in (wrong, "common/text.h", "indexer/order.c")])


def check_folder(tree):
    for f in tree.c_files():
        for i in ours(f):
            # x.css.inc is made from x.css
            if re.sub(r"\.inc$", "", i.name) not in tree.by_path:
                yield complain(f, i, "a project include is a path from the top of the tree")


def check_common(tree):
    for f in tree.programs():
        for i in ours(f):
            if f.path.startswith("common/") and not i.name.startswith("common/"):
                yield complain(f, i, "common/ includes only common/")


def check_store_last(tree):
    for f in tree.programs():
        for i in ours(f):
            if re.match(r"common/(?!store)", f.path) and i.name.startswith("common/store"):
                yield complain(f, i, "the store includes the rest of common/, never the reverse")


def check_programs(tree):
    other = {"fs": "indexer/", "indexer": "fs/"}
    for f in tree.programs():
        for i in ours(f):
            if i.name.startswith(other.get(f.path.split("/")[0], "?")):
                yield complain(f, i, "fs/ and indexer/ never include each other")


def seen_from(tree, path, seen):
    """Everything that a file sees through its headers, with the include of the file that lets it in."""
    f = tree.by_path.get(path)
    for i in ours(f) if f else []:
        if i.name not in seen:
            seen.add(i.name)
            yield i.name
            yield from seen_from(tree, i.name, seen)


def check_extractors(tree):
    for f in tree.programs():
        if not re.match(r"indexer/extract/(?!pool|worker|nursery|sandbox)", f.path):
            continue
        for i in ours(f):
            for name in [i.name, *seen_from(tree, i.name, {i.name})]:
                if not EXTRACTORS_SEE.match(name):
                    yield complain(f, i, f"an extractor must not see {name}")


def check_stages(tree):
    for f in tree.programs():
        for i in ours(f):
            if not stage_of(f.path) or not i.name.startswith("indexer/"):
                continue
            if stage_of(f.path) in ACTORS and ACTORS_SEE.match(i.name):
                continue
            if stage_of(i.name) != stage_of(f.path) and not SHARED.match(i.name):
                yield complain(f, i, "a stage knows itself and what the stages share")


def check_pipeline(tree):
    for f in tree.programs():
        if stage_of(f.path) or f.path.startswith("indexer/pipeline"):
            continue
        shared = ENTRY_POINTS if f.path == "indexer/main.c" else set()
        last = {}
        for i in ours(f):
            if stage_of(i.name) and not SHARED.match(i.name) and i.name not in shared:
                last[stage_of(i.name)] = i
        if len(last) > 1:
            i = list(last.values())[-1]
            yield complain(f, i, f"only indexer/pipeline* includes several stages ({', '.join(last)})")


def check_writer(tree):
    allowed = re.compile(r"^(indexer/(load|monitor)/|common/store)")
    for f in tree.programs():
        for i in ours(f):
            if re.match(r"common/store_write[^/]*$", i.name) and not allowed.match(f.path):
                yield complain(f, i, "only load/ and monitor/ write the store")


def check_own_first(tree):
    for f in tree.c_files():
        own = f.path[:-2] + ".h"
        includes = list(f.includes())
        if f.path.endswith(".c") and own in tree.by_path and includes[:1] and includes[0].name != own:
            yield complain(f, includes[0], f"its own header {own} comes first")
        if f.path.endswith(".c") and own in tree.by_path and not includes:
            yield f"{f.path}:1: includes not its own header {own}"


def fault(path, *names, more=()):
    """A tree where @path includes @names, and these exist."""
    files = {n.strip('"'): "\n" for n in (*names, *more) if n.startswith('"')}
    files[path] = "".join(f"#include {n}\n" for n in names)
    return files


RULES = [
    Rule(
        "project includes carry the folder",
        check_folder,
        [{"fs/a.c": '#include "b.h"\n', "fs/b.h": "\n"}, {"fs/a.c": '# include "../fs/b.h"\n', "fs/b.h": "\n"}],
    ),
    Rule(
        "common/ includes only common/",
        check_common,
        [fault("common/a.c", '"fs/node.h"'), fault("common/a.h", '"indexer/queue.h"')],
    ),
    Rule("the rest of common/ never includes the store", check_store_last, [fault("common/a.c", '"common/store.h"')]),
    Rule(
        "fs/ and indexer/ never include each other",
        check_programs,
        [fault("fs/a.c", '"indexer/queue.h"'), fault("indexer/load/a.h", '"fs/node.h"')],
    ),
    *[library_rule(*row) for row in LIBRARIES],
    Rule(
        "extractors and guess see only files' bytes and text",
        check_extractors,
        [
            fault("indexer/extract/extract_a.c", '"common/store_read.h"'),
            fault("indexer/extract/extract_a.c", '"indexer/extract/pool.h"'),
            fault("indexer/extract/guess_a.h", '"indexer/queue.h"'),
            {**fault("indexer/extract/guess_a.c", '"common/text.h"'), **fault("common/text.h", '"common/ctl.h"')},
        ],
    ),
    Rule(
        "stages never include each other",
        check_stages,
        [
            fault("indexer/discover/a.c", '"indexer/load/writer.h"'),
            fault("indexer/load/a.h", '"indexer/pipeline.h"'),
            fault("indexer/monitor/a.c", '"indexer/extract/extract.h"'),
        ],
    ),
    Rule(
        "only pipeline* includes several stages",
        check_pipeline,
        [
            fault("indexer/order.c", '"indexer/load/writer.h"', '"indexer/discover/diff.h"'),
            fault("indexer/main.c", '"indexer/load/writer.h"', '"indexer/discover/diff.h"'),
        ],
    ),
    Rule(
        "store_write.h only in load/, monitor/ and common/store*",
        check_writer,
        [fault("fs/a.c", '"common/store_write.h"'), fault("indexer/order.c", '"common/store_write.h"')],
    ),
    Rule(
        "a file's own header comes first",
        check_own_first,
        [fault("fs/a.c", "<stdio.h>", '"fs/a.h"'), fault("tests/lib/a.c", "<stdio.h>", more=['"tests/lib/a.h"'])],
    ),
]
