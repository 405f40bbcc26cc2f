"""The training function that gin binds to `utils.run.train_model_fn`: Mesh TensorFlow's own, with our promises around.

A model directory is one model: it carries the vocabulary that it was trained with, and is refused another.
"""

import gin
from mesh_tensorflow.transformer import utils as mesh_utils

from code_t5.data import data_dir, vocabulary


@gin.configurable(module="code_t5")
def train_code_model(estimator, *args, **kwargs) -> None:
    """Trains as `mesh_tensorflow.transformer.utils.train_model` does, after putting the vocabulary beside the model.

    Args:
      estimator: the Estimator that Mesh TensorFlow built.
      *args, **kwargs: those of `train_model`.

    Raises:
      ValueError: the model directory, or the checkpoint to start from, was trained with another vocabulary.
    """
    sp_model, path = vocabulary.VOCABULARY.sp_model, vocabulary.VOCABULARY.sentencepiece_model_file
    vocabulary.check_model_dir(data_dir.init_checkpoint_dir(), sp_model, path)
    vocabulary.check_model_dir(estimator.model_dir, sp_model, path)
    vocabulary.copy_to_model_dir(estimator.model_dir)
    mesh_utils.train_model(estimator, *args, **kwargs)
