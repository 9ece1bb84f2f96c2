"""VisionReward (image): a checklist of yes/no questions, weighed, and how well the image fits its prompt."""
