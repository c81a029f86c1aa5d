"""Every page, from its example: what holds for all of them."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from server.web.rendering import Pages
from server.web.security_headers import page_headers
from server.web.views import PAGES
from server.web.views.account import MessagePage, SignInPage
from server.web.views.delegation import MyAgentsPage
from tests.support.clock import FrozenClock
from tests.support.page_examples import EXAMPLES
from tests.support.page_views import CONSENT, HELPER, ROW, STRANGER

ISSUER = "https://id.example.org/t/acme"
VOID = {"input", "meta", "link", "img", "br", "hr"}
#: Hidden fields need no label; the others are named by a label, or wrapped in one.
UNLABELLED = {"hidden", "submit"}


class Outline(HTMLParser):
    """The page as a list of elements, each with its attributes and the tags around it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], tuple[int, ...]]] = []
        self.text: list[str] = []
        self.open: list[int] = []
        self.feed(html)
        self.close()
        assert self.open == [], "an element was left open"

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag):
        assert self.elements[self.open.pop()][0] == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs, _ in self.elements if name == tag]

    def inside(self, position, tag):
        return [
            attrs for name, attrs, around in self.elements if name == tag and position in around
        ]


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(issuer=ISSUER, clock=FrozenClock())


def render(pages: Pages, name: str) -> str:
    page, view, target = EXAMPLES[name]
    return bytes(pages.page(page, view, form_targets=(target,)).body).decode()


every_example = pytest.mark.parametrize("name", EXAMPLES)


def test_there_is_an_example_of_every_page():
    assert {page for page, _, _ in EXAMPLES.values()} == set(PAGES)


def test_two_servers_in_one_process_share_no_address():
    here, there = (
        Pages(issuer=issuer, clock=FrozenClock(), product=product)
        for issuer, product in ((ISSUER, "Acme"), ("https://other.example", "Other"))
    )
    for pages, base, product in ((here, "/t/acme", "Acme"), (there, "", "Other")):
        outline = Outline(render(pages, "sign_in"))
        styles = [link["href"] for link in outline.all("link") if link["rel"] == "stylesheet"]
        assert [style for style in styles if style.startswith(f"{base}/static/")] == styles != []
        assert product in "".join(outline.text)


@every_example
def test_a_page_is_one_well_formed_document_with_its_landmarks(pages: Pages, name: str):
    html = render(pages, name)
    outline = Outline(html)
    assert html.startswith("<!doctype html>")
    assert outline.all("html")[0]["lang"] == "en"
    for once in ("html", "head", "body", "title", "main", "h1"):
        assert len(outline.all(once)) == 1, once
    assert outline.all("main")[0]["id"] == "main"
    ids = [attrs["id"] for _, attrs, _ in outline.elements if "id" in attrs]
    assert len(ids) == len(set(ids)), "an id is used twice"
    for tag, attrs, _ in outline.elements:
        for pointer in ("aria-labelledby", "aria-describedby", "for"):
            assert set((attrs.get(pointer) or "").split()) <= set(ids), (tag, attrs)


