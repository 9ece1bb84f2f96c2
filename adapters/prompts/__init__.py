"""Prompts: our own wordings as files, and official templates fetched from their repositories and checked by hash."""
