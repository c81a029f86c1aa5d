"""Approvals of the throw-away issuer: asked by evaluations, answered by the test."""

from collections.abc import Mapping
from typing import Any


class ApprovalTable:
    """Who asked for what, and what the test said to it."""

    def __init__(self) -> None:
        self._open: dict[object, str] = {}
        self.status: dict[str, str] = {}
        """By id: `pending`, `approved`, `denied` or `used`."""
        self.summaries: dict[str, str] = {}

    @property
    def waiting(self) -> list[str]:
        """The ids of what waits, oldest first."""
        return [found for found, status in self.status.items() if status == "pending"]

    def answer(self, approval_id: str, *, yes: bool) -> None:
        """Say yes or no to what waits; raises `LookupError` for anything else."""
        if self.status.get(approval_id) != "pending":
            raise LookupError(approval_id)
        self.status[approval_id] = "approved" if yes else "denied"

    def decide(
        self, call: object, wanted: Mapping[str, Any], url: str
    ) -> tuple[str | None, dict[str, Any]]:
        """Use the yes to a call up, or ask; return the reason of a denial and what is told."""
        key = (call, wanted["arguments_hash"])
        approval_id = self._open.get(key)
        if approval_id is None or self.status[approval_id] == "used":
            approval_id = f"apv_{len(self.status) + 1}"
            self._open[key] = approval_id
            self.status[approval_id] = "pending"
            self.summaries[approval_id] = wanted["summary"]
        if self.status[approval_id] == "approved":
            self.status[approval_id] = "used"
            return None, {"id": approval_id, "status": "used"}
        denied = self.status[approval_id] == "denied"
        return "approval_denied" if denied else "approval_required", self.told(approval_id, url)

    def told(self, approval_id: str, url: str) -> dict[str, Any]:
        """Describe an approval as Mandate does."""
        told: dict[str, Any] = {"id": approval_id, "status": self.status[approval_id]}
        if told["status"] == "pending":
            told |= {
                "interval": 5,
                "expires_in": 600,
                "approve_url": f"{url}/approvals/{approval_id}",
            }
        return told
