"""A faithful Admin API in front of it, over real HTTP."""
