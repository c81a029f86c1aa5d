"""People at their browsers: every step is a page, a form and a button."""

from dataclasses import dataclass
from typing import Self

from examples.demo.clients import App, Asked
from examples.demo.outcome import Outcome
from examples.demo.pages import Browser, Form, Page
from examples.demo.wire import Wire


@dataclass
class Person:
    """Somebody with an account, at a browser of their own."""

    name: str
    email: str
    password: str
    browser: Browser
    user_id: str = ""

    @classmethod
    def at(cls, wire: Wire, issuer: str, name: str, password: str) -> Self:
        """Sit down at a new browser."""
        return cls(name, f"{name.lower()}@example.org", password, Browser(wire, issuer))

    def elsewhere(self, wire: Wire, issuer: str) -> "Person":
        """Return the same person at another browser, in which nobody is signed in."""
        browser = Browser(wire, issuer)
        return Person(self.name, self.email, self.password, browser, self.user_id)

    async def sign_up(self, address: str = "/sign-up") -> Page:
        """Make an account on the page at `address`."""
        page = await self.browser.open(address)
        form = page.form("/sign-up" if "/sign-up" in address else "/setup")
        form.fill(name=self.name, email=self.email, password=self.password)
        return await self.browser.press(page, form)

    async def sign_in(self, page: Page | None = None) -> Page:
        """Fill in the sign-in page that is shown, or open it."""
        page = page or await self.browser.open("/sign-in")
        form = page.form("/sign-in").fill(email=self.email, password=self.password)
        return await self.browser.press(page, form, "Sign in")

    async def allow_all(self, app: App, **parameters: str) -> Outcome:
        """Let an application of one's own do everything that it asks for."""
        asked = await app.ask(**parameters)
        page = await self.browser.open(asked.url)
        if page.forms and not page.url.startswith(app.redirect_uri):
            form = page.form("/consent")
            form.tick("scope", *form.labels("scope"))
            return await app.redeem(asked, app.code(asked, await self.allow(page, form)))
        return await app.redeem(asked, app.code(asked, page.url))

    async def consent_page(self, asked: Asked) -> Page:
        """Follow an application to the consent page, signing in on the way if asked to."""
        page = await self.browser.open(asked.url)
        if any("/sign-in" in form.action for form in page.forms):
            page = await self.sign_in(page)
        return page

    async def allow(self, page: Page, form: Form) -> str:
        """Press "Allow"; return where the browser lands."""
        landed = await self.browser.press(page, form, "Allow")
        if landed.words:
            raise LookupError(f"still at {landed.url} ({landed.status}): {landed.words[:300]}")
        return landed.url

    async def revoke(self, agent_name: str) -> Page:
        """Open "My agents", choose the agent, read what stops, press "Revoke"."""
        page = await self.browser.open("/agents")
        page = await self.browser.open(page.link(agent_name))
        page = await self.browser.open(page.link("Revoke"))
        return await self.browser.press(page, page.form("/revoke"), "Revoke")


class Administrator(Person):
    """The person whose account came from the one-time link of `mandate init`."""

    async def change_agent(self, agent_id: str, action: str) -> Page:
        """Suspend or resume an agent on the console, after its preview."""
        page = await self.browser.open(f"/admin/agents/{agent_id}")
        page = await self.browser.open(page.link(action.capitalize()))
        return await self.browser.press(page, page.form(f"/{action}"), action.capitalize())

    async def change_person(self, user_id: str, action: str) -> Page:
        """Disable or enable an account on the console, after its preview."""
        page = await self.browser.open(f"/admin/people/{user_id}/{action}")
        return await self.browser.press(page, page.form(f"/{action}"), action.capitalize())
