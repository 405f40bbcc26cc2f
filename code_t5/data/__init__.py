"""Documents to training examples: datasets, vocabulary, objectives, Tasks and Mixtures."""
