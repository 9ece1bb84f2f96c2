"""LLaVA-Reward: its formulas on the library versions it names, with random weights."""
