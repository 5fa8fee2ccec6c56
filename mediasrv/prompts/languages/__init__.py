"""One file per language: its pack of nouns and all of its texts."""
