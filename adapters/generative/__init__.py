"""Judges that ask a generative model: each builds the messages of its method and names the parser of its answers."""
