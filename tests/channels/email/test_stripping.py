"""Of an answer only what is new remains, in the languages and programs that customers use; nothing of it is lost."""

import pytest

from polus.base import html
from polus.channels.email import stripping
from polus.channels.email.stripping import Stripped

OLD = "Where is my order?\nJane"

INTRODUCTIONS = [
    "On Mon, 1 Jan 2024 at 10:00, Shop <shop@x.example> wrote:",
    "On Mon, 1 Jan 2024 at 10:00, Shop\n<shop@x.example> wrote:",
    "On 01/01/2024 10:00, Shop via Helpdesk\nwith a long name and an address\n<shop@x.example> wrote:",
    "Am 01.01.2024 um 10:00 schrieb Shop <shop@x.example>:",
    "Shop <shop@x.example> schrieb am Mo., 1. Jan. 2024, 10:00:",
    "Le lun. 1 janv. 2024 à 10:00, Shop <shop@x.example> a écrit :",
    "El lun, 1 ene 2024 a las 10:00, Shop (<shop@x.example>) escribió:",
    "Il giorno lun 1 gen 2024 alle ore 10:00 Shop <shop@x.example> ha scritto:",
    "Em seg., 1 de jan. de 2024 às 10:00, Shop <shop@x.example> escreveu:",
    "Op ma 1 jan 2024 om 10:00 schreef Shop <shop@x.example>:",
    "Op 1 jan. 2024 om 10:00 heeft Shop <shop@x.example> het volgende geschreven:",
    "pon., 1 sty 2024 o 10:00 Shop <shop@x.example> napisał(a):",
    "W dniu 1.01.2024 o 10:00, Shop <shop@x.example> pisze:",
    "Den mån 1 jan. 2024 kl 10:00 skrev Shop <shop@x.example>:",
    "man. 1. jan. 2024 kl. 10:00 skrev Shop <shop@x.example>:",
    "ma 1. tammik. 2024 klo 10.00 Shop <shop@x.example> kirjoitti:",
    "po 1. 1. 2024 v 10:00 odesílatel Shop <shop@x.example> napsal:",
    "пн, 1 янв. 2024 г. в 10:00, Shop <shop@x.example>:",
    "01.01.2024 10:00, Shop пишет:",
    "01.01.2024, 10:00, \"Shop\" <shop@x.example>:",
    "Shop <shop@x.example>, 1 Oca 2024 Pzt, 10:00 tarihinde şunu yazdı:",
    "În lun., 1 ian. 2024 la 10:00, Shop <shop@x.example> a scris:",
    "Shop <shop@x.example> ezt írta (időpont: 2024. jan. 1., H, 10:00):",
    "2024年1月1日(月) 10:00 Shop <shop@x.example>:",
    "Shop <shop@x.example> 于2024年1月1日周一 10:00写道：",
    "2024년 1월 1일 (월) 오전 10:00, Shop <shop@x.example>님이 작성:",
    "Στις Δευ 1 Ιαν 2024 στις 10:00, ο/η Shop <shop@x.example> έγραψε:",
]  # fmt: skip


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_quotations_with_marks_go(introduction: str) -> None:
    quoted = "\n".join("> " + line for line in OLD.split("\n"))
    assert stripping.strip_text(f"It came.\n\n{introduction}\n\n{quoted}\n").body == "It came."


@pytest.mark.parametrize("introduction", INTRODUCTIONS[:24])
def test_quotations_without_marks_go_too(introduction: str) -> None:
    if "Shop пишет" not in introduction:
        assert stripping.strip_text(f"It came.\n\n{introduction}\n\n{OLD}").body == "It came."


