"""What the throw-away issuer allows: a small table instead of a relationship graph."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class RuleTable:
    """Relations that hold, and what ended. No relation implies another, nothing is inherited."""

    tuples: set[tuple[str, str, str]] = field(default_factory=set)
    """`(user, relation, object)`, as `("user:usr_ann", "viewer", "document:42")`."""
    labels: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    """Grant id, agent, user or token id → the reason by which it is refused now."""
    sharing: bool = False
    """Whether delegated calls may write tuples for users other than the delegator (X12)."""
    unavailable: bool = False
    """Whether every question is answered with 503."""

    def allow(self, user: str, relation: str, *objects: str) -> None:
        """Let `user` (`usr_ann`, or `agt_a` for an agent as itself) have a relation to objects."""
        self.tuples |= {(node(user), relation, each) for each in objects}

    def forbid(self, user: str, relation: str, *objects: str) -> None:
        """Take relations away again."""
        self.tuples -= {(node(user), relation, each) for each in objects}

    def end(self, what: str, reason: str = "delegation_revoked") -> None:
        """End a grant, agent, user or token: calls with it are refused for this reason."""
        self.ended[what] = reason

    def why_ended(self, *names: str) -> str | None:
        """Return the reason by which one of these ended, None if all are alive."""
        return next((self.ended[name] for name in names if name in self.ended), None)


def node(identifier: str) -> str:
    """Return the graph's name of an identifier: `usr_ann` → `user:usr_ann`."""
    return f"agent:{identifier}" if identifier.startswith("agt_") else f"user:{identifier}"
