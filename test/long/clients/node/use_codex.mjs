import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { apiKey, base, isBlue, model, question, run } from './feature.mjs';

const provider = `model_providers.local={name="local",base_url="${base}/v1",wire_api="responses",env_key="LOCAL_KEY"}`;

await run({
  async chat() {
    const settings = ['-c', 'model_provider=local', '-c', provider, '--skip-git-repo-check', '-m', model];
    const codex = promisify(execFile)('node_modules/.bin/codex', ['exec', ...settings, question], {
      env: { ...process.env, LOCAL_KEY: apiKey },
      timeout: 100_000,
    });
    codex.child.stdin.end();
    isBlue((await codex).stdout);
  },
});
