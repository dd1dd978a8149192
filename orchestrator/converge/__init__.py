"""How boxes come to be as planned."""
