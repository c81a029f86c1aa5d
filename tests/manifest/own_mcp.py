"""What Mandate's own MCP server promises."""

from tests.manifest.entry import entries

_OWN_MCP = """
own-mcp:list:own-user-only | In a user's name an agent sees that user's delegations to itself alone.
own-mcp:check:as-the-call | check_permission answers as the call would be decided at that moment.
own-mcp:check:alike | An unknown and a forbidden object, an unknown and a foreign resource, answer alike.
own-mcp:explain:own-only | A refusal is explained to the agent that met it, in that person's name; any other is unknown.
own-mcp:exchange:within-delegation | A token from exchange_token holds no more than client, ceilings and delegation allow, at one resource.
own-mcp:exchange:consented | exchange_token and delegate_to need their own scope, still in force.
own-mcp:exchange:no-ladder | The right to exchange gives no other right at the MCP server itself.
own-mcp:exchange:dies-with-parent | What was exchanged is dead when the token that it came from is revoked.
own-mcp:exchange:keeps-key | What comes from a token that is bound to a key is bound to the same key.
own-mcp:release:own-only | An agent gives back what it holds or handed on; anything else is unknown to it.
own-mcp:person:no-act | The tools of a person and of an administrator refuse every token with an agent in it.
own-mcp:person:own-only | A person's tools are about that person's delegations; any other is unknown.
own-mcp:admin:now | An administrator's tools refuse who is none at that moment.
own-mcp:audience | A token for any other resource is refused, and a token for this one nowhere else accepted.
own-mcp:ask:bound | A request for more is bound to agent, person and what is asked: the same finds the same, anybody else's is unknown.
own-mcp:ask:exact | A yes gives exactly what was asked, beside the agent's own delegation and never added to it.
own-mcp:ask:no-yes | No tool says yes to anything: a person does, on the page.
own-mcp:ask:state | On 2026-07-28 an input-required result carries the request's id as sealed state, which any worker takes.
own-mcp:listed-as-callable | tools/list shows what the caller may call and nothing else.
own-mcp:any-worker | Any worker answers any request, and refuses what another one revoked.
"""

OWN_MCP = entries("Mandate:", _OWN_MCP)
