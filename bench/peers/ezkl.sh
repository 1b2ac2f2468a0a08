#!/usr/bin/env bash
# Proves the repository's credit network with ezkl, from PyPI, in a virtual environment of its own, and appends a raw row to
# bench/results/peers.csv; `pleat-bench tables` shows it beside Pleat's. With --large also mnist-8, which takes more than 20 GB.
# What is not there (python, internet, ezkl for this platform) is said and skipped: never an error.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

version=23.0.5
seconds=${SECONDS_PER_NETWORK:-600}
networks=(credit)
memory=10
if [[ "${1:-}" == --large ]]; then
    networks+=(mnist-8)
    memory=${MEMORY_GIB:-30}
fi
folder="${CARGO_TARGET_DIR:-../../target}/peers/ezkl-$version"

skip() {
    printf 'skipped: %s\n' "$*" >&2
    exit 0
}

command -v python3 >/dev/null || skip "there is no python3"
if [[ ! -x "$folder/bin/python" ]]; then
    python3 -m venv "$folder" || skip "python3 cannot make virtual environments"
fi
"$folder/bin/pip" install --quiet --disable-pip-version-check "ezkl==$version" 'numpy==2.2.6' ||
    skip "ezkl $version cannot be installed from PyPI here"

for network in "${networks[@]}"; do
    timeout "$seconds" "$folder/bin/python" ezkl_rows.py "$network" --memory "$memory"
    case $? in
    0) ;;
    124) "$folder/bin/python" ezkl_rows.py "$network" --failed "out of time" ;;
    *) "$folder/bin/python" ezkl_rows.py "$network" --failed "failed: see its messages; it may have had too little memory" ;;
    esac
done
exit 0
