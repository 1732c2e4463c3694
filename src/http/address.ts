import { BlockList, isIP, isIPv6 } from 'node:net';

/** The address that a server listens on. */
export interface Address {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** An address as people write it, who may leave out the port. */
export interface GivenAddress {
  readonly host: string;
  readonly port: number | undefined;
}

/** The address that stands for all addresses of the machine. */
const everywhere = '0.0.0.0';
const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };
const largestPort = 65535;

/**
 * Parses "localhost", "localhost:8080", "[::1]:8080", "::1" or "http://localhost", which is port 80; ":8080" is that
 * port on all addresses, as Ollama reads it. A number alone is a port of this machine. Undefined if it is none of
 * these.
 */
export function parseAddress(text: string): GivenAddress | undefined {
  const [, written, authority = ''] = /^(?:(https?):\/\/)?([^/]*)(?:\/.*)?$/i.exec(text.trim()) ?? [];
  const port = defaultPorts[written?.toLowerCase() ?? ''];
  if (isIPv6(authority)) return { host: authority, port };
  const [, inBrackets, name = inBrackets, digits] =
    /^(?:\[(.+)\]|([\w.-]*))(?::(\d{1,5}))?$/.exec(/^\d+$/.test(authority) ? `127.0.0.1:${authority}` : authority) ??
    [];
  const given = digits === undefined ? port : Number(digits);
  if (name === undefined || (inBrackets !== undefined && !isIPv6(inBrackets))) return undefined;
  if ((given ?? 0) > largestPort || (name === '' && digits === undefined)) return undefined;
  return { host: name || everywhere, port: given };
}

/** The URL of an address: "http://[::1]:8080". */
export const urlOf = ({ host, port }: Address): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The host by which this machine reaches a server that listens on `host`. */
export function reachable(host: string): string {
  if (host === everywhere) return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True if only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  return version === 0 ? host.toLowerCase() === 'localhost' : loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
