"""CLIPScore as torchmetrics computes it, for prompts that fit: longer ones it cuts so that they all score alike."""

SHORT = 12
"""Words of the longest prompt that is compared."""
