"""Collects the workspace's texts and brings the catalogues up to date: `python -m tools.texts`.

New texts come in untranslated, texts that are gone go. Translators fill in `msgstr`; nothing has to be compiled.
"""

from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from polus.channels.email import troubles
from polus.desk import events
from polus.desk.statistics import boards, present
from polus.web import failures

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "polus/web"
LOCALES = WEB / "locales"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {
    "**/templates/**.html": {
        "trimmed": "true",
        "newstyle_gettext": "true",
        "extensions": "jinja2.ext.i18n,jinja2.ext.do,jinja2.ext.loopcontrols",
    }
}


def collected() -> Catalog:
    """Every text in the source, each with the files that have it."""
    found = Catalog(project="Polus", charset="utf-8")
    texts = extract_from_dir(str(WEB), METHODS, OPTIONS, DEFAULT_KEYWORDS)
    for name, _line, message, _comments, context in sorted(texts, key=lambda one: (one[0], one[1])):
        found.add(message, locations=[(name, None)], context=context)
    for kind in events.KINDS.values():
        # The audit log says them.
        found.add(kind.meaning, locations=[("events", None)])
    for text in boards.texts():
        # The pages of statistics show them.
        found.add(text, locations=[("boards", None)])
    for number in present.TODAY:
        found.add(number.title, locations=[("boards", None)])
    for sentence in troubles.SENTENCES.values():
        # Pages quote what is wrong with a mail server.
        found.add(sentence, locations=[("troubles", None)], flags=("python-format",))
    for sentence in failures.sentences():
        flags = ("python-format",) if "%(" in sentence else ()
        found.add(sentence, locations=[("failures", None)], flags=flags)
    return found


def catalogues() -> Iterator[tuple[str, Path]]:
    """The languages and their files."""
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/polus.po")):
        yield path.parts[-3], path


def main() -> None:
    texts = collected()
    for language, path in catalogues():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        catalogue.update(texts, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with path.open("wb") as file:
            write_po(file, catalogue, width=120, omit_header=False, include_lineno=False, sort_by_file=False)
        missing = sum(1 for message in catalogue if message.id and not message.string)
        print(f"{language}: {len(catalogue)} texts, {missing} to translate")  # noqa: T201


if __name__ == "__main__":
    main()
