from benchmarks import training_memory
from benchmarks.training_processes import Shape

SAID = """parameters        1,234,500,000, with 16,000 pieces
weights           4,938.00 MB
gradients         4,938.00 MB
optimizer         14.00 MB
activations       1,400.00 MB for each row of 512 + 512 tokens
does not fit 16 GB: not even one row does
fits 24 GB: 9 rows at a time, --gin_param="serialize_num_microbatches.tokens_per_microbatch_per_replica = 4608"
"""
FOUND = {"millions": 1234.5, "fixed_gb": 9.89, "mb_a_row": 1400.0, "rows_24": 9}


def test_what_the_helper_says_is_read():
    assert training_memory.parse(SAID) == FOUND


def test_the_table_and_its_targets():
    measured = {Shape("tiny", 128, 16, 6): {"measured": 12.0, "said": 10.0}}
    section = training_memory.table(measured, {"large": FOUND})
    assert section.rows == [
        ["tiny, a row of 128 + 128", "", "", "10.0", "12.0", "", "", ""],
        ["large, a row of 512 + 512", "1,234", "9.9", "1400.0", "", "no", "9", "no"],
    ]
    assert str(section.targets[0]) == "met: tiny, a row of 128 + 128: within 25% of what is said: +20%"
    measured = {Shape("tiny", 128, 16, 6): {"measured": 7.4, "said": 10.0}}
    assert not training_memory.table(measured, {}).targets[0].met
