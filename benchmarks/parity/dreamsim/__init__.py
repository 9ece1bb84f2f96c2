"""DreamSim against the package dreamsim."""
