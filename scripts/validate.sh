#!/usr/bin/env bash
# Evaluates the demo's model beside baselines once more, and says where the page is. `make validate`.
# More arguments go to completion.evaluate: make validate ARGS="--cases 1000". Goes on where it was interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

demo=${DEMO_DIR:-data/demo}
if [ ! -e "$demo/export/export.json" ]; then
  echo "error: there is no model in $demo/export: make one with \`make demo\`" >&2
  exit 1
fi
# Another model, other cases or other arguments have a folder of their own: answers are kept, and not mixed.
digest=$({ cat "$demo/export/export.json" "$demo/documents/manifest.json"; printf '%s\n' "$@"; } | sha256sum | cut -c1-8)
command=(.venv/bin/python -m completion.evaluate --model "model=$demo/export" --documents "$demo/documents"
  --suite line symbols examples --output_dir "$demo/evaluation-$digest" "$@")
printf '$ %s\n' "${command[*]//.venv\/bin\//}"
exec "${command[@]}"
