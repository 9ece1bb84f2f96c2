"""Our scorers against the official modules: same random weights, same odd images, same prompts."""
