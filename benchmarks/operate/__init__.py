"""Services that are replaced under load, by blockfreeze and by what their servers have for it; see `__main__`."""
