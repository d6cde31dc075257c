"""Move: agents, and what documents are about, go from one version of a taxonomy to another."""
