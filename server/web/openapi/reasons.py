"""The closed list of words that say why a request was refused, beside `authz.decision.Reason`."""

from typing import Final

from authz.decision import Reason

FORM: Final = ("malformed", "several_authorizations", "too_large")
CLIENT: Final = (
    "invalid_client", "public_client", "several_client_authentications", "no_resource",
)  # fmt: skip
TOKEN: Final = (
    "grant_type_missing", "unsupported_grant_type", "grant_not_allowed", "no_agent",
    "code_missing", "code_unknown", "code_expired", "code_replayed", "redirect_mismatch",
    "verifier_mismatch", "consent_lost", "refresh_token_missing", "refresh_unknown",
    "refresh_expired", "refresh_revoked", "refresh_reused",
)  # fmt: skip
EXCHANGE: Final = (
    "subject_token_missing", "subject_token_type_unsupported", "actor_token_missing",
    "actor_token_type_unsupported", "requested_token_type_unsupported", "type_mismatch",
    "not_presenter", "not_delegate", "actor_mismatch", "actor_token_required",
    "actor_token_without_agent", "id_token_too_old", "id_token_without_session",
    "consent_required", "grant_id_required", "handover_not_consented", "no_edge",
    "objects_exceed_delegation", "too_many_helpers", "subject_for_agent",
    *(f"actor_{reason.value}" for reason in Reason),
)  # fmt: skip
ASSERTION: Final = (
    "assertion_missing", "assertion_refused", "assertion_expired", "assertion_replayed",
    "assertion_of_other_client", "assertion_resource", "assertion_scope",
    "not_allowed_by_policy", "subject_unknown", "not_for_assertions",
)  # fmt: skip
TARGET: Final = (
    "several_targets", "target_missing", "unknown_target", "target_not_consented",
    "target_not_granted", "malformed_scope", "nothing_left", "scope_exceeds_grant",
)  # fmt: skip
AUTHORIZE: Final = (
    "unknown_client", "redirect_uri_missing", "redirect_uri_unregistered", "response_mode",
    "state_too_long", "nonce_too_long", "login_hint_too_long", "request_object", "request_uri",
    "registration", "par_required", "response_type_missing", "response_type", "grant_type",
    "code_challenge_missing", "code_challenge_method", "code_challenge", "prompt", "prompt_none",
    "max_age", "acr_values", "too_many_resources", "unknown_resource", "foreign_agent",
    "agent_and_others", "scope_unknown", "scope_not_registered", "resource_missing",
    "nothing_asked",
)  # fmt: skip
DETAILS: Final = tuple(
    f"authorization_details_{name}"
    for name in (
        "too_large", "malformed", "agents", "depth_without_agents", "unknown_type",
        "unknown_field", "resource", "scopes", "objects", "max_depth", "handover_only",
    )
)  # fmt: skip
RELATIONS: Final = (
    "foreign_type", "reserved_relation", "sharing_not_consented", "tuple_refused",
)  # fmt: skip
BEARER: Final = ("token_missing", "delegated")
UNAVAILABLE: Final = ("unavailable", "too_many_waiting")

EVERY: Final = tuple(
    dict.fromkeys(
        (
            *(reason.value for reason in Reason), *FORM, *CLIENT, *TOKEN, *EXCHANGE, *ASSERTION,
            *TARGET, *AUTHORIZE, *DETAILS, *RELATIONS, *BEARER, *UNAVAILABLE,
        )
    )
)  # fmt: skip
"""What `reason` in an error body of a JSON endpoint may say."""

ERRORS: Final = (
    "invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "invalid_target",
    "invalid_token", "insufficient_scope", "unauthorized_client", "unsupported_grant_type",
    "unsupported_response_type", "invalid_authorization_details", "request_not_supported",
    "request_uri_not_supported", "registration_not_supported", "access_denied",
    "sharing_not_consented", "not_found", "temporarily_unavailable",
)  # fmt: skip
"""What `error` may say: codes of the OAuth registry, and three of our own endpoints."""
