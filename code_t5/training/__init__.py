"""What surrounds Mesh TensorFlow's training loop."""
