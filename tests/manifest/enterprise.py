"""Trusted issuers: enterprise-managed authorization, workload identity federation, and ours."""

from tests.manifest.entry import entries

_EMA = """
ema:accepted | §5 | An identity assertion of a trusted provider yields an access token at its resource.
ema:profile-advertised | §6 | Metadata lists the ID-JAG grant profile.
ema:typ | §5.1 (draft §4.4.1) | typ is oauth-id-jag+jwt, nothing else.
ema:signature | §7.4.1 | The signature is by a key of the issuer, with an algorithm that is allowed; never none.
ema:claims | §7.4.1 | iss, aud, sub, iat, exp, jti, client_id and resource are there and hold.
ema:aud | §7.6.2 | aud is this server's issuer, alone.
ema:client | §5.1 (draft §4.4.1) | client_id is the client that authenticated.
ema:client-authenticated | §7.7 | The client authenticates; a public one is refused.
ema:resource | §7.6.2 | resource is a registered resource; the request names no other.
ema:audience-is-resource | §5.1 | The token's audience is the resource of the assertion.
ema:scope-intersection | §7.2.1 | The scope is requested ∩ assertion ∩ policy; never more than any of them.
ema:scope-registered | §7.6.2 | A scope that the resource does not know is invalid_grant.
ema:jti-once | §7.4.2 | A jti is good once until the assertion expires, at every worker.
ema:short-lived | §7.4.2 | An assertion that lasts longer than its issuer may make it is refused.
ema:no-refresh-token | §5.2 (draft §4.4) | There is no refresh token.
ema:idp-client-authenticated | §7.7 | As identity provider, the client authenticates.
ema:idp-subject-audience | §4.1 (draft §4.3.3) | The aud of the ID token is the client that presents it.
ema:idp-pairs | §7.6.1 | Only (audience, resource) pairs of the policy are issued.
ema:idp-response | §4.2 | issued_token_type is id-jag, token_type N_A, with scope and expires_in.
ema:idp-typ | §4.3 | What is issued has typ oauth-id-jag+jwt, aud, resource, client_id there and a short exp.
ema:idp-not-own | draft §"Cross-Domain Use" | No access token for an assertion of our own.
"""

_WIF = """
wif:accepted | Token Endpoint | The token of a workload, without client_id, yields an access token.
wif:grant-advertised | Metadata | grant_types_supported lists jwt-bearer.
wif:issuer-trust | Trust Configuration | Only issuers that an administrator configured are trusted.
wif:claim-rules | Trust Configuration | Rules on claims say which workload it is; one that none fits gets nothing.
wif:jwks-tls | Issuer Key Retrieval | Keys come from a TLS protected address.
wif:signature | JWT Validation | The signature is verified with the issuer's keys.
wif:claims | JWT Format | iss, sub, aud, exp, iat, and jti unless the issuer's tokens are reusable.
wif:aud | JWT Format | aud is this server's issuer; the token endpoint by the issuer's policy only.
wif:jti-once | JWT Format | A jti is good once, unless the issuer's tokens are reusable.
wif:self-only | JWT Validation | sub is no resource owner: the token is the agent's own, without any person.
"""

_OURS = """
enterprise:a-delegation | An enterprise's policy becomes a delegation, with act, grant_id and trail.
enterprise:ones-own-rights | It never reaches what the person may not reach themselves.
enterprise:nothing-named | A policy that names no object gives none.
enterprise:revoked-stays | What the person or an administrator revoked stays revoked until they lift it.
enterprise:narrowed-stays | What the person took away stays away, whatever the next assertion says.
enterprise:linked-only | Nobody is created; a subject is linked, or found by an address that an administrator vouched for.
enterprise:issuer-removed | Trusting an issuer no more ends all that rests on it at once.
enterprise:only-by-assertion | Such a delegation stands behind no token but those of an assertion.
"""

ENTERPRISE = (
    *entries("MCP ext-auth, enterprise-managed authorization", _EMA),
    *entries("MCP ext-auth, workload identity federation", _WIF),
    *entries("Mandate", _OURS),
)
