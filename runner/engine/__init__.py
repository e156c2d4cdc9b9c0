"""Carrying a plan out: chains side by side, the shots of a chain one after the other."""
