"""LAION aesthetics, version 2: simple_inference.py of christophschuhmann/improved-aesthetic-predictor."""
