import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { ChatHistory } from './chat-history.ts';
import type { LineEvent } from './chat-lines.ts';
import { Terminal } from './terminal.ts';

class Keyboard extends PassThrough {
  raw = false;

  setRawMode(raw: boolean): this {
    this.raw = raw;
    return this;
  }
}

class Screen extends Writable {
  shown = '';

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.shown += chunk.toString();
    done();
  }
}

interface Desk extends Disposable {
  readonly terminal: Terminal;
  readonly keyboard: Keyboard;
  readonly screen: Screen;
  readonly leaving: AbortController;
}

function sitDown(signal?: AbortSignal): Desk {
  const folder = tempFolder();
  const [keyboard, screen, leaving] = [new Keyboard(), new Screen(), new AbortController()];
  const history = new ChatHistory(folder.path);
  const terminal = new Terminal(history, signal ?? leaving.signal, { input: keyboard, output: screen });
  const close = (): void => {
    terminal[Symbol.dispose]();
    folder[Symbol.dispose]();
  };
  return { terminal, keyboard, screen, leaving, [Symbol.dispose]: close };
}

const line = (text: string, pasted = false): LineEvent => ({ kind: 'line', text, pasted });

test('a line is what was typed, edited, with the prompt before it', async () => {
  using desk = sitDown();
  const read = desk.terminal.read('>>> ');
  desk.keyboard.write('Hellp\x7fo \u{1f98a}\r');
  assert.deepEqual(await read, line('Hello \u{1f98a}'));
  assert.match(desk.screen.shown, />>> .*Hell/s);
});

test('the terminal is raw and marks pastes until it is left', () => {
  const desk = sitDown();
  assert.equal(desk.keyboard.raw, true);
  assert.ok(desk.screen.shown.endsWith('\x1b[?2004h'));
  desk[Symbol.dispose]();
  assert.equal(desk.keyboard.raw, false);
  assert.ok(desk.screen.shown.endsWith('\x1b[?2004l'));
});

test('lines that come at once are given one by one, each when it is asked for', async () => {
  using desk = sitDown();
  desk.keyboard.write('one\ntwo\r\nthr');
  desk.keyboard.write('ee\r');
  for (const text of ['one', 'two', 'three']) assert.deepEqual(await desk.terminal.read('>>> '), line(text));
});

test('the lines of a paste are told apart from the one that Enter ends', async () => {
  using desk = sitDown();
  desk.keyboard.write('\x1b[200~one\r\ttwo\rthree\x1b[201~');
  assert.deepEqual(await desk.terminal.read('>>> '), line('one', true));
  assert.deepEqual(await desk.terminal.read('... '), line('\ttwo', true));
  const read = desk.terminal.read('... ');
  desk.keyboard.write('!\r');
  assert.deepEqual(await read, line('three!'));
});

test('the line before comes back with arrow up', async () => {
  using desk = sitDown();
  desk.keyboard.write('one\rtwo\r\x1b[A\x1b[A\r\x1b[A');
  for (const text of ['one', 'two', 'one']) assert.deepEqual(await desk.terminal.read('>>> '), line(text));
});

test('Tab completes a command', async () => {
  using desk = sitDown();
  const read = desk.terminal.read('>>> ');
  desk.keyboard.write('/cl\t');
  await sleep(50);
  desk.keyboard.write('\r');
  assert.deepEqual(await read, line('/clear'));
});

test('Ctrl-C ends a line, Ctrl-D an empty one and the conversation with it', async () => {
  using desk = sitDown();
  desk.keyboard.write('half\x03\x03\x04');
  assert.deepEqual(await desk.terminal.read('>>> '), { kind: 'interrupt', typed: true });
  assert.deepEqual(await desk.terminal.read('>>> '), { kind: 'interrupt', typed: false });
  assert.deepEqual(await desk.terminal.read('>>> '), { kind: 'end' });
});

test('Ctrl-C during work aborts it, and drops what was typed before', async () => {
  using desk = sitDown();
  desk.keyboard.write('dropped\r');
  await desk.terminal.runWithInterrupt(async (signal) => {
    desk.keyboard.write('\x03');
    await sleep(20);
    assert.ok(signal.aborted);
  });
  desk.keyboard.write('kept\r');
  assert.deepEqual(await desk.terminal.read('>>> '), line('kept'));
});

test('Ctrl-C that comes together with the line before it, or with the next one, aborts the work and loses neither', async () => {
  using desk = sitDown();
  desk.keyboard.write('question\rdropped\x03next\r');
  assert.deepEqual(await desk.terminal.read('>>> '), line('question'));
  await desk.terminal.runWithInterrupt(async (signal) => assert.ok(signal.aborted));
  assert.deepEqual(await desk.terminal.read('>>> '), line('next'));
});

test('what is typed during work is shown and read after it', async () => {
  using desk = sitDown();
  await desk.terminal.runWithInterrupt(async (signal) => {
    desk.keyboard.write('next\rand th');
    await sleep(20);
    assert.ok(!signal.aborted && !desk.screen.shown.includes('next'));
  });
  assert.deepEqual(await desk.terminal.read('>>> '), line('next'));
  const read = desk.terminal.read('>>> ');
  desk.keyboard.write('en\r');
  assert.deepEqual(await read, line('and then'));
});

test('an interrupt before the terminal is there ends its lines at once', async () => {
  using desk = sitDown(AbortSignal.abort());
  assert.deepEqual(await desk.terminal.read('>>> '), { kind: 'end' });
});

test('the end of the input is the end, and so is the signal', async () => {
  for (const end of [(desk: Desk) => desk.keyboard.end(), (desk: Desk) => desk.leaving.abort()]) {
    using desk = sitDown();
    const read = desk.terminal.read('>>> ');
    end(desk);
    assert.deepEqual(await read, { kind: 'end' });
    assert.deepEqual(await desk.terminal.read('>>> '), { kind: 'end' });
  }
});
