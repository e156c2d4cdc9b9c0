"""HTTP: one client, one transport, guarded downloads, and what an address says about its reach."""
