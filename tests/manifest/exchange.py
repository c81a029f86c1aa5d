"""X1 to X13: the rules of token exchange and delegation, sentence by sentence."""

from tests.manifest.entry import entries

_X1_TO_X5 = """
x1:every-token-recorded | Every token that is minted has a stored record: jti, kind, client, grant, parent jti, sid, audience.
x1:branch-on-provenance | The grant branches on the stored kinds and the authenticated client, never on which parameters are present.
x1:subject-kinds | A subject token is of kind user, delegated, handover or id; a refresh token, code, client assertion or agent_self token is invalid_request.
x1:declared-type-matches | A declared token type that differs from the record's kind is refused.
x1:namespaces-apart | Identifiers of users, agents and clients never share a namespace.
x1:code-to-agent-is-delegated | A code redeemed by an agent's client yields a delegated token with act, from the first token on.
x1:error-codes | An unacceptable subject or actor token is invalid_request, a target invalid_target, an empty scope invalid_scope.
x1:scope-always-returned | The answer always carries scope.
x1:unknown-cnf-refused | A cnf that cannot be checked is refused, never ignored.
x2:actor-token-required | actor_token is required where the authenticated client is an agent's.
x2:actor-token-forbidden | actor_token is refused where the authenticated client has no agent.
x2:actor-token-kind | actor_token is of kind agent_self, its sub that agent, its client_id this very client, its only audience the issuer.
x2:actor-token-plain | An actor_token with act or grant_id is refused.
x2:actor-token-alive | An expired or revoked actor_token, or one from before the agent's not_before, is refused.
x2:confidential-only | Only confidential clients whose allow-list has the grant may exchange.
x2:agent-link-fixed | The link from client to agent never changes.
x3:presenter-bound | Only the client that the subject token was issued to, or a client of the agent whose URI is its sole audience, may present it.
x3:bytes-give-nothing | Holding the bytes of a token, being an agent or sharing an organization gives nothing.
x3:resource-server-not-presenter | A resource server cannot exchange what it received unless it is registered as an agent as well.
x4:delegate-is-actor | A delegated token's act.sub is the delegate of its delegation row.
x4:may-act-is-delegate | A handover's may_act.sub is the delegate of its delegation row.
x4:act-from-rows | act is generated from the path of delegation rows, never copied.
x4:path-mismatch-denied | A subject whose act differs from its path is denied and audited.
x4:narrowing-adds-no-level | An agent that narrows its own token adds no level and makes no cycle.
x4:handover-child | Handing on makes a child delegation whose scopes, objects, expiry and depth are a subset of its parent's.
x4:handover-token-only-here | A handover token is good at the token endpoint only, for the agent it names.
x4:hand-on-by-consent | Handing on needs a consent that names the next agent or its organization; the default is none.
x4:may-act-only-ours | Only the server writes may_act; a mismatch is refused and its absence permits nothing.
x4:depth-cap | A chain never grows beyond the depth that was consented to.
x5:grant-id-decides | A subject with grant_id uses that row only, and its delegate is the acting agent.
x5:none-is-consent-required | Without a fitting delegation the answer is invalid_request with reason consent_required.
x5:several-need-grant-id | With several fitting delegations the request names one; never a union, the latest or the widest.
x5:foreign-as-unknown | A foreign grant_id answers exactly as an unknown one.
"""

