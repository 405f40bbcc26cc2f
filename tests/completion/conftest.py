from tests.completion.expected_suggestions import blank, line_engine, line_folder  # noqa: F401 (fixtures)
from tests.exported_models import export_onnx, small_codec  # noqa: F401 (fixtures)
