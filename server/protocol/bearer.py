"""RFC 6750 and RFC 9449 §7 for our own APIs: each needs its own audience, and no `act` (X10)."""

from dataclasses import dataclass

from authz.decision import Denied
from authz.dpop import Proof, ProofFault
from server.delegation.standing import Standing, standing
from server.domain.core import Core
from server.domain.refusal import Refused
from server.domain.tokens import TokenKind
from server.protocol.dpop import ProofReader, SentProof, refused_proof, use
from server.protocol.presented import Presented, TokenReader


@dataclass(frozen=True, slots=True)
class SentToken:
    """The Authorization header of a request to an API of ours, and the proof beside it."""

    authorization: str | None
    proof: SentProof

    @property
    def bound(self) -> bool:
        """Tell whether the token was sent as one that is bound to a key (RFC 9449 §7.1)."""
        return (self.authorization or "").partition(" ")[0].lower() == "dpop"


def bearer_of(authorization: str | None) -> str:
    """Return the token of an Authorization header (RFC 6750 §2.1); empty for any other scheme."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def bad_token(reason: str) -> Refused:
    """Refuse an access token (RFC 6750 §3.1, RFC 9449 §7.1)."""
    return Refused(
        error="invalid_token",
        reason=reason,
        description="The access token is not acceptable here.",
        status=401,
    )


@dataclass(frozen=True, slots=True)
class Admitted:
    """A token of ours that its holder sent. What it allows and whether it lives is open yet."""

    token: str
    presented: Presented
    proof: Proof | None

    @property
    def jkt(self) -> str | None:
        """Return the key that the sender has proven."""
        return None if self.proof is None else self.proof.jkt


async def sent_token(
    core: Core, reader: TokenReader, proofs: ProofReader, sent: SentToken
) -> Admitted | Refused:
    """Read a token and its proof: a bound one as DPoP alone, an unbound one as Bearer alone."""
    scheme, _, token = (sent.authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() not in ("bearer", "dpop") or not token:
        return bad_token("token_missing")
    proof = proofs.read(sent.proof, access_token=token) if sent.bound else None
    if isinstance(proof, Refused):
        return _at_resource(proof)
    if sent.bound and proof is None:
        return _at_resource(refused_proof(ProofFault.MISSING))
    await core.snapshot.refresh()
    presented = await reader.read(token, None if proof is None else proof.jkt)
    if isinstance(presented, Denied):
        return bad_token(presented.reason.value)
    # RFC 9449 §7.1: else an unbound token would look protected while it is not.
    if proof is not None and presented.record.jkt is None:
        return bad_token("not_bound")
    return Admitted(token, presented, proof)


async def use_proof(core: Core, proof: Proof | None) -> Refused | None:
    """Use up the proof of a request that is about to be answered; a refusal if it was used."""
    if proof is None:
        return None
    replayed = await core.store.write(lambda tx: use(core, tx, proof))
    return None if replayed is None else _at_resource(replayed)


async def own_token(
    core: Core, reader: TokenReader, proofs: ProofReader, sent: SentToken, kind: TokenKind
) -> Standing | Refused:
    """Return the live token of exactly this kind whose audience is the issuer itself."""
    admitted = await sent_token(core, reader, proofs, sent)
    if isinstance(admitted, Refused):
        return admitted
    record, claims = admitted.presented.record, admitted.presented.claims
    if record.kind is not kind or record.audience != core.policy.issuer:
        return bad_token("wrong_audience")
    if "act" in claims or "may_act" in claims:
        return bad_token("delegated")
    alive = await standing(core, record, core.clock.now())
    if isinstance(alive, Denied):
        return bad_token(alive.reason.value)
    return await use_proof(core, admitted.proof) or alive


def _at_resource(refused: Refused) -> Refused:
    # RFC 9449 §7.1, §9: 401 with a challenge, where the token endpoint answers 400.
    return Refused(
        error=refused.error, reason=refused.reason, description=refused.description, status=401
    )
