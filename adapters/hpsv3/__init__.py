"""HPSv3: a vision-language model that rates an image with a mean and a spread."""
