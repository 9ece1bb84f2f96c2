"""Few-shot baselines: a user's taste from a handful of past choices, on the vectors of any frozen encoder."""
