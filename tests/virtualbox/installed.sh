#!/usr/bin/env bash
# Installs the built wheel, and nothing of the checkout, into build/installed; and what the tests need into .venv.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
./setup.sh
.venv/bin/python -c 'import pytest' # labctl's own
wheel=$(ls -t dist/labctl-*.whl | head -n 1)
[[ -x build/installed/bin/labctl && build/installed/wheel -nt $wheel ]] && exit
rm -rf build/installed
python3 -m venv build/installed
build/installed/bin/pip --disable-pip-version-check install --quiet --require-hashes -r requirements.lock
build/installed/bin/pip --disable-pip-version-check install --quiet --no-deps "$wheel"
touch build/installed/wheel
