import { formatBytes } from '../../base/bytes.ts';
import { EngineError } from '../../base/errors.ts';
import type { Settings } from '../options/table.ts';
import { columns } from '../print/columns.ts';
import { warn, write, writeJson } from '../print/output.ts';
import { printable } from '../print/printable.ts';

/** Prints what can compute here, and whether it passes its test. */
export async function devicesCommand({ json }: Settings): Promise<void> {
  const { listDevices } = await import('../../runtime/list-devices.ts');
  const devices = listDevices({ warn });
  if (json) {
    await writeJson(
      devices.map(({ kind, name, memory, bytes, error }) => ({
        ...{ kind, name, memory, bytes },
        error: error && { code: error instanceof EngineError ? error.code : null, message: error.message },
      })),
    );
    return;
  }
  const rows = devices.map(({ kind, name, memory, bytes, error }) => [
    kind,
    name === null ? '-' : printable(name),
    bytes === null ? '-' : `${formatBytes(bytes)}${memory === 'apart' ? ' of its own' : ''}`,
    error ? reasonOf(error) : 'ready',
  ]);
  await write(`${columns([['KIND', 'NAME', 'MEMORY', 'STATE'], ...rows]).join('\n')}\n`);
}

/** The reason in few words where there is nothing to list. */
function reasonOf(error: Error): string {
  if (!(error instanceof EngineError) || error.code !== 'DEVICE_MISSING') return printable(error.message);
  const { reason, install } = (error as EngineError<'DEVICE_MISSING'>).details;
  return printable(install === undefined ? reason : `${reason}: ${install}`);
}
