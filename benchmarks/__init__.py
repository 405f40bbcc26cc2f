"""How fast, how large, how exact: one program a question, run beside baselines; answers in RESULTS.md."""
