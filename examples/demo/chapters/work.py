"""Chapter 4: Quill exchanges the token and works."""

from examples.demo.clients import chain, claims
from examples.demo.play import ALLOWED, Play


async def tell(play: Play) -> None:
    """Exchange and call tools."""
    story, stage, ids = play.story, play.stage, play.ids
    story.chapter(
        "4 · Quill at work",
        "Quill proves who it is (client_credentials), trades Ana's token for one that is good at",
        "the documents server alone, and calls tools with the `mcp` client and TokenExchangeAuth.",
    )
    play.errand = play.quill.acting(play.user_token, stage.documents, "docs:read docs:write")
    token = await play.errand.token()
    held = claims(token)
    play.grant_id = held["grant_id"]
    where = "the documents server" if held["aud"] == stage.documents else held["aud"]
    story.check(
        "work.exchange", "Quill's token says for whom, who acts, and where it is good",
        "Quill for Ana at the documents server",
        f"{play.names(chain(token))} for {play.name(held['sub'])} at {where}",
    )  # fmt: skip
    story.check(
        "work.short", "It lasts five minutes at most, and not longer than what it came from",
        "yes",
        "yes" if held["exp"] <= claims(play.user_token)["exp"] <= held["iat"] + 300 else "no",
    )  # fmt: skip
    listed = await play.errand.call("list_folder", folder_id=ids["Projects"])
    titles = " ".join(each["title"] for each in listed.value["documents"])
    story.check("work.list", "Quill lists the folder Projects", "Budget Minutes Plan", titles)
    read = await play.errand.call("read_document", document_id=ids["Plan"])
    story.check("work.read", "Quill reads the plan", "Ship in May.", str(read.value))
    made = await play.errand.call(
        "create_document", folder_id=ids["Projects"], title="Summary", content="May, nine thousand."
    )
    story.check("work.write", "Quill writes a summary into the folder", ALLOWED, made.said)
    ids["Summary"] = made.value["document_id"]
    got = await play.said_to_owner(play.ana_token, "read_document", document_id=ids["Summary"])
    story.check("work.owner", "The summary belongs to Ana, who reads it", ALLOWED, got)
