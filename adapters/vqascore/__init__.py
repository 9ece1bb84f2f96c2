"""VQAScore: how sure CLIP-FlanT5 is that an image shows what its prompt says."""

LIBRARIES = ("torch", "torchvision", "transformers", "tokenizers", "pillow", "numpy")
"""Distributions whose versions can change a score; here, so that naming them imports none."""
