"""The interface's languages: complete catalogues, the reader's own language everywhere, ready for right to left."""

import re

import pytest
from babel.messages.pofile import read_po

from polus.web import assets, render
from tests import make
from tests import world as worlds
from tests.web.conftest import Browser
from tools import texts

PLACE = re.compile(r"%\(\w+\)s|\{\{[^}]*\}\}|</?\w+>")
PHYSICAL = re.compile(
    r"(?<![\w-])(?:left|right|(?:margin|padding|border)-(?:left|right))\s*:|text-align:\s*(?:left|right)"
)


@pytest.mark.thorough
def test_every_text_has_its_french() -> None:
    """New texts: `make texts`, then fill in what is empty."""
    wanted = {message.id for message in texts.collected() if message.id}
    for language, path in texts.catalogues():
        with path.open("rb") as file:
            found = read_po(file, locale=language)
        strings = {message.id: message.string for message in found if message.id and not message.fuzzy}
        missing = [key for key in wanted if not strings.get(key) or not all(strings[key])]
        assert not missing, f"{language}: {missing}"
        for key, said in strings.items():
            if key in wanted and isinstance(key, str):
                assert sorted(PLACE.findall(key)) == sorted(PLACE.findall(str(said))), key


def test_styles_know_no_left_and_right() -> None:
    wrong = [
        f"{name}: {line.strip()}"
        for name, asset in assets.files().items()
        if name.endswith(".css")
        for line in asset.plain.decode().splitlines()
        if PHYSICAL.search(line)
    ]
    assert wrong == []


def test_the_direction_follows_the_language() -> None:
    for language, direction in (("en", "ltr"), ("fr", "ltr"), ("ar", "rtl")):
        here = render.Here({}, {"domain": "x"}, "", render.NOBODY.now, render.NOBODY.zone, language=language)
        assert f'<html lang="{language}" dir="{direction}"' in render.text("layout.html", here)


async def test_everything_in_ones_own_language(browser: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    door = (await browser.get("/login", Accept_Language="de, fr-CA;q=0.8, en")).text
    assert '<html lang="fr"' in door
    assert "Mot de passe oublié" in door
    assert '<html lang="en"' in (await browser.get("/login", Accept_Language="de")).text
    await browser.log_in(shop.ada.email)
    csrf = await browser.token("/settings")
    fields = {"csrf": csrf, "name": "Ada", "language": "fr", "timezone": "UTC"}
    assert (await browser.post("/settings/profile", fields)).status == 303
    for path, words in (
        ("/settings/profile", ("Fuseau horaire", "Enregistrer", "Réglages")),
        (f"/inbox/open/{ticket['id']}", ("Boîte de réception", "Répondre", "Non attribués")),
        ("/customers", ("Clients", "Connu depuis")),
    ):
        page = (await browser.get(path)).text
        for word in words:
            assert word in page, (path, word)
    wrong = await browser.post("/settings/tags", {"csrf": csrf, "name": "a,b"})
    assert "Une virgule n’est pas possible ici." in wrong.text
    lost = await browser.get("/nowhere", Accept_Language="fr")
    assert (lost.status, "Cette page n’existe pas" in lost.text) == (404, True)
