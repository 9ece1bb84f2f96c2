"""ImageReward: our judge beside the package image-reward."""
