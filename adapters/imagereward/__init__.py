"""ImageReward: how much people like an image for a prompt, by a BLIP fine-tuned on rankings."""
