"""Builds `polus/web/static/icons.svg` from a folder of Lucide icons: `python tools/sprite.py FOLDER`.

Only the icons named here go in, so the sprite stays small. Run it when a template wants a new icon.
"""

import re
import sys
from pathlib import Path

NAMES = """
alarm-clock archive arrow-down arrow-left arrow-up bell-off bold book-open calendar-clock check chevron-down
chevron-right chevrons-up circle-check circle-dot clock code download ellipsis eye file forward globe history
image inbox info italic keyboard layers link list list-filter loader-circle lock log-out mail mail-open menu
merge message-circle message-square monitor moon octagon-alert panel-right paperclip pencil phone plus
refresh-cw reply reply-all rotate-ccw search send share-2 shopping-bag split square-check star sticky-note sun
tag trash-2 triangle-alert undo-2 user-round user-x users users-round x zap
"""

TARGET = Path(__file__).resolve().parent.parent / "polus/web/static/icons.svg"


def symbol(folder: Path, name: str) -> str:
    drawing = re.search(r"<svg[^>]*>(.*)</svg>", (folder / f"{name}.svg").read_text("utf-8"), re.DOTALL)
    if drawing is None:
        raise SystemExit(f"{name}: not an SVG icon")
    shapes = re.sub(r"\s+", " ", drawing[1]).replace(" />", "/>").replace("> <", "><").strip()
    return f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>'


def main(folder: Path) -> None:
    symbols = "\n".join(symbol(folder, name) for name in NAMES.split())
    TARGET.write_text(
        "<!-- Lucide icons, ISC and MIT licence: vendor/lucide-license.txt; built by tools/sprite.py -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n',
        "utf-8",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
