"""A trained Mesh TensorFlow model at work, completing and scoring: slow to start, the reference for every export."""
