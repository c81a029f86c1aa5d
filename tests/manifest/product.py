"""OpenID Connect, MCP, and what Mandate promises about itself."""

from tests.manifest.entry import entries

_OIDC = """
oidc:3.1.2.1:nonce | Core §3.1.2.1 | nonce comes back in the ID token unchanged.
oidc:3.1.2.1:prompt-none | Core §3.1.2.1 | prompt=none shows no page: login_required or consent_required instead.
oidc:3.1.2.1:prompt-none-alone | Core §3.1.2.1 | prompt=none with another value is an error.
oidc:3.1.2.1:prompt-login | Core §3.1.2.1 | prompt=login authenticates again.
oidc:3.1.2.1:max-age | Core §3.1.2.1 | max_age authenticates again when it is passed, and auth_time is then in the ID token.
oidc:2:id-token-claims | Core §2 | iss, sub, aud, exp and iat are in the ID token.
oidc:2:id-token-aud | Core §2 | aud of the ID token is the client.
oidc:3.1.3.3:no-store | Core §3.1.3.3 | The answer with an ID token is not to be stored.
oidc:5.3:userinfo-bearer | Core §5.3.1 | UserInfo needs an access token with openid.
oidc:5.3:userinfo-sub | Core §5.3.2 | sub of UserInfo is that of the ID token.
oidc:5.3:userinfo-refuses-act | Core §5.3 | UserInfo refuses a token with act.
oidc:12:refreshed-id-token | Core §12.2 | A refreshed ID token keeps iss, sub and auth_time.
oidc:discovery:required | Discovery §3 | The REQUIRED members of the configuration are there.
oidc:discovery:issuer | Discovery §4.3 | issuer is identical to the prefix of the configuration's address.
oidc:logout:post-logout-registered | RP-Initiated Logout §3 | post_logout_redirect_uri is used only if it is registered for the client.
oidc:logout:asks | RP-Initiated Logout §2 | Without a valid id_token_hint the user is asked.
oidc:logout:ends-session | RP-Initiated Logout §2 | Signing out ends the session and what hangs on it.
oidc:form-post:autoescaped | Form Post §2 | form_post puts the parameters into a form, escaped.
"""

_MCP = """
mcp:prm:published | Authorization 2026-07-28 | Protected resource metadata is published with at least one authorization server (RFC 9728).
mcp:prm:challenge | Authorization 2026-07-28 | A 401 names resource_metadata.
mcp:prm:resource-identical | RFC 9728 §3.3 | resource is identical to the address the metadata was asked at.
mcp:prm:no-offline-access | Authorization 2026-07-28 | offline_access is neither in the metadata nor in a challenge.
mcp:token:validated | Authorization 2026-07-28 | Every request is validated: signature, issuer, expiry, audience.
mcp:token:audience | Authorization 2026-07-28 | A token for another audience is refused.
mcp:token:no-passthrough | Authorization 2026-07-28 | A token that was received is never passed on.
mcp:token:header-only | Authorization 2026-07-28 | A token in the query is refused.
mcp:401:invalid | Authorization 2026-07-28 | A missing, invalid or expired token is 401.
mcp:403:insufficient-scope | Authorization 2026-07-28 | A missing scope is 403 insufficient_scope with all scopes of the operation and resource_metadata.
mcp:400:malformed | Authorization 2026-07-28 | A malformed authorization is 400.
mcp:tool:relation-is-result | Mandate | A denied relation is a tool result with isError, not a 403.
mcp:header:mismatch | Transports 2026-07-28 | Mcp-Method and Mcp-Name are compared with the body, never trusted.
mcp:client:resource | Authorization 2026-07-28 | Our client always sends resource.
mcp:alone:imports | Mandate | mcp_tools is importable with neither FastAPI nor SQL nor server installed.
mcp:down:503 | Mandate | With Mandate unreachable a guarded tool answers 503: no stale allow.
"""

_AUTHZEN = """
authzen:7:order | §7.2 | Decisions come in the order of the evaluations.
authzen:7.1:single | §7.1 | Without evaluations, or with none in the list, the request is a single one.
authzen:7.1.1:defaults | §7.1.1 | What an evaluation leaves out is taken from the top; what it has wins.
authzen:7.1.2:semantics | §7.1.2.1 | execute_all, deny_on_first_deny and permit_on_first_permit stop where they say.
authzen:7.2.1:error-denies | §7.2.1 | An evaluation that cannot be made is a denial, and the others are made.
authzen:8.1:search-is-evaluation | §8.1 | What a search finds, an evaluation allows.
authzen:8.2:pages | §8.2 | A page that is not the last has a next_token, the last an empty one; together they have everything once.
authzen:8.2.1:same-search | §8.2.1 | A page token with another search is an error.
authzen:8.5:id-ignored | §8.5.1 | The id of what is searched for is ignored.
authzen:9:metadata | §9.2 | The metadata is at the well-known address and names the decision point as it was asked.
authzen:10.1.3:request-id | §10.1.3 | A request identifier of the caller comes back in the answer.
"""

