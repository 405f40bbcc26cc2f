"""Everything after training: metrics now, the completion engine and its servers next; no TensorFlow in here."""
