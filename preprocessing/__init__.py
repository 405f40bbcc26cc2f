"""Raw repositories to clean, deduplicated, split documents; no TensorFlow in here."""
