import { existsSync } from 'node:fs';

// Imported by whatever needs dist/.
if (!existsSync(new URL('../../dist/cli/main.js', import.meta.url))) {
  throw new Error('these tests need what "npm run build" makes, and it is not there: run that first');
}
