"""HPSv3: the official package hpsv3 on random weights."""