_X6_TO_X9 = """
x6:one-target | Exactly one target; resource and audience together name the same one.
x6:default-target | Without a target it is the subject's sole audience if that is a resource, else invalid_target.
x6:scope-of-one-resource | A scope belongs to exactly one resource.
x6:scope-intersection | The scope is requested ∩ subject ∩ client ∩ every ceiling on the path ∩ the delegation in force, within the target's scopes.
x6:no-unnamed-audience | A token never has an audience that nobody named.
x6:omitted-scope | An omitted scope is the target's registered default within the same bounds.
x6:own-uri-audience | A code flow of an agent's client without resource gives the agent's own URI as audience.
x6:downstream-edge | A server exchanges downstream only along a registered edge that the consent showed, as its own agent, with a child delegation.
x6:no-edge-invalid-target | Without an edge the answer is invalid_target.
x7:impersonation-flag | Impersonation needs a client without an agent, a user token and a flag that an admin set.
x7:impersonation-narrower | Impersonation keeps sub, is narrower and has no act.
x7:no-act-laundering | A subject with act or may_act never qualifies for impersonation.
x7:never-for-agents | may_impersonate is never given to agents, metadata-document or dynamically registered clients.
x7:id-token-subject | An ID token as subject needs an acting agent, aud this client, azp absent or equal, iat within 5 minutes and a live sid.
x7:id-token-proves-who | An ID token proves who; the authority comes from a delegation.
x8:agent-self-only | client_credentials yields agent_self only: no grant_id, no act, no user scope.
x8:agent-self-scope | Its scope is client ∩ ceiling ∩ the scopes marked as an agent's own.
x8:guarded-tool-wants-delegation | A guarded tool refuses an agent as itself unless it declares that one may come.
x8:consent-not-inherited | Consent never gives client_credentials anything.
x9:more-is-new | More authority is a new delegation; replacing closes the old one in the same transaction.
x9:recomputed | What is in force is recomputed at refresh, exchange, introspection and decision.
x9:narrowing-permanent | Narrowing by the user is permanent for the family and cascades to children.
x9:no-refresh-from-exchange | An exchange returns no refresh token.
x9:ends-with-session | Without offline_access a delegation ends with its session.
x9:actor-revocation-cascades | Revoking the actor token kills what was minted from it.
x9:prompt-none-one-row | prompt=none succeeds only if one live delegation covers the whole request.
"""

_X10_TO_X13 = """
x10:introspection-callers | Introspection answers a confidential caller whose resource is in the audience, the client it was issued to, or one with an admin-set right.
x10:others-inactive | Anyone else gets exactly {"active": false}.
x10:active-rechecks | active re-checks the user, the session and every agent, client and delegation on the path.
x10:resource-sees-chain | A resource server sees sub and the full act.
x10:client-sees-own-chain | The issuing client sees its own chain; userinfo and ID tokens never show one.
x10:user-sees-own | A user sees every chain on the own delegations.
x10:own-apis-refuse-act | Our own APIs need their own audience and refuse a token with act.
x10:no-self-widening | No delegated token creates, widens or approves anything.
x11:and-of-legs | A call is allowed only if token, every delegation of the path, each ceiling, the user's relation and the consented objects all say yes.
x11:each-leg-alone | Each leg removed alone refuses with its own reason, and restored allows again.
x11:exchange-has-no-object | The decision at exchange takes chain, resource and scopes and no object.
x11:error-denies | Any error denies.
x11:alike-to-agent | To the agent, unknown and forbidden objects answer alike; the audit tells why.
x11:several-objects-all | Of several objects each must be allowed.
x12:effects-recorded | What a delegated call leaves behind is stored with its grant_id.
x12:revoke-lists-effects | Revoking lists those effects with an undo.
x12:sharing-off | Sharing to people outside the consent is off by default.
x13:public-rotates | Refresh tokens of public clients rotate.
x13:same-successor | Within 10 s the same client with the same binding gets the same successor again.
x13:reuse-kills-family | A reuse after that kills the family.
x13:confidential-key-bound | Confidential key-bound clients do not rotate by default; rotation is by opt-in.
"""

# Numbered as facts about defects of other servers were collected: (a) to (l).
_DEFECTS = """
defect:a-act-without-actor | A subject token with act or may_act and no actor_token is refused.
defect:b-blank-subject | An empty, blank or repeated subject_token is an error, never a fall-back to another grant.
defect:c-actor-of-client | The actor_token belongs to the authenticated client and is not revoked.
defect:d-disabled-stops-all | With the actor or subject disabled, deleted or signed out, or consent withdrawn, exchange and introspection of live tokens fail.
defect:e-never-wider | Scope and audience never widen, and exp is never past that of the subject token.
defect:f-depth-cap | The depth of a chain is capped.
defect:g-no-forged-claims | Parameters and custom claims cannot forge act, may_act, sub, cnf or client_id.
defect:h-introspection-shows-act | Introspection shows act.
defect:i-unknown-is-error | An unknown requested_token_type, resource or audience is an error, not ignored.
defect:j-bound-subject-proof | A key-bound subject token needs its proof of possession.
defect:k-foreign-id-token | An ID token of another client is not a subject token.
defect:l-own-api-refuses-delegated | A delegated token is not accepted by the admin and account API.
"""

EXCHANGE = (
    *entries("EXCHANGE", _X1_TO_X5 + _X6_TO_X9.lstrip() + _X10_TO_X13.lstrip()),
    *entries("Token-exchange list", _DEFECTS),
)
