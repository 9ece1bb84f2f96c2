"""HPSv2 and HPSv2.1: `hpsv2.score` of the package hpsv2x, whose code is that of tgxs002/HPSv2."""
