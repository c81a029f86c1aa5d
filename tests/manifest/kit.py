"""What the kit for MCP servers promises beyond the specification."""

from tests.manifest.entry import entries

_KIT = """
mcp:list:same-decision | Mandate | A list of tools, resources or prompts shows what the decision of a call would allow, as far as it is known before there are arguments.
mcp:list:fails-closed | Mandate | With Mandate unreachable a list is an error, never what was shown before.
mcp:list:dead-delegation | Mandate | A dead token or delegation lists nothing, and the answer says why.
mcp:guard:resources-and-prompts | Mandate | Guarded resources and prompts are decided on the objects in their URI and arguments; unguarded ones are closed.
mcp:guard:template-escape | Mandate | No spelling of a URI reads another object than the one that was decided.
mcp:kit:any-app | Mandate | Any ASGI application can be protected: each route has a rule, everything else is closed, and a path with two readings is refused.
mcp:kit:fastmcp | Mandate | A FastMCP 4 server is held to the same rules: unguarded tools do not start, calls and lists are decided alike.
mcp:kit:alone | Mandate | mandate-mcp runs with the dependencies that it declares, without the server's packages.
"""

KIT = entries("MCP:", _KIT)
