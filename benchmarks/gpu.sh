#!/bin/sh
# What only a machine with a graphics card can tell, within 8 minutes: does every network run on it, how fast are films,
# an enrollment at 512 and general training. Usage: benchmarks/gpu.sh VIDEO SPEECH OUT [PYTHON]
# Everything is written below OUT; $OUT/gpu.txt has the figures. It has not been run yet: no card was lent.
set -eu
video=$1 speech=$2 out=$3 python=${4:-python}
mkdir -p "$out"
export TALKING_HEAD_HOME="$out/home"
note() { printf '%s\n' "$*" | tee -a "$out/gpu.txt"; }

timed() { # NAME COMMAND...: seconds of wall time
    name=$1
    shift
    begun=$(date +%s.%N)
    if timeout 200 "$@" >"$out/$name.log" 2>&1; then said=done; else said="failed, see $name.log"; fi
    note "$name: $said in $(echo "$(date +%s.%N) - $begun" | bc) s"
}

"$python" -c 'import torch; assert torch.cuda.is_available(), "no graphics card"; print(torch.cuda.get_device_name())' |
    tee "$out/gpu.txt"
timed networks "$python" -m pytest -q tests/facial_gan tests/render2video -k "network or generator" -m ''
for size in 256 512; do
    timed "enroll_$size" "$python" -m talking_head enroll "$video" --id "g$size" --consent measured --profile fast \
        --size "$size" --budget 60s --device cuda
    timed "film_$size" "$python" -m talking_head synth "$speech" --target "g$size" -o "$out/film_$size.mp4" \
        --force --device cuda
done
timed enroll_footage_512 "$python" -m talking_head enroll "$video" --id gfootage --consent measured --size 512 \
    --budget 90s --device cuda
timed film_footage "$python" -m talking_head synth "$speech" --target gfootage -o "$out/film_footage.mp4" --force \
    --device cuda
note "films: $(ls "$out"/*.mp4 2>/dev/null | wc -l) of 3"
"$python" -m benchmarks.speed.training_steps --device cuda | tee -a "$out/gpu.txt"
