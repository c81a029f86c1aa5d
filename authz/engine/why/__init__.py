"""Why an answer is as it is: proofs, refusals, who else, and what a write would change."""
