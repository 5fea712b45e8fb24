"""The tests: the same tree as src/penstock, and what all of them share."""
