#!/usr/bin/env bash
# Deletes what can be made again: the environment, and what builds and tests left. Data and models stay.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

shopt -s nullglob
targets=(.venv build dist ./*.egg-info .pytest_cache .ruff_cache)
existing=()
for target in "${targets[@]}"; do
  if [ -e "$target" ]; then existing+=("$target"); fi
done
if [ ${#existing[@]} -eq 0 ]; then
  echo "Nothing to delete."
  exit
fi
echo "In $PWD these would be deleted: ${existing[*]}"
read -r -p "Delete them? [y/N] " answer || answer=""
if [ "$answer" != y ]; then
  echo "Nothing was deleted."
  exit 1
fi
rm -f .venv/ready-* # first, so that a stopped deletion leaves nothing that looks whole
rm -rf -- "${existing[@]}"
echo "Deleted."
