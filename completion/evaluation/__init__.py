"""How good is a model? Suites of cases, providers that answer them, figures with intervals, and a report."""
