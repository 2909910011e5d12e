"""Pictures that are drawn instead of taken."""
