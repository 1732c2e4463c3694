#!/usr/bin/env bash
# Measures a card on a machine that has one: bash bench/cuda/run.sh MODEL.gguf [options of bench/device.ts]
# Wants the package @node-llama-cpp/linux-x64-cuda, and CUDA 13's libraries where the loader finds them: without an
# installation of CUDA, those of Python's nvidia-cuda-runtime and nvidia-cublas.
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
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
node --import tsx bench/device.ts "$model" --device cuda --gpu-memory 2G --threads "$(nproc)" "$@"
