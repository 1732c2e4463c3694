import assert from 'node:assert/strict';
import test from 'node:test';
import { flagCommands } from './given-words.ts';
import { hintFor } from './habits.ts';

test("flags of llama.cpp and Ollama are answered with this program's own", () => {
  assert.match(hintFor(['run', 'm.gguf', '-ngl', '99']) ?? '', /^-ngl: .*memory budget/);
  assert.match(hintFor(['run', '--num-predict=4']) ?? '', /--max-tokens/);
  assert.equal(hintFor(['run', 'm', '-p', 'hi', '--unknown']), undefined);
  assert.equal(hintFor(['run', 'm', '--', '-ngl']), undefined);
  assert.match(hintFor(['run', 'm', '--n_gpu_layers', '9']) ?? '', /^--n_gpu_layers: .*memory budget/);
  assert.match(hintFor(['run', 'm', '--ngl', '9']) ?? '', /^--ngl: .*memory budget/);
  assert.equal(hintFor(['serve', '-p', '80'], ['serve']), '-p: the port is --port');
});

test('so are their commands, and a model or an option in place of a command', () => {
  const own = ['run', 'list', 'rm'];
  assert.match(hintFor(['stop', 'qwen3'], own) ?? '', /^stop: .*keep_alive/);
  assert.match(hintFor(['delete', 'qwen3'], own) ?? '', /ssd-llm rm/);
  assert.equal(hintFor(['qwen3:8b', 'hi'], own), 'a model stands behind a command: ssd-llm run qwen3:8b hi');
  assert.match(hintFor(['model.gguf'], own) ?? '', /ssd-llm run model\.gguf/);
  assert.match(hintFor(['--port', '80'], own) ?? '', /a command comes first/);
  assert.match(hintFor(['-m', 'x.gguf'], own) ?? '', /a command comes first/);
  assert.equal(hintFor(['rm', 'delete'], own), undefined);
  assert.equal(hintFor(['__proto__'], own), undefined);
});

