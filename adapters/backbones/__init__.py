"""Frozen networks that turn images, and some of them texts, into vectors."""
