"""RFC 8414, OIDC Discovery, AuthZEN: derived from what is built in, served as cached bytes."""

from functools import lru_cache

import orjson

from server.domain.policy import Policy
from server.domain.registry import ClientAuth
from server.protocol.client_assertion import ASSERTION_ALGORITHMS
from server.protocol.grants import GRANTS
from server.protocol.id_jag import ID_JAG_TOKEN
from server.protocol.scopes import OIDC_SCOPES

ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
"""Identity assertions are taken as grants (the ID-JAG draft §7.2)."""


@lru_cache(maxsize=16)
def metadata(policy: Policy, algorithms: tuple[str, ...]) -> bytes:
    """Return the metadata document, the same bytes at each of the well-known addresses."""
    issuer = policy.issuer
    # A workload presents a grant, not a way to authenticate that others could choose.
    methods = [method.value for method in ClientAuth if method is not ClientAuth.WORKLOAD]
    confidential = [method for method in methods if method != "none"]
    return orjson.dumps(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": policy.token_endpoint,
            "pushed_authorization_request_endpoint": f"{issuer}/par",
            "introspection_endpoint": f"{issuer}/introspect",
            "revocation_endpoint": f"{issuer}/revoke",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "end_session_endpoint": f"{issuer}/logout",
            "jwks_uri": f"{issuer}/jwks",
            "scopes_supported": sorted(OIDC_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": [grant.grant_type.value for grant in GRANTS],
            "identity_chaining_requested_token_types_supported": [ID_JAG_TOKEN],
            "authorization_grant_profiles_supported": [ID_JAG_PROFILE],
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "authorization_details_types_supported": ["mandate"],
            "require_pushed_authorization_requests": False,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(algorithms),
            "prompt_values_supported": ["none", "login", "consent"],
            "acr_values_supported": ["urn:mandate:acr:password"],
            "claims_supported": [
                "sub",
                "iss",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "acr",
                "amr",
                "nonce",
                "sid",
                "name",
                "email",
                "email_verified",
            ],
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "ui_locales_supported": ["en"],
        }
    )


@lru_cache(maxsize=16)
def authzen_metadata(policy: Policy) -> bytes:
    """Return what this server offers as a policy decision point (AuthZEN 1.0 §9.1)."""
    issuer = policy.issuer
    return orjson.dumps(
        {
            "policy_decision_point": issuer,
            "access_evaluation_endpoint": f"{issuer}/access/v1/evaluation",
            "access_evaluations_endpoint": f"{issuer}/access/v1/evaluations",
            "search_resource_endpoint": f"{issuer}/access/v1/search/resource",
            "search_action_endpoint": f"{issuer}/access/v1/search/action",
        }
    )
