"""Who a model is measured against: n-grams, popularity, copying. None of them costs more than minutes."""
