#!/usr/bin/env bash
# Makes .venv, the environment of this checkout, from requirements.lock; `make setup` calls it.
#
# The last thing written is the stamp .venv/ready-<digest of requirements.lock>. Everything that needs the environment
# asks for that file, so a set-up that was stopped, or one of another lock, never passes for a good one. An environment
# without the right stamp is thrown away and made anew: what a stopped pip left behind cannot be told from what is whole.
#
# pip reads your own configuration (indexes, proxies, certificates) and is given nothing beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly needed_gb=6 # the environment takes 4 GB with torch for CPU, pip's cache and temporary files the rest
readonly log=.venv/setup.log

fail() {
  printf '\nSet-up stopped: %s\n' "$1" >&2
  exit 1
}

python_version() { # prints 3.11.7, or nothing where the command is not a working Python
  "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

find_python() {
  local candidate version found=""
  local candidates=(python3.11 python3)
  if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    version=$(python_version "$candidate")
    case $version in
      3.11.*)
        # The interpreter behind it: in an activated .venv python3.11 is the very one that is about to be thrown away.
        python=$("$candidate" -c 'import sys; print(sys._base_executable)')
        return
        ;;
      "") found+="  $candidate: not there, or does not run"$'\n' ;;
      *) found+="  $candidate: $version"$'\n' ;;
    esac
  done
  fail "Python 3.11 is needed (TensorFlow 2.12 has no build for 3.12 or later), and this was found:
${found}Get it with one of
  apt-get install python3.11 python3.11-venv     (Debian 12)
  uv python install 3.11
  pyenv install 3.11
  conda create -n python311 python=3.11
and if it is not on the PATH as python3.11: make setup PYTHON=/path/to/python3.11"
}

check_machine() {
  local machine
  machine="$(uname -s) $(uname -m)"
  if [ "$machine" != "Linux x86_64" ]; then
    fail "the pinned TensorFlow 2.12 has builds for Linux x86_64; this machine is $machine."
  fi
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    fail "$python lacks its modules venv and ensurepip; on Debian and Ubuntu: apt-get install python3.11-venv"
  fi
}

check_disk() {
  local free_kb
  free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
  if [ "$free_kb" -lt $((needed_gb * 1024 * 1024)) ]; then
    fail "$needed_gb GB of free disk are needed in $PWD, and there are $(awk "BEGIN { printf \"%.1f\", $free_kb / 1048576 }") GB."
  fi
}

step() { # step NAME COMMAND...: one line on the screen, the command's own output in the log
  local name=$1 before=$SECONDS
  shift
  printf '  %-52s ' "$name"
  echo "== $name" >>"$log"
  if ! "$@" >>"$log" 2>&1; then
    printf 'failed after %d s\n' $((SECONDS - before))
    explain "$name"
  fi
  printf '%4d s\n' $((SECONDS - before))
}

explain() { # says why a step failed, as far as its last lines tell, and repeats them
  local last reason
  last=$(awk -v mark="== $1" '$0 == mark { text = ""; next } { text = text $0 "\n" } END { printf "%s", text }' "$log")
  if grep -q 'No space left on device\|Disk quota exceeded' <<<"$last"; then
    reason="the disk is full, or the quota (look at $PWD, at \${TMPDIR:-/tmp} and at pip's cache)."
  elif grep -q 'Retrying (\|ConnectionError\|ConnectTimeout\|ReadTimeout\|ProxyError\|SSLError\|name resolution' <<<"$last"; then
    reason="no network, or the package index that pip is set to use cannot be reached.
What pip is set to: pip config list"
  elif grep -q 'No matching distribution found\|Could not find a version' <<<"$last"; then
    reason="pip got no package: no network, or the package index that pip is set to use cannot be reached or lacks it.
What pip is set to: pip config list"
  else
    reason="the step \"$1\" failed."
  fi
  fail "$reason
The environment is not usable; \`make setup\` starts again. The last lines of $PWD/$log:
$(grep -v '^ *$' <<<"$last" | tail -n 15 | sed 's/^/  | /')"
}

pip_install() { .venv/bin/python -m pip --disable-pip-version-check install --progress-bar off "$@"; }

install_libraries() {
  grep -v '^torch==' requirements.lock >.venv/all-but-torch.txt
  pip_install --no-deps -r .venv/all-but-torch.txt
}

# The CPU build needs nothing more than the lock has; the CUDA build brings its own libraries, which only pip can tell.
install_torch() { pip_install -c requirements.lock "$(grep '^torch==' requirements.lock)"; }

# Makes code_t5 importable from any folder, as the documented training command outside the repository needs.
install_project() { pip_install --no-deps --no-build-isolation -e .; }

# `pip check` complains about what is meant to be so, and only that may pass: t5 and seqio name the nightly builds of
# what is installed as seqio and tensorflow-datasets, TensorFlow runs with newer typing-extensions than it asks for, and
# ONNX Runtime asks for a protobuf that TensorFlow cannot have and that running a model does not use.
check_libraries() {
  local complaints
  complaints=$(.venv/bin/python -m pip --disable-pip-version-check check || true)
  complaints=$(grep -v -e ' requires seqio-nightly, which is not installed' -e ' requires tfds-nightly, which is not installed' \
    -e '^tensorflow 2\.12\.1 has requirement typing-extensions<4\.6' \
    -e '^onnxruntime 1\.31\.1 has requirement protobuf>=4\.25\.8' -e '^No broken requirements found' <<<"$complaints" || true)
  if [ -n "$complaints" ]; then
    echo "$complaints"
    return 1
  fi
}

import_libraries() {
  TF_CPP_MIN_LOG_LEVEL=3 .venv/bin/python - 2>>"$log" >.venv/versions.txt <<'PYTHON'
import platform

import seqio  # noqa: F401
import t5
import tensorflow
import torch
from importlib.metadata import version

print(
    f"Python {platform.python_version()}, tensorflow {tensorflow.__version__}, t5 {t5.__version__}, "
    f"seqio {version('seqio')}, torch {torch.__version__}"
)
PYTHON
}

main() {
  digest=$(sha256sum requirements.lock | cut -c1-16)
  stamp=.venv/ready-$digest
  # Two at once would throw away each other's work. The lock is the kernel's: it is gone when its holder is.
  exec 9>.setup.lock
  if ! flock -n 9; then
    echo "Another set-up of this checkout is running; waiting for it."
    flock 9
  fi
  if [ -e "$stamp" ]; then
    echo "The environment .venv is ready ($(cat .venv/versions.txt 2>/dev/null || echo "lock $digest"))."
    return
  fi

  find_python
  check_machine
  rm -f .venv/ready-* # before anything else of it goes
  rm -rf .venv
  check_disk
  echo "Setting up .venv with $python (about 2 minutes; details in $log)"
  if ! "$python" -m venv --clear .venv; then fail "$python -m venv .venv failed."; fi
  step "$(grep -vc '^#\|^torch==' requirements.lock) libraries" install_libraries
  step "torch" install_torch
  step "code_t5 itself" install_project
  step "nothing missing, nothing in conflict (pip check)" check_libraries
  step "they import" import_libraries
  cp requirements.lock .venv/requirements.lock
  sha256sum requirements.lock >"$stamp"
  echo "Ready in $SECONDS s: $(cat .venv/versions.txt)"
}

main
