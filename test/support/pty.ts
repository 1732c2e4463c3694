import { spawnSync } from 'node:child_process';

/** Runs a command at a terminal of its own, without what it says on stderr. */
export const pty: readonly string[] = [
  'sh',
  '-c',
  'exec script -qefc "$(printf " \'%s\'" "$@") 2>/dev/null" /dev/null',
  'sh',
];

/** The reason to skip a test that needs a terminal; false where there is one. */
export const withoutPty: string | false = spawnSync('script', ['--version']).stdout?.includes('util-linux')
  ? false
  : 'there is no util-linux here to make a terminal';
