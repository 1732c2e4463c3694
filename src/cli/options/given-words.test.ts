import assert from 'node:assert/strict';
import test from 'node:test';
import { CommanderError } from 'commander';
import { checkWords } from './given-words.ts';

const refusal = (command: string, line: string): string => {
  try {
    checkWords(command, line.split(' '));
    return '';
  } catch (error) {
    assert.ok(error instanceof CommanderError);
    return error.message;
  }
};

test('an option is no value of the one before it, unless behind "="', () => {
  for (const line of ['m --lora -m 8G', 'm --ctx --json hi', 'm -p -v', 'm --lora --ctx=4 hi']) {
    assert.match(refusal('run', line), /^error: option '.*' argument missing\n-.* is an option;.*=/, line);
  }
  for (const line of [
    'm --lora=-m',
    'm -p -unknown',
    'm --seed -1',
    'm --prompt-cache -m 8G',
    'm -p - -v',
    'm -- -p -v',
  ]) {
    assert.equal(refusal('run', line), '', line);
  }
  assert.equal(refusal('pull', 'm --models -p'), '', 'no option of this command');
  assert.equal(refusal('m', 'hi -ngl 9'), '', 'no command');
});

test('an option of another program is not read as the letter of ours that it begins with', () => {
  for (const word of ['-ngl', '-cmoe', '-ptc', '-ctk', '-np=4', '-mg']) {
    assert.equal(refusal('run', `m ${word} 1`), `error: unknown option '${word.replace(/=.*/, '')}'`);
  }
  for (const line of ['m -t8', 'm -pthis', 'm --stop -ngl', 'm -- -ngl', '-m8G m'])
    assert.equal(refusal('run', line), '', line);
});