OUTLOOK = [
    "From: Shop <shop@x.example>\nSent: Monday, 1 January 2024 10:00\nTo: Jane\nSubject: Order",
    "________________________________\nFrom: Shop\nSent: Monday\nTo: Jane\nSubject: Order",
    "*From:* Shop <shop@x.example>\n*Sent:* Monday\n*To:* Jane\n*Subject:* Order",
    "-----Original Message-----\nFrom: Shop\nSent: Monday",
    "-----Ursprüngliche Nachricht-----\nVon: Shop\nGesendet: Montag",
    "Von: Shop <shop@x.example>\nGesendet: Montag, 1. Januar 2024 10:00\nAn: Jane\nBetreff: AW: Bestellung",
    "De : Shop <shop@x.example>\nEnvoyé : lundi 1 janvier 2024 10:00\nÀ : Jane\nObjet : RE: Commande",
    "De: Shop\nEnviado el: lunes\nPara: Jane\nAsunto: Pedido",
    "De: Shop\nEnviada em: segunda\nPara: Jane\nAssunto: Pedido",
    "Da: Shop\nInviato: lunedì\nA: Jane\nOggetto: Ordine",
    "Van: Shop\nVerzonden: maandag\nAan: Jane\nOnderwerp: Bestelling",
    "Från: Shop\nSkickat: måndag\nTill: Jane\nÄmne: Order",
    "Fra: Shop\nSendt: mandag\nTil: Jane\nEmne: Ordre",
    "Lähettäjä: Shop\nLähetetty: maanantai\nVastaanottaja: Jane\nAihe: Tilaus",
    "Od: Shop\nWysłano: poniedziałek\nDo: Jane\nTemat: Zamówienie",
    "Od: Shop\nOdesláno: pondělí\nKomu: Jane\nPředmět: Objednávka",
    "От: Shop\nОтправлено: понедельник\nКому: Jane\nТема: Заказ",
    "Kimden: Shop\nGönderildi: Pazartesi\nKime: Jane\nKonu: Sipariş",
    "发件人: Shop\n发送时间: 2024年1月1日\n收件人: Jane\n主题: 订单",
    "差出人: Shop\n送信日時: 2024年1月1日\n宛先: Jane\n件名: 注文",
]


@pytest.mark.parametrize("divider", OUTLOOK)
def test_header_blocks_and_dividers_end_what_is_new(divider: str) -> None:
    assert stripping.strip_text(f"It came.\n\n{divider}\n\n{OLD}").body == "It came."


def test_answers_between_quoted_lines_stay() -> None:
    given_text = "On 1 Jan 2024 10:00, Shop <s@x.example> wrote:\n> Which size?\n\nM please.\n\n> Which colour?\nRed.\n"
    assert stripping.strip_text(given_text).body == "M please.\nRed."


@pytest.mark.parametrize(
    "given_text",
    [
        "See below.\n\n---------- Forwarded message ---------\nFrom: Shop <s@x.example>\nDate: Monday\nSubject: Order\nTo: me\n\nHi",
        "Begin forwarded message:\n\n> From: Shop\n> Subject: Order\n>\n> Hi",
        "Anfang der weitergeleiteten Nachricht:\n\nVon: Shop\nBetreff: Bestellung\nDatum: Montag\n\nHallo",
    ],
)
def test_what_is_forwarded_stays(given_text: str) -> None:
    assert stripping.strip_text(given_text).body == given_text


def test_a_subject_can_tell_a_forwarding() -> None:
    given_text = f"FYI\n\n{OUTLOOK[0]}\n\n{OLD}"
    for subject in ("FW: Order", "Fwd: Order", "WG: Bestellung", "TR: Commande", "RV: Pedido", "I: Ordine"):
        assert stripping.strip_text(given_text, subject).body == given_text
    assert stripping.strip_text(given_text, "RE: Order").body == "FYI"


@pytest.mark.parametrize(
    "given_text",
    [
        "On 3 March your colleague wrote:\nWe refund you.\nBut nothing came.",
        "My address: Main St 1\nTo: whom it may concern\nPlease hurry",
        "On 3 March at 10:30 your colleague said:\nWe refund you.\nBut nothing came.",
        "I wrote:\n\nplease send it",
        "a > b and\nb < c",
        "-- \nJo",
        "Sent from my iPhone",
        "Thanks!",
        "Order 12 > 3\n--\nCan you check?",
        "> all of it\n> is quoted",
        "I need:\n-----\n2x shirts blue\n1x shoes 42",
        "Hello\nThanks\nPlease also cancel order 12.\nI am waiting",
        "It came.\nBest regards,\nJane\nP.S. When is the sale over",
        "Thanks for the shoes.\nCheers",
    ],
)
def test_own_words_stay(given_text: str) -> None:
    assert stripping.strip_text(given_text).body == given_text


