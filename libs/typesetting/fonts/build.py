"""Cuts the documents' fonts out of Noto Sans SC: run again when a template needs bold characters that are missing.

    python -m libs.typesetting.fonts.build NotoSansSC-Regular.ttf NotoSansSC-Bold.ttf services/contract/templates

The static TrueType instances of Noto Sans SC (SIL Open Font License 1.1) are the input; fontTools does the cutting.
Three files are the output: `common` (GB 2312 and Latin, loaded at start), `rare` (every other Han character, loaded
when a name needs it) and `bold` (the characters of the templates).
"""

from __future__ import annotations

import lzma
import sys
from collections.abc import Set as AbstractSet
from io import BytesIO
from pathlib import Path
from typing import Final

from fontTools import subset, ttLib

HERE: Final = Path(__file__).parent
LATIN: Final = frozenset(range(0x20, 0x7F)) | frozenset(map(ord, "¥·×–—‘’“”…•〇〔〕"))
HAN_FROM: Final = 0x2E80
"""Where Unicode's radicals begin: what lies below is no Han character and is not needed beyond GB 2312."""
FAMILY, FULL_NAME, POSTSCRIPT_NAME = 1, 4, 6
LAYOUT_TABLES: Final = ["BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "gasp", "vhea", "vmtx"]


def gb2312() -> frozenset[int]:
    """The 7,445 characters of GB 2312."""
    found = set()
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                found.add(ord(bytes([row, cell]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return frozenset(found)


def cut(source: Path, characters: AbstractSet[int], name: str) -> bytes:
    """The font with these characters alone, without what only a layout engine would use, under a name of its own."""
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, name_IDs=["*"])
    options.drop_tables += LAYOUT_TABLES
    font = ttLib.TTFont(source, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters)
    cutter.subset(font)
    for kind in (FAMILY, FULL_NAME, POSTSCRIPT_NAME):
        font["name"].setName(name, kind, 3, 1, 0x409)
    out = BytesIO()
    font.save(out)
    return out.getvalue()


def main(regular: Path, bold: Path, templates: Path) -> None:
    common = gb2312() | LATIN
    everything = frozenset(ttLib.TTFont(regular, lazy=True).getBestCmap())
    rare = frozenset(code for code in everything - common if code >= HAN_FROM)
    used = frozenset(map(ord, "".join(path.read_text("utf-8") for path in templates.glob("*/*.toml"))))
    (HERE / "NotoSansSC-Regular-common.ttf").write_bytes(cut(regular, common, "NotoSansSC-Common"))
    (HERE / "NotoSansSC-Regular-rare.ttf.xz").write_bytes(
        lzma.compress(cut(regular, rare, "NotoSansSC-Rare"), preset=9)
    )
    headings = (
        used | LATIN | frozenset(map(ord, "零一二三四五六七八九十百第条人民币壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整"))
    )
    (HERE / "NotoSansSC-Bold-templates.ttf").write_bytes(cut(bold, headings, "NotoSansSC-Bold"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
