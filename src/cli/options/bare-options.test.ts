import assert from 'node:assert/strict';
import test from 'node:test';
import { Command } from 'commander';
import { withBareOptions } from './bare-options.ts';
import { withOptions } from './flags.ts';

const words = (line: string): string => withBareOptions(line.split(' ')).join(' ');

test('an option whose value may be left out takes no model, no prompt and no option for it', () => {
  assert.equal(words('run --prompt-cache m.gguf -p hi'), 'run --prompt-cache=auto m.gguf -p hi');
  assert.equal(words('serve --prompt-cache 7b.gguf'), 'serve --prompt-cache=auto 7b.gguf');
  assert.equal(words('serve m.gguf --prompt-cache'), 'serve m.gguf --prompt-cache=auto');
  assert.equal(words('serve --prompt-cache --port 21501 m.gguf'), 'serve --prompt-cache=auto --port 21501 m.gguf');
  assert.equal(words('serve --prompt-cache models/a.gguf b.gguf'), 'serve --prompt-cache=auto models/a.gguf b.gguf');
});

test('what can be its value is', () => {
  for (const line of [
    'serve --prompt-cache 1.5GiB m.gguf',
    'serve --prompt-cache 0 m.gguf',
    'serve --prompt-cache auto m.gguf',
    'serve --prompt-cache 8X m.gguf',
    'serve --prompt-cache=2G m.gguf',
    'run m.gguf -- --prompt-cache m.gguf',
  ]) {
    assert.equal(words(line), line);
  }
});

test('--help tells of no value but those that can be given', () => {
  for (const name of ['run', 'chat', 'serve']) {
    const help = withOptions(new Command(name)).helpInformation();
    assert.match(help, /--prompt-cache \[size\]/);
    assert.doesNotMatch(help, /preset/);
  }
});
