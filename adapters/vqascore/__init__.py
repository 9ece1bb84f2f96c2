"""VQAScore: how sure CLIP-FlanT5 is that an image shows what its prompt says."""
