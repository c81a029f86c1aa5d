"""Tokens: RFC 7009, 7662, 8693, 8707, 9068, and JWT hygiene."""

from tests.manifest.entry import entries

_RFC7009 = """
rfc7009:2.1:client-authenticated | §2.1 | The revocation endpoint authenticates the client and refuses a token issued to another.
rfc7009:2.1:refresh-cascades | §2.1 | Revoking a refresh token also ends the access tokens of its grant.
rfc7009:2.2:unknown-is-200 | §2.2 | An unknown token answers 200.
rfc7009:2.1:hint-is-a-hint | §2.1 | A wrong token_type_hint does not prevent revocation.
rfc7009:2.2:immediate | §2.2 | After the answer the token is refused everywhere.
"""

_RFC7662 = """
rfc7662:2.1:caller-authorized | §2.1 | The introspection endpoint requires an authorized caller.
rfc7662:2.1:post | §2.1 | Introspection takes a form-encoded POST.
rfc7662:2.2:inactive-is-bare | §2.2 | For an inactive token the answer has active false and nothing else.
rfc7662:2.2:unknown-inactive | §2.2 | A token that is unknown, expired, revoked or not for the caller is inactive, not an error.
rfc7662:2.2:members | §2.2 | An active answer carries scope, client_id, sub, aud, iss, exp, iat, jti and token_type.
rfc7662:2.3:bad-client-401 | §2.3 | A caller that fails authentication gets 401.
"""

_RFC8693 = """
rfc8693:2.1:subject-token-required | §2.1 | subject_token is REQUIRED.
rfc8693:2.1:subject-token-type-required | §2.1 | subject_token_type is REQUIRED.
rfc8693:2.1:actor-token-type-with-actor | §2.1 | actor_token_type is REQUIRED with actor_token and MUST NOT be there without it.
rfc8693:2.1:unknown-token-type | §2.1 | A token type that is not supported is refused.
rfc8693:2.2.1:issued-token-type | §2.2.1 | issued_token_type is REQUIRED in the answer.
rfc8693:2.2.1:token-type | §2.2.1 | token_type is REQUIRED in the answer.
rfc8693:2.2.1:scope-if-different | §2.2.1 | scope is in the answer if it differs from what was requested.
rfc8693:2.2.2:invalid-request | §2.2.2 | An invalid or unacceptable subject or actor token is invalid_request.
rfc8693:2.2.2:invalid-target | §2.2.2 | A target that the server will not issue for is invalid_target.
rfc8693:4.1:act | §4.1 | act identifies the current actor outermost, prior actors nested in it.
rfc8693:4.1:act-no-extra | §4.1 | act holds identity claims only: no exp, nbf or aud.
rfc8693:4.4:may-act | §4.4 | may_act names who may act for the subject.
"""

_RFC8707 = """
rfc8707:2:absolute-uri | §2 | resource is an absolute URI without a fragment.
rfc8707:2:invalid-target | §2 | An unknown, malformed or unacceptable resource is invalid_target.
rfc8707:2.1:authorize | §2.1 | resource is honoured at the authorization endpoint.
rfc8707:2.2:token-subset | §2.2 | resource at the token endpoint is within what was granted.
rfc8707:2:audience-restricted | §2 | The token's audience is the resource that was named, and no other.
"""

_RFC9068 = """
rfc9068:2.1:typ | §2.1 | An access token has typ at+jwt.
rfc9068:2.1:signed | §2.1 | An access token is signed, and never with none.
rfc9068:2.2:claims | §2.2 | iss, exp, aud, sub, client_id, iat and jti are REQUIRED.
rfc9068:2.2.3:scope | §2.2.3 | An access token of a request with scope carries the scope that was granted.
rfc9068:4:typ-checked | §4 | A resource server refuses any other typ.
rfc9068:4:iss-exact | §4 | iss matches the issuer exactly.
rfc9068:4:aud-self | §4 | A resource server refuses a token whose aud does not name it.
rfc9068:4:signature | §4 | The signature is verified with the keys of the issuer and an allowed algorithm.
rfc9068:4:exp | §4 | A token at or past exp is refused.
rfc9068:3:scope-of-resource | §3 | The scope in a token belongs to the resource in its audience.
rfc9068:5:jwt-kinds-apart | §5 | No other kind of JWT of this server passes as an access token.
"""

_JOSE = """
jose:alg-none | RFC 8725 §3.1 | alg none is refused in any spelling.
jose:alg-pinned | RFC 8725 §3.1 | The algorithm is pinned to the key: no HMAC with a public key, no other curve.
jose:crit | RFC 7515 §4.1.11 | An unknown crit is refused.
jose:no-key-from-header | RFC 8725 §3.10 | jwk, jku, x5c and x5u of a header are never used to find a key.
jose:typ | RFC 8725 §3.11 | typ is checked, so that kinds of JWT are never confused.
jose:strict-compact | RFC 7515 §7.1 | Padding, blanks, extra parts and repeated members are refused.
jose:bounded | Mandate | Giant and deeply nested tokens are refused before they are parsed.
jose:kid-unknown | RFC 7517 §4.5 | An unknown kid is refused and does not make a storm of fetches.
"""

TOKENS = (
    *entries("RFC 7009", _RFC7009),
    *entries("RFC 7662", _RFC7662),
    *entries("RFC 8693", _RFC8693),
    *entries("RFC 8707", _RFC8707),
    *entries("RFC 9068", _RFC9068),
    *entries("JOSE:", _JOSE),
)
