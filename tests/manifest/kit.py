"""What the kit for MCP servers promises beyond the specification."""

from tests.manifest.entry import entries

_KIT = """
mcp:list:same-decision | Mandate | A list of tools, resources or prompts shows what the decision of a call would allow, as far as it is known before there are arguments.
mcp:list:fails-closed | Mandate | With Mandate unreachable a list is an error, never what was shown before.
mcp:list:dead-delegation | Mandate | A dead token or delegation lists nothing, and the answer says why.
mcp:guard:resources-and-prompts | Mandate | Guarded resources and prompts are decided on the objects in their URI and arguments; unguarded ones are closed.
mcp:guard:template-escape | Mandate | No spelling of a URI reads another object than the one that was decided.
mcp:kit:on-behalf-of | Mandate | A tool goes on to another server by an exchange as this server's own agent, along a way that the user consented to; what is kept ends with the delegation.
mcp:kit:outcome | Mandate | Each call leaves one log record with the person, every agent, the decision's id and the outcome, and no token, argument or result.
mcp:kit:stdio | Authorization 2026-07-28 | Over stdio the caller's token comes from the environment, is verified at each request and is not inherited by what a tool starts.
mcp:kit:introspection | RFC 7662 | Introspection as verification believes only an active answer of the issuer for this resource alone, and refuses a revoked token on every method.
mcp:kit:revisions | Mandate | Under every revision, with sessions or without, each request is judged by its own token.
mcp:kit:any-app | Mandate | Any ASGI application can be protected: each route has a rule, everything else is closed, and a path with two readings is refused.
mcp:kit:fastmcp | Mandate | A FastMCP 4 server is held to the same rules: unguarded tools do not start, calls and lists are decided alike.
mcp:kit:alone | Mandate | mandate-mcp runs with the dependencies that it declares, without the server's packages.
"""

KIT = entries("MCP:", _KIT)
