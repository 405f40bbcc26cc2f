"""A model that completes, as a process: it reads requests as JSON lines and answers with the seconds that each took.

{"read": [ids], "new": 32}   write so many tokens after reading these, the likeliest each time
                             -> {"seconds": 0.1, "written": 32}
{"memory": true}             -> {"peak_mb": 512.0}

python -m benchmarks.completion_contestant --kind engine --folder EXPORT --threads 2
"""

import argparse
import json
import os
import pathlib
import resource
import sys
import time
from collections.abc import Callable, Sequence

KINDS = ("engine", "ctranslate2", "huggingface", "saved_model")
# A function of the tokens to be read and of how many to write; it gives how many were written.
Writer = Callable[[Sequence[int], int], int]


def engine(folder: str, threads: int) -> Writer:
    """Our graphs and our loop, ending at nothing."""
    import numpy as np

    from completion import runtime, search

    model = runtime.Runtime(folder, threads=threads)

    def write(read: Sequence[int], new: int) -> int:
        found = model.read([list(read)])
        logits, cache = model.step(found, np.zeros((1, 1), np.int64), None)
        start = search.Start(found, cache, logits[0, -1])
        [answer] = search.write(model, start, search.Decoding(new), stop_ids=[])
        return len(answer.tokens)

    return write


def ctranslate2(folder: str, threads: int) -> Writer:
    """CTranslate2, on its own threads."""
    import ctranslate2 as library

    from preprocessing import prompt

    translator = library.Translator(folder, device="cpu", intra_threads=threads, inter_threads=1)
    codec = prompt.Codec.from_file(pathlib.Path(folder, "code.model"))
    pieces = [codec.processor.id_to_piece(i) for i in range(codec.vocab_size)]

    def write(read: Sequence[int], new: int) -> int:
        [result] = translator.translate_batch(
            [[pieces[i] for i in read]], beam_size=1, max_decoding_length=new, min_decoding_length=new,
            max_input_length=0, disable_unk=False,
        )  # fmt: skip
        return len(result.hypotheses[0])

    return write


def huggingface(folder: str, threads: int) -> Writer:
    """transformers on PyTorch."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()

    def write(read: Sequence[int], new: int) -> int:
        with torch.inference_mode():
            found = model.generate(torch.tensor([list(read)]), do_sample=False, max_new_tokens=new, min_new_tokens=new)
        return found.shape[1] - 1

    return write


def saved_model(folder: str, threads: int) -> Writer:
    """TensorFlow, with the loop of the SavedModel's own signature, which may end early."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    complete = tf.saved_model.load(folder).signatures["serving_default"]

    def write(read: Sequence[int], new: int) -> int:
        ids = tf.constant([list(read)], tf.int32)
        [found] = complete(input_ids=ids, max_new_tokens=tf.constant(new, tf.int32)).values()
        return int((found.numpy()[0] != 0).sum())

    return write


def main(argv: list[str] | None = None) -> None:
    """Answers until its input ends; the first line says that it is ready, and after how many seconds."""
    started = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", required=True, choices=KINDS)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    write = globals()[arguments.kind](arguments.folder, arguments.threads)
    print(json.dumps({"ready": time.perf_counter() - started}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("memory"):
            found = {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6}
        else:
            begun = time.perf_counter()
            written = write(asked["read"], asked["new"])
            found = {"seconds": time.perf_counter() - begun, "written": written}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
