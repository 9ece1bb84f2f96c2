"""LLaVA-Reward: a vision-language model with LoRA and a linear head that rewards an image for its prompt."""
