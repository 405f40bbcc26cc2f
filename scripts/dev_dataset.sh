#!/usr/bin/env bash
# Makes the small dev dataset out of an FLCC tree, or out of the public archive of one.
#
#   scripts/dev_dataset.sh --input_dir FLCC --output_dir DEV --pattern 'A*' --max_mb 40
#   scripts/dev_dataset.sh --input_dir FLCC --output_dir DEV --pattern '*' --share 0.1    # a tenth of every repository
#   scripts/dev_dataset.sh --output_dir DEV          # downloads the archive first
#
# `scripts/dev_dataset.sh --help` tells all arguments; preprocessing/dev_tree.py does the work.
set -euo pipefail

script=$(readlink -f -- "${BASH_SOURCE[0]}")
root=$(dirname -- "$(dirname -- "$script")")

python="$root/.venv/bin/python"
if [[ ! -x "$python" ]]; then
  python=$(command -v python3) || {
    echo "error: neither $root/.venv nor python3 was found: run \`make setup\` first" >&2
    exit 2
  }
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "error: $python is older than Python 3.11: run \`make setup\` first" >&2
  exit 2
fi

# From the folder it is called in, so that relative paths mean what they say; that folder's own modules are not seen.
PYTHONPATH="$root" PYTHONSAFEPATH=1 exec "$python" -m preprocessing.dev_tree "$@"
