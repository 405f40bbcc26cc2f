"""The training function that gin binds to `utils.run.train_model_fn`: Mesh TensorFlow's own, with our promises around.

A model directory is one model: it carries the vocabulary that it was trained with, and is refused another.
"""

import gin
import tensorflow as tf
from mesh_tensorflow.transformer import utils as mesh_utils

from code_t5.data import data_dir, vocabulary


@gin.configurable(module="code_t5")
def train_code_model(estimator, *args, **kwargs) -> None:
    """Trains as `mesh_tensorflow.transformer.utils.train_model` does, after putting the vocabulary beside the model.

    Args:
      estimator: the Estimator that Mesh TensorFlow built.
      *args, **kwargs: those of `train_model`.

    Raises:
      ValueError: gin names a GPU where there is none, or the model directory, or the checkpoint to start from, was
        trained with another vocabulary.
    """
    check_devices(data_dir.gin_value("utils.run.mesh_devices"))
    sp_model, path = vocabulary.VOCABULARY.sp_model, vocabulary.VOCABULARY.sentencepiece_model_file
    vocabulary.check_model_dir(data_dir.init_checkpoint_dir(), sp_model, path)
    vocabulary.check_model_dir(estimator.model_dir, sp_model, path)
    vocabulary.copy_to_model_dir(estimator.model_dir)
    mesh_utils.train_model(estimator, *args, **kwargs)


def check_devices(mesh_devices: list[str] | None) -> None:
    """Refuses GPUs that are not there: TensorFlow would train on the CPU in their place, and not say so.

    Raises:
      ValueError: more GPUs are named than TensorFlow sees.
    """
    wanted = [device for device in mesh_devices or [] if "gpu" in device.lower()]
    found = tf.config.list_physical_devices("GPU")
    if len(wanted) > len(found):
        raise ValueError(
            f"utils.run.mesh_devices names {', '.join(wanted)}, and TensorFlow sees {len(found)} GPUs here. For a GPU, "
            "see requirements-gpu.txt; without one, add --gin_file=hardware/cpu.gin, or --gin_param="
            "\"utils.run.mesh_devices = ['cpu:0']\""
        )
