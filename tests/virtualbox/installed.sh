#!/usr/bin/env bash
# Installs the built wheel, and nothing of the checkout, into build/installed; and what the tests need into .venv.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
./setup.sh
.venv/bin/python -c 'import pytest' # labctl's own
pip=(build/installed/bin/pip --disable-pip-version-check --quiet)
if ! cmp --silent requirements.lock build/installed/requirements.lock; then
  rm -rf build/installed
  python3 -m venv build/installed
  "${pip[@]}" install --require-hashes -r requirements.lock
  cp requirements.lock build/installed/
fi
"${pip[@]}" install --no-deps --force-reinstall dist/labctl-*.whl
