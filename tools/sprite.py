"""Builds `polus/web/static/icons.svg` from a folder of Lucide icons: `python tools/sprite.py FOLDER`.

Only the icons named here go in, so the sprite stays small. Run it when a template wants a new icon.
"""

import re
import sys
from pathlib import Path

NAMES = """
activity
alarm-clock
archive
arrow-down
arrow-left
arrow-left-right
arrow-right
arrow-up
at-sign
ban
bell
bell-off
bold
book-open
bot
braces
building-2
calendar-clock
chart-column
chart-line
check
chevron-down
chevron-left
chevron-right
chevron-up
chevrons-up
circle-alert
circle-check
circle-dot
circle-help
circle-x
clipboard-list
clock
code
copy
credit-card
download
ellipsis
external-link
eye
eye-off
file
filter
flask-conical
forward
frown
gauge
globe
hard-drive
hash
heart-pulse
history
image
inbox
info
italic
key-round
keyboard
languages
layers
layout-grid
life-buoy
link
list
list-filter
loader-circle
lock
lock-keyhole
log-in
log-out
mail
mail-open
map-pin
megaphone
meh
menu
merge
message-circle
message-square
monitor
moon
octagon-alert
package
panel-right
paperclip
pencil
phone
play
plug
plus
power
puzzle
refresh-cw
reply
reply-all
rotate-ccw
save
search
send
settings
share-2
shield
shield-check
shopping-bag
sliders-horizontal
smartphone
smile
sparkles
split
square-check
square-pen
square-terminal
star
sticky-note
sun
tag
text-cursor-input
timer
trash-2
triangle-alert
truck
undo-2
upload
user-cog
user-plus
user-round
user-x
users
users-round
wallet
webhook
x
zap
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
