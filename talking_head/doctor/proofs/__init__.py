"""Proofs of the parts that a user brings: what a file is, read by the product's own loader, measured against limits."""

from talking_head.doctor.proofs.result import Figure, NotHereError, Proof, State
from talking_head.doctor.proofs.running import prove

__all__ = ["Figure", "NotHereError", "Proof", "State", "prove"]