SIGNATURES = [
    "-- \nJane Doe\nMain St 1",
    "--\nJane Doe",
    "__________\nJane Doe, Example Ltd",
    "-----------\nJane Doe\nTel. 030 1234567",
    "Best regards,\nJane Doe\n+1 555 0100",
    "Thanks in advance!\n\nJane",
    "Cheers\nJane",
    "Mit freundlichen Grüßen\n\nJane Doe\nBeispiel GmbH\nTel. 030 123",
    "Viele Grüße\nJane",
    "MfG\nJane Doe",
    "Cordialement,\nJane Doe",
    "Saludos cordiales,\nJane",
    "Cordiali saluti\nJane Doe",
    "Com os melhores cumprimentos,\nJane",
    "Met vriendelijke groet,\nJane",
    "Z poważaniem\nJane",
    "Pozdrawiam\nJane",
    "Med vänliga hälsningar\nJane",
    "Venlig hilsen\nJane",
    "Ystävällisin terveisin\nJane",
    "S pozdravem\nJane",
    "С уважением,\nJane",
    "Saygılarımla\nJane",
    "Sent from my iPhone",
    "Sent from Outlook for iOS",
    "Get Outlook for Android<https://aka.ms/x>",
    "Von meinem iPhone gesendet",
    "Gesendet von Mail für Windows",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verzonden vanaf mijn iPhone",
    "Wysłane z iPhone'a",
    "Skickat från min iPhone",
    "Отправлено с iPhone",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_signatures_are_told_apart(signature: str) -> None:
    assert stripping.strip_text(f"It came.\nGreat.\n\n{signature}\n") == Stripped(
        "It came.\nGreat.", signature
    )


def test_quotation_below_a_signature() -> None:
    given_text = f"It came.\n\nJane\n-- \nJane Doe\n\n{INTRODUCTIONS[0]}\n> Hi\n"
    assert stripping.strip_text(given_text) == Stripped("It came.\n\nJane", "-- \nJane Doe")


def stripped_page(page: str, subject: str = "") -> str:
    return html.safe(stripping.strip_html(html.nested(page), subject).body)


PAGES = {
    "gmail": '<div dir="ltr">It came.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Dne 1. 1. 2024 cosi:<br></div>'
    '<blockquote class="gmail_quote" style="margin:0">Hi</blockquote></div>',
    "apple": '<div>It came.</div><div><br><blockquote type="cite"><div>On 1. Jan 2024, at 10:00, Shop &lt;s@x.example&gt; wrote:</div>'
    "<div>Hi</div></blockquote></div>",
    "outlook": '<p class="MsoNormal">It came.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Shop<br>'
    "<b>Sent:</b> Monday<br><b>To:</b> Jane<br><b>Subject:</b> Order</p></div><p>Hi</p>",
    "outlook-any-language": '<div>It came.</div><hr><div id="divRplyFwdMsg"><b>Fra hvem:</b> Shop</div><div>Hi</div>',
    "thunderbird": '<p>It came.</p><div class="moz-cite-prefix">Am 01.01.24 um 10:00 schrieb Shop:<br></div><blockquote type="cite">Hi</blockquote>',
    "yahoo": '<div>It came.</div><div class="yahoo_quoted"><div>On Monday, Shop &lt;s@x.example&gt; wrote:</div><div>Hi</div></div>',
    "signature": '<div>It came.</div><div class="gmail_signature">Jane Doe</div>',
    "outlook-signature": '<div>It came.</div><div id="Signature"><p>Jane</p></div><div id="ms-outlook-mobile-signature">Get Outlook</div>',
    "closing": "<div>It came.</div><div><br></div><div>Best regards,</div><div>Jane</div>",
}


@pytest.mark.parametrize("program", PAGES)
def test_html_of_mail_programs(program: str) -> None:
    kept = stripped_page(PAGES[program])
    assert html.to_text(kept).strip() in ("It came.", "It came.\n---")
    assert "blockquote" not in kept
    assert "Jane" not in kept


def test_html_that_says_nothing_new_or_nothing_old_stays() -> None:
    for page in (
        "<p>It came.</p>",
        '<blockquote type="cite">Hi</blockquote>',
        "",
        "<p>a</p><hr><img src='cid:x'>",
    ):
        assert stripping.strip_html(html.nested(page)).body == html.nested(page)


def test_forwarded_html_stays() -> None:
    page = '<div>See</div><div class="gmail_quote">---------- Forwarded message ---------<br>From: Shop<br>Date: x<br>Subject: y</div>'
    assert "Shop" in stripped_page(page)
    assert "Hi" in stripped_page(PAGES["outlook"], "FW: Order")


def test_answers_between_html_quotations_stay() -> None:
    page = '<blockquote type="cite">Which size?</blockquote><p>M</p><blockquote type="cite">Which colour?</blockquote><p>Red</p>'
    assert stripped_page(page) == "<p>M</p><p>Red</p>"


def test_an_indent_is_no_quotation() -> None:
    page = '<p>a</p><blockquote style="margin:0 0 0 40px;border:none;padding:0px">b</blockquote>'
    assert "b" in stripped_page(page)


def test_a_signature_known_from_html_is_cut_from_the_text_as_well() -> None:
    assert stripping.strip_text("It came.\n\nJane  Doe\nCEO", signature="Jane Doe\nCEO") == Stripped(
        "It came.", "Jane  Doe\nCEO"
    )
    assert stripping.strip_text("It came.\n\nJane", signature="John").signature == ""
