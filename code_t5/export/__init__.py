"""A trained model written for other programs: its arrays, put into their formats, and compared with the original."""
