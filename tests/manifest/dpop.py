"""DPoP: RFC 9449, with what RFC 9728 says of it."""

from tests.manifest.entry import entries

_RFC9449 = """
rfc9449:4.3:checks | §4.3 | A proof that fulfils every check is accepted, whoever made it.
rfc9449:4.3:one-header | §4.3 (1) | There is exactly one DPoP header, and it holds one JWT.
rfc9449:4.3:typ | §4.3 (4) | typ is dpop+jwt.
rfc9449:4.3:asymmetric | §4.3 (5) | alg is an asymmetric algorithm that is supported, never none.
rfc9449:4.3:signature | §4.3 (6) | The signature verifies with the public key in the header.
rfc9449:4.3:no-private-key | §4.3 (7) | The key in the header has no private part.
rfc9449:4.3:htm | §4.3 (8) | htm is the method of the request.
rfc9449:4.3:htu | §4.3 (9) | htu is the URI of the request, without query and fragment.
rfc9449:4.3:htu-normal | §4.3 | htu is compared after normalization (RFC 3986 §6.2.2, §6.2.3).
rfc9449:4.3:nonce | §4.3 (10) | Where the server gave a nonce, the proof holds one that is in force.
rfc9449:4.3:iat | §4.3 (11) | The proof was made within an acceptable time.
rfc9449:4.3:ath | §4.3 (12) | With an access token, ath is its hash and the key is the one that it is bound to.
rfc9449:5:token-type | §5 | An access token that is bound has token_type DPoP, one that is not has not.
rfc9449:5:invalid-proof | §5 | A token request with a bad proof is refused with invalid_dpop_proof.
rfc9449:5:refresh-public | §5 | The refresh token of a public client is bound to the key, and is good with a proof of the same key alone.
rfc9449:5:refresh-confidential | §5 | The refresh token of a confidential client is bound to the client, which may change its key.
rfc9449:5.1:metadata | §5.1 | dpop_signing_alg_values_supported lists the algorithms.
rfc9449:5.2:required | §5.2 | Token requests without a proof of a client with dpop_bound_access_tokens are refused.
rfc9449:6.1:jkt | §6.1 | cnf holds jkt, the SHA-256 thumbprint (RFC 7638) of the key.
rfc9449:6.2:introspection | §6.2 | Introspection tells cnf, and token_type DPoP.
rfc9449:7.1:scheme | §7.1 | A protected resource takes a bound token under the scheme DPoP with its proof.
rfc9449:7.1:challenge | §7.1 | A refusal has WWW-Authenticate: DPoP with algs.
rfc9449:7.2:not-as-bearer | §7.2 | A bound token is refused under the scheme Bearer.
rfc9449:8:use-dpop-nonce | §8, §9 | A server that wants a nonce answers use_dpop_nonce with the header DPoP-Nonce.
rfc9449:8.2:new-nonce | §8.2 | A new nonce comes with an answer, so that the next request has it.
rfc9449:10:code-bound | §10 | A code asked for with dpop_jkt is redeemed with a proof of that key alone.
rfc9449:10.1:par-header | §10.1 | A proof at the pushed authorization request binds the code; one that differs from dpop_jkt is refused.
rfc9449:11.1:replay | §11.1 | A proof is good once, at whichever worker.
"""

_RFC9728 = """
rfc9728:2:dpop | §2 | The metadata of a protected resource says which proof algorithms it takes and whether it requires bound tokens.
"""

DPOP = (*entries("RFC 9449", _RFC9449.strip()), *entries("RFC 9728", _RFC9728.strip()))
