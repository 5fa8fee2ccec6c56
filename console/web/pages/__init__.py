"""The pages: for operators at /, for card holders at /card."""
