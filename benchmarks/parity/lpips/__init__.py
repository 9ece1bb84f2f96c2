"""LPIPS against the package lpips."""
