"""HTML pages: Jinja2 templates filled from frozen view-models, with their security headers.

Autoescape is on, an unknown name or a None in a template is an error, and every printed text
passes `visible`, so that a stranger's name cannot hide characters on any page.
"""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import CodeType
from typing import Any, Final

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.bccache import Bucket
from markupsafe import Markup
from starlette.responses import Response

from authz.clock import Clock
from server.web import time_words
from server.web.origin import site_of
from server.web.security_headers import page_headers
from server.web.static_files import StaticFiles
from server.web.views import PAGES, Page
from server.web.visible_text import visible

_TEMPLATES: Final = Path(__file__).parent / "templates"
#: The only page with a script: it presses its own button.
_SCRIPTED: Final = "form_post"


class _CompiledOnce(BytecodeCache):
    """Templates as code, by their text: a second server of this process need not compile again.

    What a server gives its templates, such as its address, is no part of the code.
    """

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


_COMPILED: Final = _CompiledOnce()


class Pages:
    """The pages of one server, compiled at start."""

    def __init__(self, *, issuer: str, clock: Clock, product: str = "Mandate") -> None:
        """Compile every template.

        Raises `ValueError` for an unsafe issuer and `jinja2.TemplateError` for a bad template.
        """
        site = site_of(issuer)
        self._clock = clock
        self._secure = site.secure
        self.static = StaticFiles(base_path=site.path)
        environment = _environment()
        environment.globals.update(
            base=site.path, product=product, static=self.static.url, iso=time_words.iso,
            absolute=time_words.absolute, relative=time_words.relative,
        )  # fmt: skip
        self._templates: dict[str, Template] = {
            name: environment.get_template(f"{name}.html") for name in PAGES
        }

    def page(
        self,
        name: str,
        view: Page,
        *,
        status: int = 200,
        form_targets: Sequence[str | None] = (),
    ) -> Response:
        """Render the page `name` of `PAGES` from its view-model.

        `form_targets`: CSP sources that the answer to this page's form may redirect to, made by
        `origin.form_target` from the registered redirect URI (None entries are left out).
        Raises `TypeError` if the view-model is another page's.
        """
        if type(view) is not PAGES[name]:
            msg = f"page {name!r} takes {PAGES[name].__name__}"
            raise TypeError(msg)
        context = {field.name: getattr(view, field.name) for field in fields(view)}
        html = self._templates[name].render(context, now=self._clock.now())
        return Response(
            html,
            status_code=status,
            media_type="text/html",
            headers=page_headers(
                secure=self._secure,
                form_targets=[target for target in form_targets if target is not None],
                scripts=name == _SCRIPTED,
            ),
        )


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        auto_reload=False,
        bytecode_cache=_COMPILED,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _printed(value: Any) -> Any:
    if value is None:
        msg = "a template printed None"
        raise TypeError(msg)
    if isinstance(value, str) and not isinstance(value, Markup):
        # Markup is what a macro made: each text in it came through here already.
        return visible(value)
    return value
