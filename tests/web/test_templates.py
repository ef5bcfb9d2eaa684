"""The templates with example facts: nothing a strict policy would refuse, nothing hostile alive, every form guarded."""

import re
import zlib
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from polus.web import assets, frames, render, timelines
from tests.web import examples as ex
from tests.web import gallery

VOID = {"meta", "link", "img", "input", "br", "hr", "circle", "use"}


class Reader(HTMLParser):
    """Collects tags and attributes, and finds tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"twice in <{tag}>: {names}")
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")


def page(scene: str, **viewer: str) -> str:
    template, facts = gallery.SCENES[scene]
    return render.text(template, ex.here(**viewer), **facts())


@pytest.mark.parametrize("scene", gallery.SCENES)
@pytest.mark.parametrize("rights", ["write note", "note"])
def test_pages_are_whole_and_hold_under_a_strict_policy(scene: str, rights: str) -> None:
    read = Reader(page(scene, rights=rights))
    assert read.faults == []
    assert read.open == []
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (
            tag,
            attributes,
        )
        assert tag != "script" or attributes.get("src", "").startswith("/static/")
        assert not attributes.get("href", "").startswith("javascript:")
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids)), "the same id twice"


@pytest.mark.parametrize("scene", gallery.SCENES)
def test_every_form_that_posts_carries_the_token(scene: str) -> None:
    whole = page(scene)
    forms = re.findall(r'<form method="post".*?</form>|<form[^>]*method="post".*?</form>', whole, re.DOTALL)
    assert forms or scene == "error"
    assert all('name="csrf" value="csrf-token"' in form for form in forms)


def test_hostile_words_stand_as_text() -> None:
    whole = page("ticket")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; invoice" in whole
    assert "Tom &lt;b&gt;Bold&lt;/b&gt; &amp; Sons" in whole
    assert not re.search(r"<script(?![^>]*src=)", whole)
    assert "<img src=x" not in whole


def test_observers_see_no_control_they_may_not_use() -> None:
    whole = page("ticket", rights="note")
    assert "Add note" in whole
    assert 'action="/tickets/1/status"' not in whole
    assert 'id="mode-reply" disabled' in whole


def test_fragments_render() -> None:
    facts = gallery.opened(ex.ROWS[0], ex.CONVERSATION, ex.EVENTS)
    whole = render.text("fragments/ticket.html", ex.here(), **facts)
    assert whole.count("<hx-partial") == 2
    listed = render.text("fragments/list.html", ex.here(), **gallery.inbox())
    assert 'hx-target="#views"' in listed
    assert "older?cursor=" in render.text("fragments/older.html", ex.here(), **gallery.inbox())
    assert "REFUND" in render.text("fragments/tags.html", ex.here(), tags=[ex.tag("REFUND")])


# Filters


@pytest.mark.parametrize(
    "back,said",
    [({"seconds": 5}, "now"), ({"minutes": 5}, "5m"), ({"hours": 3}, "3h"), ({"days": 2}, "Tue"), ({"days": 30}, "10 Feb"), ({"days": 500}, "28 Oct 2024"), ({"days": -3}, "15 Mar")],
)  # fmt: skip
def test_distances(back: dict[str, float], said: str) -> None:
    assert f">{said}</time>" in render.ago(ex.stamp(**back), ex.here())


def test_times_are_local() -> None:
    assert "3:30" in render.long_time(ex.NOW, ex.here())
    assert render.local_input(ex.NOW, ex.here()) == "2026-03-12T15:30"
    assert ">6:30" in render.until(ex.stamp(hours=-3), ex.here())
    assert render.clock_in("Nowhere/Land", ex.here()) == ""
    assert "2:30" in render.clock_in("Europe/London", ex.here())
    assert render.moment("2026-03-12T14:30:00.000001").tzinfo is not None
    assert ex.here().zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "name,letters",
    [("Anna Berg", "AB"), ("Anna Maria von Berg", "AB"), ("anna@shop.example", "AE"), ("", "?"), ("😀", "?"), ("ليلى الحسن", "لا")],
)  # fmt: skip
def test_initials(name: str, letters: str) -> None:
    assert render.initials(name) == letters


def test_links_are_made_from_text_only() -> None:
    made = render.linked(
        'see (https://a.example/x?y=1&z=2). <b>or</b> "mail" bob@b.example, javascript:alert(1)'
    )
    assert 'href="https://a.example/x?y=1&amp;z=2"' in made
    assert "</a>). &lt;b&gt;or&lt;/b&gt; &#34;mail&#34; <a" in made
    assert 'href="mailto:bob@b.example"' in made
    assert made.count("<a ") == 2


@pytest.mark.parametrize(
    "address,opens",
    [("https://x.example/f", True), ("/api/f", True), ("//evil.example", False), ("/\\evil.example", False), ("javascript:alert(1)", False), (None, False)],
)  # fmt: skip
def test_files_open_only_where_it_is_safe(address: str | None, opens: bool) -> None:
    assert render.file_address({"url": address}) == (address if opens else "#")


def test_colours_and_words() -> None:
    assert render.colour({"color": "#aabbcc"}) == "#aabbcc"
    assert render.colour({"color": '#aabbcc"/><script>'}) == ""
    assert render.colour({}) == render.colour(None) == ""
    assert render.plain("<b>550</b> 5.1.1 &lt;no&gt;") == "550 5.1.1 <no>"
    assert [render.size(n) for n in (None, 12, 4200, 2_412_000)] == ["", "12 B", "4 kB", "2.4 MB"]
    assert render.channel_icon("my-own-channel") == "share-2"
    assert render.language_name("fr", ex.here()) == "French"
    assert render.language_name("??", ex.here()) == "??"


# Timelines and bodies


def test_long_threads_fold_their_middle() -> None:
    messages = gallery.many()
    groups = timelines.groups({"messages": messages}, ex.EVENTS)
    assert [group.folded for group in groups] == [False, True, False]
    assert sum(group.count for group in groups) == 40
    assert groups[2].count == timelines.KEPT_LAST
    assert timelines.groups({"messages": []}, []) == []


def test_events_stand_between_the_messages_they_happened_between() -> None:
    [group] = timelines.groups({"messages": ex.CONVERSATION[:3]}, ex.EVENTS)
    kinds = [entry.kind for entry in group.entries]
    assert kinds == ["message", "events", "message", "events", "message"] or kinds[0] == "message"
    shown = [event["type"] for entry in group.entries for event in entry.events]
    assert "ticket-created" not in shown
    assert "ticket-closed" in shown


def test_which_messages_need_a_frame() -> None:
    def body(**more: str | None) -> timelines.Body:
        return timelines.body(1, ex.message(5, ex.MARIE, None) | more, "abc")

    assert body(body_html="<div dir=ltr>Hi<br></div>", body_text="Hi").frame == ""
    assert (
        body(body_html="<div>Hi <b>you</b></div>", body_text="Hi you").frame == "/tickets/1/messages/5/html"
    )
    assert body(body_html="<p>only html</p>").frame
    assert body(body_html='<img src="https://t.example/p.gif">').remote
    assert not body(body_html='<img src="/files/1">').remote
    assert not body(body_html='<img src="https://shop.example/api/attachment/download/abc/x.png">').remote
    assert body(body_html="<p>x</p><blockquote>old</blockquote>", stripped_html="<p>x</p>").folded
    assert body(body_text="new\n\n> old", stripped_text="new").rest == "> old"
    assert body(body_text="> old\n\nnew", stripped_text="new").rest == "> old\n\nnew"
    assert body(body_text="x" * 50_000).clipped


def test_frames_never_allow_scripts() -> None:
    for images in (False, True):
        answer = frames.answer("<p>Hi</p>", "</title><script>", images)
        policy = answer.headers["content-security-policy"]
        assert "allow-scripts" not in policy
        assert policy.startswith("sandbox ")
        assert "default-src 'none'" in policy
        assert ("https:" in policy) is images
        assert b"<script>" not in answer.body
    assert "allow-scripts" not in page("ticket")
    assert f'sandbox="{frames.SANDBOX}"' in page("ticket")


# Static files


def test_static_files_are_named_by_their_content() -> None:
    with pytest.raises(KeyError):
        assets.url("nothing.css")
    assert assets.url("tokens.css") == f"/static/{assets.digest()}/tokens.css"


def test_the_first_load_is_light() -> None:
    """Everything that the inbox with a ticket fetches by itself, as it travels."""
    shown = page("ticket")
    names = set(re.findall(r"/static/\w+/([\w./-]+)", shown))
    assert {"workspace.js", "keys.js", "vendor/htmx.min.js", "icons.svg", "widgets.css"} <= names
    packed = sum(len(assets.files()[name].packed) for name in names)
    assert packed + len(zlib.compress(shown.encode())) < 150_000


def test_icons_exist() -> None:
    sprite = (assets.ROOT / "icons.svg").read_text("utf-8")
    for scene in gallery.SCENES:
        for name in re.findall(r"icons\.svg#([\w-]+)", page(scene)):
            assert f'id="{name}"' in sprite, name
