"""What a browser calls itself, in words: `Firefox on Windows`. A hint for people, nothing is decided by it."""

BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def named(client: str) -> str:
    """Browser and system; what of them is known."""
    browser = next((name for sign, name in BROWSERS if sign in client), "")
    system = next((name for sign, name in SYSTEMS if sign in client), "")
    return " · ".join(filter(None, (browser, system)))
