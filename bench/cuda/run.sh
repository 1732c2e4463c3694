#!/usr/bin/env bash
# Measures a card on a machine that has one: bash bench/cuda/run.sh MODEL.gguf [options of bench/device.ts]
# Wants the package @node-llama-cpp/linux-x64-cuda, and CUDA 13's libraries where the loader finds them: without an
# installation of CUDA, those of Python's nvidia-cuda-runtime and nvidia-cublas.
# Each figure is printed once it is there; what takes longer than LIMIT seconds (540) is ended. Kernels that the driver compiles
# are kept in CUDA_CACHE_PATH for the next run.
set -euo pipefail
model=${1:?name a GGUF file}
shift
libraries=$(python3 - <<'PYTHON' 2>/dev/null || true
import glob, os, site
found = {os.path.dirname(file) for root in site.getsitepackages()
         for name in ('libcudart.so.13', 'libcublas.so.13') for file in glob.glob(f'{root}/nvidia/**/{name}', recursive=True)}
print(':'.join(sorted(found)))
PYTHON
)
export LD_LIBRARY_PATH="${libraries:+$libraries:}${LD_LIBRARY_PATH:-}" UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE:-10}
export CUDA_CACHE_PATH=${CUDA_CACHE_PATH:-${OUT:-/tmp}/cuda-cache} CUDA_CACHE_MAXSIZE=4294967296 GGML_NO_BACKTRACE=1
command -v nvidia-smi >/dev/null || { echo 'there is no NVIDIA driver here' >&2; exit 2; }
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
timeout --kill-after=10 "${LIMIT:-540}" node --import tsx bench/device.ts "$model" --device cuda --gpu-memory 2G --threads "$(nproc)" "$@"
