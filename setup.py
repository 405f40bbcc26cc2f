"""What is installed, and what for. `make setup` installs requirements.lock instead of resolving this list:
t5 and seqio name the distributions seqio-nightly and tfds-nightly, which write over seqio and tensorflow-datasets.
Into an environment made from the lock a wheel goes with `pip install --no-deps`.
"""

import pathlib

import setuptools

HERE = pathlib.Path(__file__).parent
README = HERE / "README.md"
ROOMS = ("code_t5", "preprocessing", "completion", "pipeline")

setuptools.setup(
    name="code_t5",
    version="0.1.0",
    description="Train T5 models to complete code, from a tree of repositories to a model that completes lines",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    author="The code_t5 authors",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.12",
    packages=[
        *setuptools.find_packages(
            include=[room + suffix for room in ROOMS for suffix in ("", ".*")],
        ),
        # The gin files travel inside the package; `python -m code_t5.main.configs` prints where they ended up.
        "code_t5.gin_configs",
    ],
    package_dir={"code_t5.gin_configs": "gin_configs"},
    package_data={
        "code_t5.gin_configs": ["**/*.gin"],
        "completion.server": ["*.html"],
        "completion.evaluation": ["*.jsonl"],
        "completion.evaluation.report": ["*.html", "*.css", "*.js"],
    },
    include_package_data=False,
    # What every room needs; `training` has what a trainer needs besides, `completion` what a serving machine does.
    install_requires=["numpy", "sentencepiece>=0.1.99"],
    extras_require={
        "training": [
            "absl-py",
            "gin-config",
            "mesh-tensorflow==0.1.21",
            "protobuf<3.21",
            "pyarrow",
            "rapidfuzz>=3",
            "rensa>=0.5",
            "seqio==0.0.18",
            # mesh-tensorflow 0.1.21 needs TensorFlow < 2.14, and there is no tensorflow-text 2.13.
            "tensorflow>=2.12.1,<2.13",
            "tensorflow-datasets==4.9.3",
            "tensorflow-text>=2.12.1,<2.13",
            "t5==0.9.4",
            "tokenizers>=0.15",
            "torch",
            "tqdm",
            # transformers 5 dropped TensorFlow, and 4 refuses huggingface-hub 1.0.
            "transformers<5",
            "huggingface-hub<1.0",
            # pkg_resources, which mesh_transformer_main imports, is gone from setuptools 82.
            "setuptools<82",
            # TensorFlow 2.12 wants it.
            "numpy<1.24",
        ],
        "beam": ["apache-beam==2.56.0"],
        "completion": [
            "onnxruntime>=1.20",
            "tree-sitter==0.23.2",
            "tree-sitter-python==0.23.6",
            "fastapi",
            "uvicorn",
            "pygls>=2.1",
            "prometheus-client",
        ],
        "export": ["onnx>=1.16", "ctranslate2", "safetensors"],
        # Beside `completion`, whose engine it asks.
        "evaluation": ["matplotlib", "pyarrow", "rapidfuzz>=3"],
        "statistics": ["matplotlib"],
        # s3fs is for s3://; gs:// wants gcsfs.
        "pipeline": ["luigi", "pyyaml", "fsspec", "s3fs", "matplotlib"],
        "notebooks": ["nbclient", "nbformat", "ipykernel"],
        "test": [
            *("pytest", "ruff", "nbclient", "nbformat", "ipykernel"),
            *("httpx", "openai", "schemathesis", "hypothesis", "axe-core-python"),
        ],
    },
)
