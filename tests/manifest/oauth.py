"""The authorization framework: RFC 6749, 7523, 7636, 8414, 9126, 9207, 9396, 9700."""

from tests.manifest.entry import entries

_RFC6749 = """
rfc6749:2.3:one-method | §2.3 | A client uses one authentication method a request.
rfc6749:2.3.1:basic | §2.3.1 | HTTP Basic is supported, with form-encoded id and secret.
rfc6749:2.3.1:no-query | §2.3.1 | Client credentials in the URI are refused.
rfc6749:3.1:no-fragment | §3.1.2 | A redirect URI has no fragment.
rfc6749:3.1:no-duplicates | §3.1 | A repeated parameter is refused.
rfc6749:3.1.2.4:no-redirect | §3.1.2.4 | A bad client or redirect URI is shown to the user and never redirected.
rfc6749:3.2:post-only | §3.2 | The token endpoint takes POST only.
rfc6749:3.2:no-duplicates | §3.2 | A repeated parameter at the token endpoint is invalid_request.
rfc6749:3.3:scope-grammar | §3.3 | A malformed scope is invalid_scope.
rfc6749:3.3:scope-told | §3.3 | An issued scope that differs from the requested one is told.
rfc6749:4.1.1:response-type | §4.1.1 | response_type is REQUIRED; an unknown one is unsupported_response_type.
rfc6749:4.1.2:state-returned | §4.1.2 | state comes back unchanged, on success and on error.
rfc6749:4.1.2:code-short | §4.1.2 | A code lives ten minutes at most.
rfc6749:4.1.2:code-once | §4.1.2 | A code is used once; a second use revokes what it issued.
rfc6749:4.1.3:code-of-client | §4.1.3 | A code is good for the client it was issued to.
rfc6749:4.1.3:redirect-uri-same | §4.1.3 | redirect_uri at the token endpoint equals that of the request.
rfc6749:4.4:confidential | §4.4 | client_credentials is for confidential clients only.
rfc6749:5.1:no-store | §5.1 | Token answers are not to be stored (Cache-Control: no-store).
rfc6749:5.2:invalid-client | §5.2 | A failed client authentication is invalid_client, 401 with WWW-Authenticate for Basic.
rfc6749:5.2:unsupported-grant | §5.2 | An unknown grant type is unsupported_grant_type, one not allowed unauthorized_client.
rfc6749:5.2:invalid-grant | §5.2 | A code or refresh token that is invalid, expired, revoked or another client's is invalid_grant.
rfc6749:6:scope-not-wider | §6 | Refreshing never widens the scope.
rfc6749:6:bound-to-client | §6 | A refresh token is bound to its client, which authenticates.
rfc6749:10.10:unguessable | §10.10 | Codes, tokens and secrets have at least 128 bits of entropy.
rfc6749:10.12:csrf | §10.12 | The authorization pages are protected against CSRF.
rfc6749:10.13:framing | §10.13 | The authorization pages refuse to be framed.
"""

_RFC7523 = """
rfc7523:3:iss-sub | §3 | iss and sub of a client assertion are the client_id.
rfc7523:3:aud | §3 | aud of a client assertion is the issuer.
rfc7523:3:exp | §3 | exp is REQUIRED and in the future.
rfc7523:3:jti-once | §3 | The jti of an assertion is used once.
rfc7523:3:signature | §3 | The assertion is signed by a key of the client with an allowed algorithm.
rfc7523:2.2:client-id-optional | §2.2 (RFC 7521 §4.2) | client_id may be absent; if there, it names the same client.
"""

_RFC7636 = """
rfc7636:4.1:verifier-grammar | §4.1 | A verifier has 43 to 128 unreserved characters.
rfc7636:4.3:s256-only | §4.3 | plain is refused, also as the default of an omitted method.
rfc7636:4.4.1:required | §4.4.1 | A request without code_challenge is invalid_request.
rfc7636:4.6:verified | §4.6 | A verifier that does not match is invalid_grant.
rfc7636:4.6:missing-verifier | §4.6 | A code with a challenge is not redeemed without a verifier.
rfc7636:B:vector | Appendix B | The example of the RFC verifies.
"""

_RFC8414 = """
rfc8414:2:required | §2 | issuer, authorization_endpoint, token_endpoint and response_types_supported are published.
rfc8414:3:path-issuer | §3 | The well-known string stands between host and path of the issuer.
rfc8414:3.3:issuer-identical | §3.3 | issuer is identical to the one in the address.
rfc8414:2:truthful | §2 | What metadata lists is what the endpoints accept.
"""

_RFC9126 = """
rfc9126:2.1:client-authenticated | §2.1 | PAR authenticates the client as the token endpoint does.
rfc9126:2.1:no-request-uri | §2.1 | request_uri in a pushed request is refused.
rfc9126:2.1:validated | §2.1 | A pushed request is validated as an authorization request.
rfc9126:2.2:201 | §2.2 | The answer is 201 with request_uri and expires_in.
rfc9126:4:bound-once | §4 | A request_uri is bound to its client, unguessable, short-lived and used once.
"""

_RFC9207 = """
rfc9207:2:iss | §2 | iss is in every authorization response, errors too.
rfc9207:3:metadata | §3 | authorization_response_iss_parameter_supported is true.
"""

_RFC9396 = """
rfc9396:2:array | §2 | authorization_details is a JSON array of objects, each with type.
rfc9396:5:unknown-type | §5 | An unknown type is invalid_authorization_details.
rfc9396:5:unknown-field | §5 | An unknown field or a wrong type or value is invalid_authorization_details.
rfc9396:7:returned | §7 | The granted authorization_details are in the token answer.
rfc9396:7.1:narrowed | §7.1 | What the user picked is what is returned.
rfc9396:9.2:introspection | §9.2 | Introspection tells the authorization_details in force.
"""

_RFC9700 = """
rfc9700:2.1:exact-redirect | §2.1 | Redirect URIs are compared as strings; only the port of a loopback address may vary.
rfc9700:2.1:no-open-redirect | §2.1 | The server is no open redirector.
rfc9700:2.1.1:pkce-required | §2.1.1 | PKCE is required of every client.
rfc9700:2.1.1:no-downgrade | §2.1.1 | A verifier for a request without a challenge is refused.
rfc9700:2.1.2:no-implicit | §2.1.2 | No response type puts a token into the front channel.
rfc9700:2.3:audience | §2.3 | Access tokens are restricted to one audience.
rfc9700:2.2.2:refresh-rotation | §2.2.2 | Refresh tokens of public clients rotate or are sender-bound.
rfc9700:2.4:no-password-grant | §2.4 | The password grant does not exist.
rfc9700:4.2.4:referrer | §4.2.4 | Pages of the flow send Referrer-Policy: no-referrer.
rfc9700:4.5:code-injection | §4.5.3 | A code injected into another session is refused.
rfc9700:4.12:redirect-303 | §4.12 | The answer to a form is never a 307 redirect.
rfc9700:4.14.2:family-revoked | §4.14.2 | A replayed refresh token revokes its family.
rfc9700:4.15:sub-not-client | §4.15 | A client cannot take an identifier that reads as a user's.
"""

OAUTH = (
    *entries("RFC 6749", _RFC6749),
    *entries("RFC 7523", _RFC7523),
    *entries("RFC 7636", _RFC7636),
    *entries("RFC 8414", _RFC8414),
    *entries("RFC 9126", _RFC9126),
    *entries("RFC 9207", _RFC9207),
    *entries("RFC 9396", _RFC9396),
    *entries("RFC 9700", _RFC9700),
)
