"""Image similarity made personal: nearer to what a user preferred than to what they rejected."""
