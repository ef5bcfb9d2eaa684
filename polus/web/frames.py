"""The document inside a message's frame, and the policy it is served with.

Mail arrives here sanitised; these rules hold even if the sanitiser let something by.
"""

import re

from markupsafe import Markup
from starlette.responses import Response

# The frame is `sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"`, and the same words stand in the
# document's own policy, so they also hold when somebody opens its address in a tab. Scripts, forms, top navigation and
# plugins are off in both. `allow-same-origin` without `allow-scripts` is safe: nothing inside can use the origin, since
# nothing inside runs; it lets the page around measure the document, so that the frame is as high as the mail. The two
# words must never stand together.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
POLICY = (
    f"sandbox {SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; img-src 'self' data:"
)
REMOTE_POLICY = POLICY + " https: http:"
LOOK = re.compile(r"<(?:table|style|img|font|center)\b|\bbgcolor\s*=|(?:background|[^-]color)\s*:", re.I)

STYLE = """
html { font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; overflow-wrap: anywhere }
body { margin: 0; overflow-x: auto; overflow-y: hidden }
body > :first-child { margin-top: 0 } body > :last-child { margin-bottom: 0 }
img { max-width: 100%; height: auto } pre { white-space: pre-wrap } table { max-width: 100% }
blockquote { margin: 8px 0; padding-inline-start: 12px; border-inline-start: 2px solid #c3cad3; color: #586372 }
a { color: #3357c4 }
"""
PAPER = "html { color-scheme: light; color: #171c23; background: #fff } body { padding: 12px; box-sizing: border-box }"
INK = """
html { color-scheme: light dark; background: transparent }
@media (prefers-color-scheme: dark) { html { color: #e7eaee } a { color: #93aefc } blockquote { border-color: #454f5b; color: #9ba6b4 } }
@media (prefers-color-scheme: light) { html { color: #171c23 } }
"""


def page(html: str, title: str) -> str:
    """A whole document around sanitised HTML. Mail that brings its own colours lies on white paper, as its author saw
    it; mail without any takes the workspace's, light or dark."""
    look = PAPER if LOOK.search(html) else INK
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{Markup.escape(title)}</title>'
        f'<base target="_blank"><style>{STYLE}{look}</style></head><body dir="auto">{html}</body></html>'
    )


def answer(html: str, title: str, images: bool) -> Response:
    return Response(
        page(html, title),
        media_type="text/html; charset=utf-8",
        headers={
            "content-security-policy": REMOTE_POLICY if images else POLICY,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cache-control": "private, max-age=300",
            "cross-origin-resource-policy": "same-origin",
        },
    )
