"""How a suite is asked: models, servers and n-grams alike, so that what is between them is what they know."""

import dataclasses

from completion.evaluation import human_eval
from completion.evaluation.providers import SAMPLE_TEMPERATURE, SAMPLE_TOP_P
from completion.search import Decoding

# The most tokens of a line, of a statement of several lines, and of a function's body.
LINE_TOKENS, BLOCK_TOKENS, BODY_TOKENS = 64, 128, 384


@dataclasses.dataclass(frozen=True)
class How:
    """How answers are written.

    Attributes:
      decoding: of a line.
      max_block_tokens: of several lines.
      stop: texts before the first of which answers of several lines end.
      is_run: whether answers are run, so that those of a case are draws, not a ranking.
    """

    decoding: Decoding
    max_block_tokens: int
    stop: tuple[str, ...] = ()
    is_run: bool = False


def of_suite(name: str, *, num_answers: int, samples: int, seed: int) -> How:
    """How a suite is asked.

    Args:
      num_answers: to a case, the best of a beam search as wide.
      samples: of a case whose answers are run; one is the likeliest, several are drawn.
    """
    if name not in human_eval.SUITES:
        # Call arguments seldom take more than a line, and an answer does not know where they end.
        most = LINE_TOKENS if name == "arguments" else BLOCK_TOKENS
        return How(Decoding(LINE_TOKENS, beam_size=num_answers, num_answers=num_answers), most)
    most = BODY_TOKENS if name == "human_eval" else LINE_TOKENS
    if samples == 1:
        return How(Decoding(LINE_TOKENS), most, human_eval.STOP, is_run=True)
    drawn = Decoding(LINE_TOKENS, num_answers=samples, temperature=SAMPLE_TEMPERATURE, top_p=SAMPLE_TOP_P, seed=seed)
    return How(drawn, most, human_eval.STOP, is_run=True)
