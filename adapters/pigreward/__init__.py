"""PIGReward (arXiv 2511.19458): a reasoner turns past choices into a context, a reward model judges by it."""
