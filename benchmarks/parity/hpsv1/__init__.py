"""HPS, version 1: the snippet in the read-me of tgxs002/align_sd."""