/** Options of llama.cpp's programs at one of their states, and of Ollama's. */
const llamaBoth = `
    -h --help --usage --version -cl --cache-list --completion-bash -t --threads -tb --threads-batch -C
    --cpu-mask -Cr --cpu-range --cpu-strict --prio --poll -Cb --cpu-mask-batch -Crb --cpu-range-batch
    --cpu-strict-batch --prio-batch --poll-batch -c --ctx-size -b --batch-size -ub --ubatch-size --keep
    --swa-full -ctxcp --ctx-checkpoints --swa-checkpoints -cram --cache-ram --context-shift --no-context-shift
    -fa --flash-attn --perf --no-perf -e --escape --no-escape -r --reverse-prompt -sp --special --warmup
    --no-warmup --samplers -s --seed --sampler-seq --sampling-seq --ignore-eos --temp --temperature --top-k
    --top-p --min-p --top-nsigma --top-n-sigma --xtc-probability --xtc-threshold --typical --typical-p
    --repeat-last-n --repeat-penalty --presence-penalty --frequency-penalty --dry-multiplier --dry-base
    --dry-allowed-length --dry-penalty-last-n --dry-sequence-breaker --adaptive-target --adaptive-decay
    --dynatemp-range --dynatemp-exp --mirostat --mirostat-lr --mirostat-ent -l --logit-bias --grammar
    --grammar-file -j --json-schema -jf --json-schema-file -bs --backend-sampling --rope-scaling --rope-scale
    --rope-freq-base --rope-freq-scale --yarn-orig-ctx --yarn-ext-factor --yarn-attn-factor --yarn-beta-slow
    --yarn-beta-fast -kvo --kv-offload -nkvo --no-kv-offload --repack -nr --no-repack --no-host -ctk
    --cache-type-k -ctv --cache-type-v -np --parallel -mm --mmproj -mmu --mmproj-url --mmproj-auto --no-mmproj
    --no-mmproj-auto --mmproj-offload --no-mmproj-offload --image-min-tokens --image-max-tokens --video-fps
    --video-timestamp-interval --video-ffmpeg-dir --rpc --mlock --mmap --no-mmap -dio --direct-io -ndio
    --no-direct-io -lm --load-mode -lzm --lazy-mode --numa -dev --device --list-devices -ot --override-tensor
    -cmoe --cpu-moe -ncmoe --n-cpu-moe -ncffn --n-cpu-ffn -ngl --gpu-layers --n-gpu-layers -sm --split-mode -ts
    --tensor-split -mg --main-gpu -fit --fit -fitt --fit-target -fitc --fit-ctx --check-tensors --override-kv
    --op-offload --no-op-offload --lora --lora-scaled --control-vector --control-vector-scaled
    --control-vector-layer-range -m --model -mu --model-url -dr --docker-repo -hf -hfr --hf-repo -hff --hf-file
    -hft --hf-token --chat-template-kwargs --jinja --no-jinja --reasoning-format -rea --reasoning
    --reasoning-effort --reasoning-budget --reasoning-budget-message --reasoning-preserve
    --no-reasoning-preserve --chat-template --chat-template-file --skip-chat-parsing --no-skip-chat-parsing
    --log-disable --log-file --log-prompts-dir --log-colors -v --verbose --log-verbose --offline -lv --verbosity
    --log-verbosity --log-prefix --no-log-prefix --log-timestamps --no-log-timestamps --spec-draft-hf -hfd -hfrd
    --hf-repo-draft --spec-draft-threads -td --threads-draft --spec-draft-threads-batch -tbd
    --threads-batch-draft --spec-draft-cpu-mask -Cd --cpu-mask-draft --spec-draft-cpu-range -Crd
    --cpu-range-draft --spec-draft-cpu-strict --cpu-strict-draft --spec-draft-prio --prio-draft
    --spec-draft-poll --poll-draft --spec-draft-cpu-mask-batch -Cbd --cpu-mask-batch-draft
    --spec-draft-cpu-strict-batch --cpu-strict-batch-draft --spec-draft-prio-batch --prio-batch-draft
    --spec-draft-poll-batch --poll-batch-draft --spec-draft-type-k -ctkd --cache-type-k-draft
    --spec-draft-type-v -ctvd --cache-type-v-draft --spec-draft-override-tensor -otd --override-tensor-draft
    --spec-draft-cpu-moe -cmoed --cpu-moe-draft --spec-draft-n-cpu-moe --spec-draft-ncmoe -ncmoed
    --n-cpu-moe-draft --spec-draft-n-max --spec-draft-n-min --spec-synth-len --spec-synth-rates
    --spec-draft-p-split --draft-p-split --spec-draft-p-min --draft-p-min --spec-draft-backend-sampling
    --no-spec-draft-backend-sampling --spec-draft-device -devd --device-draft --spec-draft-ngl -ngld
    --gpu-layers-draft --n-gpu-layers-draft --spec-draft-model -md --model-draft --spec-type
    --spec-ngram-mod-n-min --spec-ngram-mod-n-max --spec-ngram-mod-n-match --spec-ngram-simple-size-n
    --spec-ngram-simple-size-m --spec-ngram-simple-min-hits --spec-ngram-map-k-size-n --spec-ngram-map-k-size-m
    --spec-ngram-map-k-min-hits --spec-ngram-map-k4v-size-n --spec-ngram-map-k4v-size-m
    --spec-ngram-map-k4v-min-hits --draft --draft-n --draft-max --draft-min --draft-n-min --gpt-oss-20b-default
    --gpt-oss-120b-default --vision-gemma-4b-default --vision-gemma-12b-default --spec-default`;
const llamaCli = `
    --server-base --verbose-prompt --display-prompt --no-display-prompt -co --color -n --predict --n-predict
    -sys --system-prompt --show-timings --no-show-timings -sysf --system-prompt-file -ptc --print-token-count
    --prompt-cache --prompt-cache-all --prompt-cache-ro -cnv --conversation -no-cnv --no-conversation -st
    --single-turn -i --interactive -if --interactive-first -mli --multiline-input --in-prefix-bos --in-prefix
    --in-suffix -gan --grp-attn-n -gaw --grp-attn-w --image --audio --video -o --output --output-file
    --simple-io`;
