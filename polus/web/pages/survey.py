"""The public page behind a survey's link: a score, a comment, thanks. Without login, without script."""

import re
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from polus.base import errors
from polus.desk import surveying
from polus.desk.surveying import Asked
from polus.store import buckets
from polus.store.work import Work
from polus.web import routes, session
from polus.web.visits import Visit

MOST_A_MINUTE = 30
"""Calls of one address; a customer needs two."""
MINUTE = 60.0

# The words of customers' pages follow the customer, not the workspace's languages.
WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "title": "How did we do?",
        "about": "Choose how content you are with our answer.",
        "scores": ("Very bad", "Bad", "So so", "Good", "Very good"),
        "comment": "Anything you would like to tell us? (optional)",
        "send": "Send",
        "change": "Change my answer",
        "missing": "Please choose one of the five.",
        "long": "That is too long: at most 1,000 characters.",
        "thanks": "Thank you!",
        "noted": "Your answer was noted. You can change it here within a week.",
        "closed": "Your answer was noted.",
        "over": "This link does not work any more",
        "over_about": "A survey can be answered for 60 days. If you need something, just write to us.",
        "many": "Too many attempts. Please wait a minute and try again.",
        "forged": "Please open the link from our e-mail again.",
    },
    "fr": {
        "title": "Comment avons-nous répondu ?",
        "about": "Dites-nous si notre réponse vous a satisfait.",
        "scores": ("Très mal", "Mal", "Moyen", "Bien", "Très bien"),
        "comment": "Voulez-vous ajouter quelque chose ? (facultatif)",
        "send": "Envoyer",
        "change": "Modifier ma réponse",
        "missing": "Choisissez l’une des cinq réponses.",
        "long": "C’est trop long : 1 000 caractères au plus.",
        "thanks": "Merci !",
        "noted": "Votre réponse est enregistrée. Vous pouvez la modifier ici pendant une semaine.",
        "closed": "Votre réponse est enregistrée.",
        "over": "Ce lien ne fonctionne plus",
        "over_about": "On peut répondre à une enquête pendant 60 jours. Si vous avez une question, écrivez-nous.",
        "many": "Trop de tentatives. Attendez une minute et recommencez.",
        "forged": "Ouvrez de nouveau le lien de notre e-mail.",
    },
}


async def page(visit: Visit) -> Response:
    """The form; thanks, when it was answered; or that the link is over. Looking changes nothing: mail programs do."""
    async with session.at_the_door(visit) as work:
        if not await _fits(work, visit):
            return _shown(visit, None, 429, said="many")
        found = await surveying.asked(work, visit.request.path_params["token"])
    if found is None:
        return _shown(visit, None, 410)
    asked = visit.request.query_params.get("score", "")
    score = int(asked) if re.fullmatch("[1-5]", asked) else found.score
    return _shown(visit, found, 200, score=score, thanks=found.score is not None and not asked)


async def answer(visit: Visit) -> Response:
    """Note the answer."""
    token = visit.request.path_params["token"]
    try:
        await session.read_form(visit)
    except session.Forged:
        return _shown(visit, None, 403, said="forged")
    given = visit.field("score")
    score = int(given) if re.fullmatch("[1-5]", given) else 0
    comment = visit.field("comment").replace("\r\n", "\n").strip()
    async with session.at_the_door(visit) as work:
        if not await _fits(work, visit):
            return _shown(visit, None, 429, said="many")
        found = await surveying.asked(work, token)
        if found is None:
            return _shown(visit, None, 410)
        wrong = "missing" if not score else "long" if len(comment) > surveying.COMMENT_LENGTH else ""
        if wrong:
            return _shown(visit, found, 422, score=score, comment=comment, wrong=wrong)
        try:
            await surveying.answer(work, token, score, comment)
        except errors.NotFound:
            return _shown(visit, found, 410, score=found.score, thanks=True)
        found = await surveying.asked(work, token)
    return _shown(visit, found, 200, score=score, thanks=True)


async def _fits(work: Work, visit: Visit) -> bool:
    client = visit.request.client
    key = f"survey {client.host if client else ''}"
    return await buckets.take(work.db, key, MOST_A_MINUTE, MINUTE)


def _shown(visit: Visit, found: Asked | None, status: int, **facts: Any) -> Response:
    language = _language(visit, found)
    known = {"score": None, "comment": None, "wrong": "", "thanks": False, "said": ""} | facts
    if known["comment"] is None:
        known["comment"] = (found.body_text if found else "") or ""
    here = replace(visit.here(), language=language)
    return visit.page("survey.html", here, status, words=WORDS[language], asked=found, **known)


def _language(visit: Visit, found: Asked | None) -> str:
    """The ticket's, when these pages speak it; else what the browser asks for first."""
    if found is not None and found.language is not None:
        return found.language if found.language in WORDS else "en"
    wanted = visit.request.headers.get("accept-language", "")[:200].lower()
    known = [part.strip()[:2] for part in wanted.split(",") if part.strip()[:2] in WORDS]
    return known[0] if known else "en"


ROUTES = (
    routes.get(surveying.PATH + "{token}", page, routes.ANYBODY),
    routes.post(surveying.PATH + "{token}", answer, routes.ANYBODY),
)
