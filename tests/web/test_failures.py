"""What went wrong outside is told in the reader's language; what others said stands in quotation marks."""

import pytest

from polus.channels.email import troubles
from polus.web import failures, render

FRENCH = render.catalogue("fr").gettext


@pytest.mark.parametrize(
    ("written", "english", "french"),
    [
        ("", "", ""),
        ("550 5.1.1 No such user", "“550 5.1.1 No such user”", "« 550 5.1.1 No such user »"),
        (
            "Twilio asks us to send more slowly. (20429)",
            "Twilio asks us to send more slowly. (20429)",
            "Twilio demande d’envoyer plus lentement. (20429)",
        ),
        (
            "The provider did not take the text for hours. The last attempt: The provider could not deliver it.",
            "The provider did not take the text for hours. The last attempt: The provider could not deliver it.",
            "Pendant des heures, le fournisseur n’a pas accepté le SMS. Dernière tentative : Le fournisseur n’a pas pu le remettre.",
        ),
        (
            "ConnectionRefusedError: [Errno 111] Connection refused",
            "The mail server lets nobody connect.",
            "Le serveur de messagerie ne laisse personne se connecter.",
        ),
        (
            "SMTPConnectTimeoutError: Timed out connecting to mx.example on port 25",
            "The mail server did not answer in time.",
            "Le serveur de messagerie n’a pas répondu à temps.",
        ),
        (
            "gaierror: [Errno -2] Name or service not known",
            "The mail server's name is not known.",
            "Le nom du serveur de messagerie est inconnu.",
        ),
        (
            "SMTPServerDisconnected: Connection lost",
            "The connection to the mail server broke off.",
            "La connexion au serveur de messagerie a été interrompue.",
        ),
        (
            "OSError: [Errno 101] Network is unreachable",
            "No connection came about: “[Errno 101] Network is unreachable”",
            "Aucune connexion n’a pu être établie : « [Errno 101] Network is unreachable »",
        ),
        (
            "Landline or %(said)s (30006)",
            "“Landline or %(said)s” (30006)",
            "« Landline or %(said)s » (30006)",
        ),
        # Who carries mail writes the kind of the error; HTTP and texts have sentences of their own.
        (
            "The connection failed: Connection refused.",
            "The connection failed: Connection refused.",
            "La connexion a échoué : Connection refused.",
        ),
        (
            "Twilio gave no answer: it lets nobody connect.",
            "Twilio gave no answer: it lets nobody connect.",
            "Twilio n’a pas répondu : il n’accepte aucune connexion.",
        ),
        ("<b>550</b>", "“<b>550</b>”", "« <b>550</b> »"),
    ],
)
def test_the_words_of_a_failure(written: str, english: str, french: str) -> None:
    assert failures.said(written, str) == english
    assert failures.said(written, FRENCH) == french


def test_a_mail_server_is_told_as_on_its_own_page() -> None:
    facts = {"host": "mx.example", "username": "bob", "said": "535 no"}
    for gettext in (str, FRENCH):
        assert failures.said(troubles.told("login-refused", facts), gettext) == troubles.told("login-refused", facts, gettext)  # fmt: skip


def test_every_sentence_is_in_the_catalogue() -> None:
    for sentence in failures.sentences():
        assert FRENCH(sentence) != sentence
