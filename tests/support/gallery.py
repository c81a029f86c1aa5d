"""Render every example page to files, and photograph them, to be looked at.

`python -m tests.support.gallery FOLDER [--photos]`: HTML files, and with `--photos` a PNG of
each at 375 and 1280 px wide, light and dark.
"""

import argparse
import re
import shutil
from pathlib import Path
from typing import Literal

from server.web.rendering import Pages
from server.web.static_files import STATIC_FOLDER
from tests.support.chromium import chromium
from tests.support.clock import FrozenClock
from tests.support.page_examples import EXAMPLES
from tests.support.pictures import EXAMPLE_LOGO, png

SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


def render_all(folder: Path) -> list[Path]:
    """Write each example as HTML that a browser can open from disk."""
    pages = Pages(issuer="https://id.example.org", clock=FrozenClock())
    shutil.rmtree(folder / "static", ignore_errors=True)
    (folder / "static").mkdir(parents=True)
    for source in STATIC_FOLDER.iterdir():
        shutil.copy(source, folder / pages.static.url(source.name).lstrip("/"))
    picture = folder / EXAMPLE_LOGO.lstrip("/")
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(png())
    written = []
    for name, (page, view, _) in EXAMPLES.items():
        html = bytes(pages.page(page, view).body).decode()
        # From disk there is no form to answer, so nothing may post by itself.
        html = html.replace("<script", "<!-- script").replace("</script>", " -->")
        path = folder / f"{name}.html"
        path.write_text(re.sub('="/(static|client-logo)/', r'="\1/', html))
        written.append(path)
    return written


def photograph(paths: list[Path], folder: Path) -> None:
    """Take the four pictures of each page, named `page-width-scheme.png`."""
    with chromium() as browser:
        for width in (375, 1280):
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": 800}, color_scheme=scheme
                )
                tab = context.new_page()
                for path in paths:
                    tab.goto(path.as_uri())
                    tab.screenshot(
                        path=folder / f"{path.stem}-{width}-{scheme}.png", full_page=True
                    )
                context.close()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", action="store_true")
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    paths = render_all(folder)
    if chosen.photos:
        photograph(paths, folder)
    print(f"{len(paths)} pages in {folder}")


if __name__ == "__main__":
    main()
