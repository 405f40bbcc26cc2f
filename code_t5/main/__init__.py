"""The commands `python -m code_t5.main.<name>`: thin programs that nobody imports."""
