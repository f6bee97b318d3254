#!/bin/sh
# What is run on a machine with an NVIDIA GPU whenever one is at hand. Changes no setting of the GPU, needs no network.
#   benchmarks/gpu.sh FOLDER     leaves a log of each step, their files, and steps.txt there; takes at most 8 minutes
# PYTHON names the interpreter (python3). Exit status 1 if a step failed; the steps after it run all the same.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: benchmarks/gpu.sh FOLDER" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
failed=0
printf '%-12s %-22s %s\n' step result seconds >"$out/steps.txt"

# step NAME LIMIT_S EMPTY COMMAND...: run a command with a limit of time. EMPTY is the exit status that says that there
# was nothing to do, or 0 where no status says so.
step() {
    name=$1 limit_s=$2 empty=$3
    shift 3
    echo "[gpu] $name"
    begun=$(date +%s) status=0
    timeout --kill-after=10 "$limit_s" "$@" >"$out/$name.log" 2>&1 || status=$?
    case $status in
        0) result=done ;;
        "$empty") result="nothing to do" ;;
        124 | 137) result="over its ${limit_s} s" failed=1 ;;
        *) result="failed (status $status)" failed=1 ;;
    esac
    printf '%-12s %-22s %s\n' "$name" "$result" $(($(date +%s) - begun)) >>"$out/steps.txt"
}

step tests 130 5 "$python" -m pytest -m gpu -q
step inventory 40 0 "$python" benchmarks/gpu_inventory.py --out "$out"
step engines 160 0 "$python" benchmarks/engines.py --where kind=gpu --workload resnet50 --workload vit-p-4gf \
    --batch-size 64 --seconds 1
step sharing 145 0 "$python" benchmarks/sharing.py --where kind=gpu --workload resnet50 --workload vit-p-18gf \
    --clients 2 --clients 4 --clients 1 --seconds 1 --repeats 1 --limit-s 125 --out "$out"

cat "$out/steps.txt"
exit $failed
