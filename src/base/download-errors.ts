import { formatBytes } from './bytes.ts';
import type { ErrorDetails, ErrorTable } from './error-details.ts';

/** The things to check where a host is not reached. */
const toReach = {
  usual: 'the network and HTTPS_PROXY, or name a mirror of Hugging Face in HF_ENDPOINT',
  mirror: 'the network, HTTPS_PROXY, and the address in HF_ENDPOINT',
  none: 'its name, the network and HTTPS_PROXY',
} as const;

/** Errors of downloads. */
export const downloadErrors: ErrorTable<
  'UNREACHABLE' | 'REMOTE_NOT_FOUND' | 'ACCESS_DENIED' | 'DOWNLOAD_FAILED' | 'DOWNLOAD_DAMAGED'
> = {
  UNREACHABLE: [
    'failure',
    (d) => `${d.host} cannot be reached (${d.reason}); check ${toReach[d.hub]}`,
    (d) => `${d.host} cannot be reached (${d.reason}); the server needs a way to it`,
  ],
  REMOTE_NOT_FOUND: [
    'not-found',
    (d) =>
      `${d.host} has no ${d.name}; ${d.nearest.length > 0 ? `nearest to it: ${d.nearest.join(', ')}` : 'check the name'}`,
  ],
  ACCESS_DENIED: ['failure', accessDenied],
  DOWNLOAD_FAILED: [
    'failure',
    (d) => `${d.url} could not be downloaded (${d.reason}); pull it again: what has come is kept`,
  ],
  DOWNLOAD_DAMAGED: [
    'failure',
    (d) =>
      `${d.url} did not come as it is there: its sum is wrong, and the ${formatBytes(d.bytes)} that came were removed; pull it again`,
  ],
};

function accessDenied({ url, hub, token }: ErrorDetails['ACCESS_DENIED']): string {
  if (!hub) return `${url} is not open to everybody; pull it from another place`;
  return token
    ? `${url} is not open to the account of HF_TOKEN; ask for access on that page`
    : `${url} is not open to everybody; ask for access on that page, and set HF_TOKEN to a key of your account`;
}
