"""Languages of what customers write, and what their words say of wishes and moods."""

import re

import pytest

from polus.lang import lexicons, tongues
from polus.seeding import phrases

PLACES = re.compile(r"\{[a-z]+\}")


def test_the_seeds_nine_languages_are_told_apart() -> None:
    wrong, silent, count = [], 0, 0
    for spoken in phrases.languages():
        texts = [f"{story.subject}\n{story.asked}" for story in spoken.stories]
        for text in [*texts, *spoken.thanks, *spoken.further, *spoken.nudges]:
            found = tongues.language(tongues.cleaned([PLACES.sub("#4711", text)]))
            count += 1
            silent += found is None
            if found not in (None, spoken.code):
                wrong.append((spoken.code, found, text))
    assert wrong == []
    assert silent <= count * 0.03


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("注文した商品がまだ届きません", "ja"),
        ("주문한 상품이 아직 도착하지 않았습니다", "ko"),
        ("Πού είναι η παραγγελία μου;", "el"),
        ("ok", None),
        ("", None),
        ("12345 67890 https://shop.example/track?x=1 mia@example.com", None),
        ("THX 4711 DHL UPS FEDEX", None),
        ("> Wo bleibt meine Bestellung, ich warte seit Wochen darauf\nok", None),
    ],
)
def test_scripts_and_what_says_too_little(text: str, language: str | None) -> None:
    assert tongues.language(tongues.cleaned([text])) == language


def test_long_texts_cost_little() -> None:
    assert tongues.language(tongues.cleaned(["where is my parcel, please tell me " * 20_000])) == "en"


@pytest.mark.parametrize(
    ("language", "text", "intents"),
    [
        ("en", "Where is my order? The tracking number does not work.", ["shipping/status"]),
        ("en", "I'd like to return this and get a full refund.", ["return/request", "refund/request"]),
        ("en", "Please cancel my order", ["order/cancel"]),
        ("en", "Hello there, a question", []),
        ("fr", "Je n’ai toujours pas reçu mon colis", ["shipping/status"]),
        ("de", "Ich möchte mein Abo kündigen", ["subscription/cancel"]),
        ("nl", "Kan ik dit ruilen voor een andere maat?", ["exchange/request"]),
        ("ja", "返品したいです", []),
        ("../x", "cancel my order", []),
    ],
)
def test_intents(language: str, text: str, intents: list[str]) -> None:
    assert lexicons.intents(text, language) == intents


@pytest.mark.parametrize(
    ("language", "text", "sentiments"),
    [
        ("en", "I am very disappointed. You will hear from my lawyer!", ["negative", "threatening"]),
        ("en", "This is not urgent at all", []),
        ("en", "URGENT: I need it by tomorrow", ["urgent"]),
        ("en", "Thank you so much, I will recommend you", ["positive", "promoter"]),
        ("fr", "C'est inadmissible, je vais porter plainte", ["negative", "threatening"]),
        ("de", "Das ist keine Katastrophe", []),
        ("de", "Das ist eine Katastrophe", ["negative"]),
    ],
)
def test_sentiments(language: str, text: str, sentiments: list[str]) -> None:
    assert lexicons.sentiments(text, language) == sentiments


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "it", "nl", "pt"])
def test_every_lexicon_can_be_read(language: str) -> None:
    found = lexicons.lexicon(language)
    assert found is not None
    assert found.no
    assert len(found.intents) > 60
