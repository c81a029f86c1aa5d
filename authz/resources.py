"""Registered resources and their tools as objects of the graph (`mandate.fga`)."""

import re
from typing import Final
from urllib.parse import quote, unquote

RESOURCE: Final = "mandate/resource"
TOOL: Final = "mandate/tool"
_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,128}", re.ASCII)


def resource_object(uri: str) -> str:
    """Name an API or MCP server: its URI (RFC 8707), of which all but `/` is percent-encoded.

    No colon can be in the id of an object; encoding keeps two URIs apart, exactly.
    """
    return f"{RESOURCE}:{_encoded(uri)}"


def tool_object(uri: str, tool: str) -> str:
    """Name one tool of an MCP server: its resource, a slash, and the tool's name, encoded."""
    return f"{TOOL}:{_encoded(uri)}/{quote(tool, safe='')}"


def tool_name(object: str) -> str:
    """Return the name of the tool that an object is, for people to read; empty for anything else.

    Only of the characters that MCP allows in one: nothing that reads otherwise than it is.
    """
    kind, _, name = object.partition(":")
    tool = unquote(name.rpartition("/")[2]) if kind == TOOL else ""
    return tool if _TOOL_NAME.fullmatch(tool) else ""


def is_of(object: str, uri: str) -> bool:
    """Tell whether an object is the resource of this URI, or a tool of it."""
    kind, _, name = object.partition(":")
    if kind == TOOL:
        # The last slash is the one before the tool: its own are encoded.
        name, _, tool = name.rpartition("/")
        return tool != "" and name == _encoded(uri)
    return kind == RESOURCE and name == _encoded(uri)


def _encoded(uri: str) -> str:
    return quote(uri, safe="/")