@every_example
def test_headings_never_skip_a_level(pages: Pages, name: str):
    outline = Outline(render(pages, name))
    levels = [int(tag[1]) for tag, _, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@every_example
def test_a_page_has_no_inline_script_or_style(pages: Pages, name: str):
    outline = Outline(render(pages, name))
    assert outline.all("style") == []
    for tag, attrs, _ in outline.elements:
        assert "style" not in attrs, tag
        assert not [key for key in attrs if key.startswith("on")], tag
    scripts = outline.all("script")
    assert [bool(script.get("src")) for script in scripts] == [True] * len(scripts)
    assert bool(scripts) is (EXAMPLES[name][0] == "form_post")


@every_example
def test_every_form_that_changes_something_is_a_post_with_one_csrf_field(pages: Pages, name: str):
    outline = Outline(render(pages, name))
    for position, (tag, attrs, _) in enumerate(outline.elements):
        if tag != "form" or attrs.get("id") == "form-post":
            continue  # The form-post answer goes to the client, to whom our token is no business.
        tokens = [field for field in outline.inside(position, "input") if field["name"] == "csrf"]
        if attrs.get("role") == "search":
            assert attrs["method"] == "get"
            assert tokens == []
        else:
            assert attrs["method"] == "post"
            assert [field["value"] for field in tokens] == ["csrf-token"]
        assert (attrs["action"] or "").startswith("/")


@every_example
def test_every_field_has_a_label_and_every_button_has_words(pages: Pages, name: str):
    outline = Outline(render(pages, name))
    labels = {attrs["for"] for attrs in outline.all("label") if "for" in attrs}
    for tag, attrs, around in outline.elements:
        if tag not in {"input", "select", "textarea"} or attrs.get("type") in UNLABELLED:
            continue
        wrapped = any(outline.elements[position][0] == "label" for position in around)
        assert wrapped or attrs.get("id") in labels, attrs


@every_example
def test_the_links_of_a_page_stay_under_the_issuers_path(pages: Pages, name: str):
    html = render(pages, name)
    assert 'href="/t/acme/static/style.' in html
    assert 'class="brand" href="/t/acme/agents"' in html
    assert '="/static/' not in html
    assert '="/sign-out"' not in html


@every_example
def test_the_headers_of_a_page_are_exactly_these(pages: Pages, name: str):
    page, view, target = EXAMPLES[name]
    response = pages.page(page, view, form_targets=(target,))
    script = "script-src 'self'; " if page == "form_post" else ""
    form_action = f"form-action 'self' {target}" if target else "form-action 'self'"
    assert response.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        f"{script}{form_action}; frame-ancestors 'none'; base-uri 'none'"
    )
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["strict-transport-security"].startswith("max-age=")
    assert "camera=()" in response.headers["permissions-policy"]


def test_a_loopback_issuer_asks_for_no_transport_security():
    assert "Strict-Transport-Security" not in page_headers(secure=False)


def test_a_page_refuses_the_view_model_of_another(pages: Pages):
    with pytest.raises(TypeError, match="takes ConsentPage"):
        pages.page("consent", SignInPage(frame=STRANGER, action="/sign-in"))


HOSTILE = "<script>alert(1)</script>\u202eevil\u2066\u200b\x07\ufeff\"' onload=x"


def test_a_hostile_name_is_escaped_and_its_hidden_characters_are_shown(pages: Pages):
    agent = replace(HELPER, name=HOSTILE, owner=HOSTILE)
    resource = replace(
        CONSENT.resources[0],
        name=HOSTILE,
        host=HOSTILE,
        scopes=tuple(
            replace(s, sentence=HOSTILE, value=HOSTILE) for s in CONSENT.resources[0].scopes
        ),
        objects=tuple(
            replace(o, label=HOSTILE, value=HOSTILE) for o in CONSENT.resources[0].objects
        ),
    )
    view = replace(
        CONSENT,
        agent=agent,
        client_name=HOSTILE,
        purpose=HOSTILE,
        resources=(resource,),
        redirect_host=HOSTILE,
        object_query=HOSTILE,
        hand_overs=tuple(replace(c, agent=agent, purpose=HOSTILE) for c in CONSENT.hand_overs),
    )
    html = bytes(pages.page("consent", view).body).decode()
    outline = Outline(html)
    assert outline.all("script") == []
    assert not [attrs for _, attrs, _ in outline.elements if "onload" in attrs]
    for hidden in "\u202e\u2066\u200b\x07\ufeff":
        assert hidden not in html
        assert f"⟨U+{ord(hidden):04X}⟩" in html
    table = MyAgentsPage(frame=STRANGER, live=(replace(ROW, agent=agent, purpose=HOSTILE),))
    assert "<script" not in bytes(pages.page("my_agents", table).body).decode()


def test_a_template_that_would_print_none_is_an_error(pages: Pages):
    broken = MessagePage(frame=STRANGER, heading="x", paragraphs=(None,))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="None"):
        pages.page("message", broken)


def test_destructive_scopes_and_unasked_things_start_switched_off(pages: Pages):
    outline = Outline(render(pages, "consent"))
    ticked = {
        attrs["value"]
        for attrs in outline.all("input")
        if "checked" in attrs and attrs["name"] != "duration"
    }
    assert ticked == {"docs:read", "docs:write", "folder:7", "email"}
    decisions = [
        attrs["value"] for attrs in outline.all("button") if attrs.get("name") == "decision"
    ]
    # Pressing Enter in a field presses the first button after sign-out: never "allow".
    assert decisions == ["sign_out", "find", "deny", "allow"]
