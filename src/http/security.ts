import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { pagePaths } from './page/page-routes.ts';
import { Refusal } from './refusal.ts';

const addresses = new BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['0.0.0.0', 32],
] as const) {
  addresses.addSubnet(network, prefix, 'ipv4');
}
addresses.addSubnet('fc00::', 7, 'ipv6');
addresses.addAddress('::1', 'ipv6');
addresses.addAddress('::', 'ipv6');

/** The host in a header: "[::1]:11434" -> "::1", "Mac.local.:80" -> "mac.local". */
const hostOf = (header: string): string =>
  (/^\[(.*)\](?::\d*)?$/.exec(header)?.[1] ?? header.replace(/:\d*$/, '')).toLowerCase().replace(/\.$/, '');

/** True for a host that is this machine, or that only the own network knows. `hostname` is the machine's. */
function isLocal(host: string, hostname: string): boolean {
  const version = isIP(host);
  if (version > 0) return addresses.check(host, version === 4 ? 'ipv4' : 'ipv6');
  return host === '' || host === 'localhost' || host === hostname || /\.(?:localhost|local|internal)$/.test(host);
}

/**
 * Refuses foreign hosts, for servers on a loopback address: a web page whose name was made to point there (DNS
 * rebinding) sends that name as Host, and gets 403.
 */
export const localHostOnly =
  (hostname: string): MiddlewareHandler =>
  async (c, next) =>
    isLocal(hostOf(c.req.header('host') ?? ''), hostname.toLowerCase()) ? next() : c.body(null, 403);

const ownPages = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::\d+)?$/;
const apps = /^(?:app|file|tauri|vscode-webview|vscode-file|chrome-extension|moz-extension|safari-web-extension):\/\//;

/** The pattern that an origin must match as a whole, from "https://*.example.com". */
const wildcard = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[\\^$.+?()[\]{}|]/g, '\\$&').replaceAll('*', '.*')}$`, 'i');

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const headers = ['authorization', 'content-type', 'user-agent', 'accept', 'x-requested-with', 'x-api-key'];

/** Headers that a preflight may use: those above, and those that OpenAI's clients add. */
const allowedHeaders = (asked: string): string[] => [
  ...headers,
  ...asked.split(/[\s,]+/).filter((name) => /^(?:x-stainless|openai)-[a-z-]+$/i.test(name)),
];

const isOwn = (origin: string, host: string | undefined): boolean =>
  host !== undefined && /^https?:\/\/(.*)$/.exec(origin)?.[1] === host;

/**
 * Lets web pages ask if they are this machine's, an app's or one of `origins` ("*" stands for anything). Others get 403
 * and may read nothing. Pages that came from the server's own address are no strangers.
 */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  const patterns = [ownPages, apps, ...origins.map(wildcard)];
  return async (c, next) => {
    const origin = c.req.header('origin');
    if (origin === undefined || isOwn(origin, c.req.header('host'))) return next();
    if (!patterns.some((pattern) => pattern.test(origin))) return c.body(null, 403);
    const allowHeaders = allowedHeaders(c.req.header('access-control-request-headers') ?? '');
    return cors({ origin, allowMethods: methods, allowHeaders, maxAge: 43_200 })(c, next);
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Paths without a key: neither liveness checks nor a browser that opens the page have one, and these tell nothing. */
const free: readonly string[] = ['/', '/health', '/v1/health', ...pagePaths];

/** Answers 401 without the key, except for `free` and preflights, which cannot have it. */
export function keyHoldersOnly(key: string): MiddlewareHandler {
  const wanted = digest(key);
  return async (c, next) => {
    if (free.includes(c.req.path) || c.req.method === 'OPTIONS') return next();
    const bearer = /^bearer +(.*)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    const given = [bearer ?? '', c.req.header('x-api-key') ?? ''].filter((one) => one !== '');
    // Digests have one length, and comparing them tells nothing by its time.
    if (given.some((one) => timingSafeEqual(digest(one), wanted))) return next();
    const message = given.length > 0 ? 'this API key is not valid' : 'an API key is needed: Authorization: Bearer KEY';
    throw new Refusal(401, message, { code: 'invalid_api_key' });
  };
}
