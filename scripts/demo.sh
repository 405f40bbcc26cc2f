#!/usr/bin/env bash
# The whole main job on real code: the Python packages installed in this environment, from files on disk to completions.
# A re-run goes on from what is there. DEMO_DIR, STEPS and MAX_MB may be set: make demo STEPS=300
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

demo=${DEMO_DIR:-data/demo}
steps=${STEPS:-1400}
max_mb=${MAX_MB:-40}
task=fl_py_dev
python=.venv/bin/python
export TF_CPP_MIN_LOG_LEVEL=2
mkdir -p "$demo"

say() { printf '\n\033[1m[%3d s] %s\033[0m\n' "$SECONDS" "$*"; }
run() {
  printf '$ %s\n' "${*//$python/python}"
  "$@"
}

train() {
  local log=$demo/train.log
  local command=("$python" -m t5.models.mesh_transformer_main
    --model_dir="$demo/model" --t5_tfds_data_dir="$demo/data_dir"
    --module_import=code_t5 --gin_location_prefix=gin_configs/
    --gin_file=models/shared-prefix_lm.gin --gin_file=sizes/tiny.gin --gin_file=hardware/cpu.gin --gin_file=runs/demo.gin
    --gin_param="MIXTURE_NAME = '$task'" --gin_param="run.train_steps = $steps")
  printf '$ %s\n' "${command[*]//$python/python}"
  if ! "${command[@]}" 2>"$log"; then
    tail -n 20 "$log" >&2
    echo "training stopped; what the libraries said is in $log" >&2
    exit 1
  fi
}

say "1. Source code: the packages installed here, in the layout of Full Line Code Completion"
if [ -d "$demo/flcc" ]; then echo "already made: $demo/flcc"; else
  run $python -m preprocessing.build_flcc --installed_packages --output_dir "$demo/flcc"
fi
say "2. The dev dataset: about $max_mb MB of whole repositories"
run scripts/dev_dataset.sh --input_dir "$demo/flcc" --output_dir "$demo/dev" --pattern '*' --max_mb "$max_mb" \
  --seed 5 # draws many repositories rather than a few large ones
say "3. Preprocessing: filters, split by repository, exact and near duplicates"
run $python -m preprocessing.run --input_dir "$demo/dev" --output_dir "$demo/documents" \
  --validation_permille 100 --test_permille 100
say "4. The vocabulary, of the train split (4,000 pieces, a quarter of the default: a small table makes quicker steps)"
run $python -m preprocessing.vocabulary --documents "$demo/documents" --output_dir "$demo/vocabulary" \
  --vocab_size 4000
say "5. The TFDS dataset"
run $python -m code_t5.main.build_dataset --dataset flcc_python/dev --documents "$demo/documents" \
  --vocabulary "$demo/vocabulary" --data_dir "$demo/data_dir"
say "6. What the model will see"
run $python -m code_t5.main.inspect_task --task $task --data_dir "$demo/data_dir" \
  --num_examples 1 --inputs_length 128 --targets_length 128
say "7. Training, $steps steps with t5's own program (what the libraries say is in $demo/train.log)"
train
say "8. A prompt of your own"
printf '%s\n' '{"prompt": "class Stack:\n    def __init__("}' '{"prompt": "def size(stack):\n    if stack is"}' \
  '{"prompt": "def call(function, *args, **kwargs):\n    return function(*args, **"}' >"$demo/prompts.jsonl"
run $python -m code_t5.main.predict --model_dir "$demo/model" \
  --input "$demo/prompts.jsonl" --output "$demo/completions.jsonl" --beam_size 4
cat "$demo/completions.jsonl"
say "9. How good is it? Held-out repositories, against baselines with the same context"
run $python -m code_t5.main.evaluate --model_dir "$demo/model" --task $task --data_dir "$demo/data_dir" \
  --output "$demo/figures.json"
say "Done. The curves: .venv/bin/tensorboard --logdir $demo/model"
