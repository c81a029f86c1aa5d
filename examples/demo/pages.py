"""HTML pages as a person uses them: read the words, tick, fill in, press a button."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2

from examples.demo.wire import Wire


@dataclass
class Field:
    """A field of a form; `label` is what stands beside it."""

    name: str
    value: str
    kind: str
    checked: bool = False
    words: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Return the words beside the field, with single spaces."""
        return " ".join(" ".join(self.words).split())

    @property
    def sent(self) -> bool:
        """Tell whether a browser would send it."""
        return bool(self.name) and (self.kind not in {"checkbox", "radio"} or self.checked)


@dataclass
class Form:
    """A form: where it goes, its fields, and its buttons as (name, value, words)."""

    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[tuple[str, str, list[str]]] = field(default_factory=list)

    def fill(self, **values: str) -> "Form":
        """Write into fields; raises `LookupError` for one that is not on the page."""
        for name, value in values.items():
            found = [f for f in self.fields if f.name == name and f.kind != "hidden"]
            if not found:
                raise LookupError(f"the form has no field {name}")
            found[0].value = value
        return self

    def tick(self, name: str, *labels: str) -> "Form":
        """Tick exactly those switches of `name` whose words begin so, and no others."""
        switches = [f for f in self.fields if f.name == name and f.kind in {"checkbox", "radio"}]
        for each in switches:
            each.checked = any(each.label.startswith(label) for label in labels)
        for label in labels:
            if not any(each.label.startswith(label) for each in switches):
                shown = [each.label for each in switches]
                raise LookupError(f"nothing to tick says {label!r}, only {shown}")
        return self

    def labels(self, name: str) -> list[str]:
        """Return the words of all switches of a name."""
        return [f.label for f in self.fields if f.name == name]

    def ticked(self, name: str) -> list[str]:
        """Return the words of the switches that are on."""
        return [f.label for f in self.fields if f.name == name and f.checked]

    def pairs(self, button: str | None) -> list[tuple[str, str]]:
        """Return what a browser sends when the button of these words is pressed."""
        sent = [(f.name, f.value) for f in self.fields if f.sent]
        for name, value, words in self.buttons:
            if button is not None and " ".join(words).strip() == button:
                return [*sent, (name, value)] if name else sent
        if button is not None:
            shown = [" ".join(words).strip() for _, _, words in self.buttons]
            raise LookupError(f"no button says {button!r}, only {shown}")
        return sent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, list[str]]] = []
        self.words: list[str] = []
        self._listening: list[tuple[str, list[str]]] = []
        self._form: Form | None = None
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value if value is not None else "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None:
            # The words of the label around it; a label is read on after its input.
            label = next((w for t, w in reversed(self._listening) if t == "label"), [])
            kind = given.get("type", "text")
            value = given.get("value", "on" if kind == "checkbox" else "")
            self._form.fields.append(
                Field(given.get("name", ""), value, kind, "checked" in given, label)
            )
        elif tag == "button":
            words: list[str] = []
            if self._form is not None:
                self._form.buttons.append((given.get("name", ""), given.get("value", ""), words))
            self._listening.append((tag, words))
        elif tag == "a":
            link: list[str] = []
            self.links.append((given.get("href", ""), link))
            self._listening.append((tag, link))
        elif tag == "label":
            self._listening.append((tag, []))
        elif tag in {"script", "style"}:
            self._skip += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag in {"button", "a", "label"} and self._listening:
            if self._listening[-1][0] == tag:
                self._listening.pop()
        elif tag in {"script", "style"}:
            self._skip -= 1

    def handle_data(self, data: str) -> None:
        if self._skip or not data.strip():
            return
        self.words.append(data.strip())
        for _, words in self._listening:
            words.append(data.strip())


@dataclass
class Page:
    """An answer in the browser. `url` is where the browser stands now."""

    url: str
    status: int
    forms: list[Form] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    words: str = ""

    def form(self, part: str) -> Form:
        """Return the form whose action contains `part`; raises `LookupError`."""
        for form in self.forms:
            if part in form.action:
                return form
        actions = [form.action for form in self.forms]
        raise LookupError(f"{self.url} ({self.status}) has no form to {part}, only {actions}")

    def link(self, words: str) -> str:
        """Return the address of the first link that begins so; raises `LookupError`."""
        for href, text in self.links:
            if text.startswith(words):
                return href
        shown = [text for _, text in self.links]
        raise LookupError(f"{self.url} ({self.status}) has no link {words!r}, only {shown}")


class Browser:
    """A browser without scripts: keeps cookies, follows redirects as long as they stay here."""

    def __init__(self, wire: Wire, home: str) -> None:
        self._http = wire.client()
        parts = urlsplit(home)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._home = home

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def open(self, address: str) -> Page:
        """Open an address, absolute or on the home site."""
        return await self._follow(await self._http.get(urljoin(self._home, address)))

    async def press(self, page: Page, form: Form, button: str | None = None) -> Page:
        """Send a form as pressing a button does."""
        address = urljoin(page.url, form.action)
        body = urlencode(form.pairs(button))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": self._origin,
            "Sec-Fetch-Site": "same-origin",
        }
        answer = await self._http.request(
            form.method.upper(), address, content=body, headers=headers
        )
        return await self._follow(answer)

    async def _follow(self, answer: httpx2.Response) -> Page:
        for _ in range(10):
            if answer.status_code not in {302, 303}:
                return _read(answer)
            goes = urljoin(str(answer.url), answer.headers["location"])
            if not goes.startswith(f"{self._origin}/"):
                return Page(goes, answer.status_code)
            answer = await self._http.get(goes)
        raise LookupError("redirects without an end")


def _read(answer: httpx2.Response) -> Page:
    reader = _Reader()
    reader.feed(answer.text)
    links = [(href, " ".join(" ".join(words).split())) for href, words in reader.links]
    return Page(str(answer.url), answer.status_code, reader.forms, links, " ".join(reader.words))
