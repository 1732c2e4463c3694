// Runs every test file, or those whose path contains one of the arguments: `node test/all.mjs plan/ cli`.
import { register } from 'tsx/esm/api';

register();
const { runSuite, watchSuite } = await import('./suite.ts');
const [first, ...rest] = process.argv.slice(2);
process.exitCode = first === '--watch' ? watchSuite(rest) : await runSuite(process.argv.slice(2));