const llamaServer = `
    -lcs --lookup-cache-static -lcd --lookup-cache-dynamic --kv-unified-per-slot -cms --checkpoint-min-step -kvu
    --kv-unified -no-kvu --no-kv-unified --cache-idle-slots --no-cache-idle-slots -p --prompt -f --file -bf
    --binary-file --spm-infill --pooling -dt --defrag-thold -cb --cont-batching -nocb --no-cont-batching
    --mtmd-batch-max-tokens -a --alias --tags --embd-normalize --host --port --reuse-port --path --cors-origins
    --cors-methods --cors-headers --cors-credentials --no-cors-credentials --api-prefix --ui-config
    --webui-config --ui-config-file --webui-config-file --ui-mcp-proxy --webui-mcp-proxy --no-ui-mcp-proxy
    --no-webui-mcp-proxy --tools --tools-runtime --mcp-servers-config --mcp-servers-json -ag --agent -no-ag
    --no-agent --ui --webui --no-ui --no-webui --embedding --embeddings --rerank --reranking --api-key
    --api-key-file --ssl-key-file --ssl-cert-file -to --timeout --sse-ping-interval --threads-http
    --cache-prompt --no-cache-prompt --cache-reuse --metrics --props --slots --no-slots --slot-save-path
    --media-path --models-dir --models-preset --models-max --models-autoload --no-models-autoload
    --prefill-assistant --no-prefill-assistant -sps --slot-prompt-similarity --lora-init-without-apply
    --sleep-idle-seconds --spec-ngram-size-n --spec-ngram-size-m --spec-ngram-min-hits --embd-gemma-default
    --fim-qwen-1.5b-default --fim-qwen-3b-default --fim-qwen-7b-default --fim-qwen-7b-spec --fim-qwen-14b-spec
    --fim-qwen-30b-default`;
const llamaBench = `
    -h --help -m --model -hf -hfr --hf-repo -hff --hf-file -hft --hf-token --offline -p --n-prompt -n --n-gen
    -pg -d --n-depth -b --batch-size -ub --ubatch-size -ctk --cache-type-k -ctv --cache-type-v -t --threads -C
    --cpu-mask --cpu-strict --poll -ngl --n-gpu-layers -ncmoe --n-cpu-moe -sm --split-mode -mg --main-gpu -nkvo
    --no-kv-offload -fa --flash-attn -dev --device -lm --load-mode -lzm --lazy-mode -mmp --mmap -dio --direct-io
    -embd --embeddings -ts --tensor-split -ot --override-tensor -nopo --no-op-offload --no-host -fitt
    --fit-target -fitc --fit-ctx --numa -r --repetitions --prio --delay -o --output -oe --output-err --progress
    --no-warmup --rpc -rpc --list-devices -v --verbose`;
const ollama: Readonly<Record<string, string>> = {
  run: `--keepalive --verbose --insecure --nowordwrap --format --think --hidethinking --truncate --dimensions --experimental
    --experimental-yolo --experimental-websearch --width --height --steps --seed --negative --help -h`,
  create: '-f --file -q --quantize --experimental -h --help',
  show: '--license --modelfile --parameters --template --system -v --verbose -h --help',
  pull: '--insecure -h --help',
};

test("every option of llama.cpp's and Ollama's commands is taken, or answered", () => {
  const commands = flagCommands();
  const unanswered = (command: string, options: string): readonly string[] =>
    options
      .trim()
      .split(/\s+/)
      .filter((option) => option !== '-h' && option !== '--help')
      .filter((option) => !commands.get(option)?.includes(command))
      .filter((option) => hintFor([command, 'm', option], [command], commands) === undefined)
      .map((option) => `${command} ${option}`);
  assert.deepEqual(
    [
      ...unanswered('run', llamaBoth + llamaCli),
      ...unanswered('chat', llamaBoth + llamaCli),
      ...unanswered('serve', llamaBoth + llamaServer),
      ...unanswered('bench', llamaBench),
      ...Object.entries(ollama).flatMap(([command, options]) => unanswered(command, options)),
    ],
    [],
  );
});

test('an option of another command is told with its commands', () => {
  const commands = flagCommands();
  assert.equal(hintFor(['embed', 'm', '-n', '4'], ['embed'], commands), '-n: an option of ssd-llm bench, run, chat');
  assert.match(hintFor(['run', '--max-batch=4'], ['run'], commands) ?? '', /ssd-llm serve/);
  assert.equal(hintFor(['run', 'm', '-n', 'x'], ['run'], commands), undefined);
  assert.equal(
    hintFor(['serve', '--temp', '0'], ['serve'], commands),
    '--temp: randomness is --temperature, an option of ssd-llm run, chat; requests to a server say such things themselves',
  );
  assert.equal(hintFor(['run', '--temp', '0'], ['run'], commands), '--temp: randomness is --temperature');
});
