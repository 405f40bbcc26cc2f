from tests.exported_models import export_onnx, small_codec  # noqa: F401 (fixtures)
