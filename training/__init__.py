"""How PIGReward is trained: each stage reads a folder and writes a folder. Imports harness and adapters only."""