_MANDATE = """
mandate:revoke:next-request | Acceptance | A revocation that one process acknowledged is refused by every other on the next request.
mandate:code:50-at-once | Acceptance | Of 50 concurrent redemptions of one code one is 200, and replays revoke what it issued.
mandate:refresh:50-at-once | Acceptance | Of 50 concurrent uses of one rotating refresh token there is one successor, and it works.
mandate:kill:nothing-lost | Acceptance | After SIGKILL under load every acknowledged token, code use, revocation and audit row is there, none half-done.
mandate:kill:authz-nothing-lost | Acceptance | After SIGKILL amid writes of tuples every acknowledged write is there, none half, and the changelog replays to what is stored.
mandate:api:deletion-by-selection | Acceptance | A deletion by a selection needs a concrete part, counts what it deleted, and each deletion is in the changelog.
mandate:api:one-state | Acceptance | Of racing replacements of one tuple one state is left, and the changelog replays to it.
mandate:api:hostile | Acceptance | Loops, rings, large contexts and ids of every Unicode class get the standard error or mean exactly themselves.
mandate:api:incomplete-is-told | Acceptance | A list that ends at a limit says so, a streamed one on its last line.
mandate:store:fails-closed | Bad input | A full disk, lost database or stuck writer answers 503 and recovers.
mandate:remote:deletion-at-once | Remote engine | What takes a right away denies at once, whatever the OpenFGA server has been told of it.
mandate:remote:in-order | Remote engine | Changes reach the OpenFGA server in their order, through lost answers and SIGKILL, and none is lost.
mandate:remote:one-ships | Remote engine | Of several workers one sends changes.
mandate:remote:fails-closed | Remote engine | Without an answer from the OpenFGA server, or with one that is malformed, every decision denies and says why; revoking goes on.
mandate:remote:only-pushed | Remote engine | An OpenFGA server is asked only after a push found it equal.
mandate:schema:behind | Storage | A server whose schema is behind refuses to start and says what to run.
mandate:keys:overlap | Keys | A rotated key verifies until the last token it signed has expired.
mandate:keys:revoked | Keys | A key revoked for a compromise verifies nothing any more.
mandate:keys:encrypted | Keys | Private keys and stored secrets are encrypted at rest.
mandate:fetch:no-private | Outbound | A URL that a stranger can name is never fetched from a private address, nor through a redirect.
mandate:fetch:bounded | Outbound | A fetch is bounded in size and time and takes https only.
mandate:password:15 | People | A password has at least 15 characters and is not on the blocklist, with the reason shown.
mandate:account:alike | People | Known and unknown accounts answer alike.
mandate:session:rotated | People | The session cookie changes at sign-in.
mandate:consent:nothing-picked | Consent | Nothing picked is nothing granted.
mandate:graph:own-token | Relationships | The OpenFGA API inside the server takes a live token made for it, of an agent as itself, and no other.
mandate:scope:hierarchy | Authorization 2026-07-28 | A scope that includes others is granted with them, and what it includes later widens nothing that was granted before.
mandate:resource:bare-origin | RFC 3986 §6.2.3, RFC 8707 §2 | A resource that is a bare origin is found with its slash and without, and is named in tokens as it was registered; nothing else is normalised.
mandate:graph:reserved | Relationships | Consents, ceilings, models and Mandate's own types are not changed over the OpenFGA API, and the refusal is audited.
mandate:audit:both-named | Audit | Each record of a delegated act names the human and every agent.
mandate:audit:tamper | Audit | An edited, re-hashed or truncated trail fails at the right row.
mandate:model:groups-are-people | Model | Groups, roles and organizations hold people alone: an agent has their rights only for a person who consented.
mandate:model:tools-are-objects | Model | A tool is an object of its own server alone, and the person's right, each consent and each ceiling decide about it apart.
mandate:model:ends-by-our-clock | Model | A right that ends is decided by the server's clock; nothing in a request moves it.
mandate:model:upgrade-keeps-modules | Model | An upgrade changes the meaning of no type that a registered module defines.
mandate:log:no-secret | Telemetry | No secret or token is in a log, an error, a URL or a repr.
mandate:input:no-500 | Bad input | Malformed, oversized, repeated, wrongly typed or non-UTF-8 input gets the standard's error: never a 500, never a stack trace.
mandate:settings:unsafe | Settings | An unsafe combination of settings does not start.
"""

PRODUCT = (
    *entries("OpenID Connect", _OIDC),
    *entries("MCP:", _MCP),
    *entries("AuthZEN 1.0", _AUTHZEN),
    *entries("Mandate:", _MANDATE),
)
