"""One ping, captured everywhere at once: who sent what, who received it, and what was learned of it."""
