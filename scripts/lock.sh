#!/usr/bin/env bash
# Remakes requirements.lock from requirements.in, and with its versions requirements-completion.lock. Pins that still
# fit stay as they are; arguments go to `uv pip compile`, so `scripts/lock.sh --upgrade-package tqdm` moves one and
# `scripts/lock.sh --upgrade` all.
#
# uv does the solving because it can override what a package asks for, which pip cannot:
#   - t5 and seqio ask for seqio-nightly and tfds-nightly, which write over seqio and tensorflow-datasets and break them;
#   - onnxruntime asks for protobuf 4 and packaging of this year; running a model it uses neither;
#   - TensorFlow 2.12.1 asks for typing-extensions < 4.6, torch for >= 4.10; TensorFlow runs with the newer one.
# uv does not read pip's configuration: if you use another index, give it to uv too (UV_DEFAULT_INDEX).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
"${PYTHON:-python3.11}" -m venv "$temporary/venv"
"$temporary/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv

cat >"$temporary/overrides.txt" <<'OVERRIDES'
seqio-nightly; sys_platform == "never"
tfds-nightly; sys_platform == "never"
typing-extensions>=4.10
protobuf==3.20.3
OVERRIDES
if [ -e requirements.lock ]; then
  grep -v '^#' requirements.lock >"$temporary/solved.txt" || true
fi
"$temporary/venv/bin/uv" pip compile requirements.in --override "$temporary/overrides.txt" "$@" \
  --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --output-file "$temporary/solved.txt" >/dev/null

# What only a CUDA build of torch carries is left to pip, which takes it together with that build.
{
  cat <<'HEAD'
# Every distribution of the environment, remade from requirements.in by `make lock`; do not edit.
# `make setup` installs it, which comes to these two commands in an empty environment of Python 3.11:
#   grep -v '^torch==' requirements.lock >rest.txt && pip install --no-deps -r rest.txt
#   pip install -c requirements.lock "$(grep '^torch==' requirements.lock)"
# torch comes apart and with its dependencies, because some of its builds need packages that others lack.
HEAD
  grep -Ev '^(#|cuda-|nvidia-|triton==)' "$temporary/solved.txt"
} >"$temporary/requirements.lock"
mv "$temporary/requirements.lock" requirements.lock

{
  cat <<'HEAD'
# A serving machine, remade from requirements-completion.in by `make lock`; do not edit. In an environment of Python 3.11:
#   pip install --no-deps -r requirements-completion.lock && pip install --no-deps code_t5-*.whl
HEAD
  "$temporary/venv/bin/uv" pip compile requirements-completion.in --constraint requirements.lock \
    --override "$temporary/overrides.txt" --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
    --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet
} >"$temporary/completion.lock"
mv "$temporary/completion.lock" requirements-completion.lock
for lock in requirements.lock requirements-completion.lock; do
  echo "$lock: $(grep -vc "^#" "$lock") distributions pinned"
done
