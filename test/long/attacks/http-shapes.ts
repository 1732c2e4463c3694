import { gzipSync } from 'node:zlib';

/** A request that is none, or that servers have been known to misunderstand. */
export interface Shape {
  readonly name: string;
  readonly bytes: string | Buffer;
  /** The way of sending: at once, byte by byte, with the connection half closed, or cut. */
  readonly how?: 'drip' | 'half-closed' | 'cut';
  /** The most answers that may come: more, and some of a body was taken for a request. */
  readonly answers?: number;
}

const host = 'Host: localhost\r\n';
const close = 'Connection: close\r\n';
const show = '{"model":"victim"}';

/** A sound request, but for its headers and body. */
const posted = (headers: string, body = ''): string =>
  `POST /api/show HTTP/1.1\r\n${host}${close}${headers}\r\n${body}`;
const got = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\n${host}${close}${headers}\r\n`;
const sized = (length: string): string => posted(`Content-Length: ${length}\r\n`, show);
const chunked = (body: string, headers = 'Transfer-Encoding: chunked\r\n'): string => posted(headers, body);
/** Bytes that must not be taken for a request of their own. */
const hidden = `GET /api/tags HTTP/1.1\r\n${host}\r\n`;
const long = 'x'.repeat(2 ** 16);

const startLines: readonly Shape[] = [
  { name: 'empty lines', bytes: '\r\n'.repeat(1000) },
  { name: 'zeros', bytes: Buffer.alloc(10_000) },
  { name: 'TLS', bytes: Buffer.from('16030100c8010000c40303', 'hex') },
  { name: 'HTTP/0.9', bytes: 'GET /\r\n' },
  { name: 'HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { name: 'HTTP/3.0', bytes: `GET / HTTP/3.0\r\n${host}\r\n` },
  { name: 'a version in small letters', bytes: `GET / http/1.1\r\n${host}\r\n` },
  { name: 'version 1.10', bytes: `GET / HTTP/1.10\r\n${host}\r\n` },
  { name: 'another protocol', bytes: `GET / ICY/1.1\r\n${host}\r\n` },
  { name: 'an unknown method', bytes: `BREW / HTTP/1.1\r\n${host}\r\n` },
  { name: 'a method in small letters', bytes: `get / HTTP/1.1\r\n${host}\r\n` },
  { name: 'a method with NUL', bytes: `GE\0T / HTTP/1.1\r\n${host}\r\n` },
  { name: 'an endless method', bytes: `${long} / HTTP/1.1\r\n${host}\r\n` },
  { name: 'an endless path', bytes: got(`/${long}`) },
  { name: 'NUL in the path', bytes: got('/api\0/tags') },
  { name: 'spaces in the path', bytes: got('/api tags x') },
  { name: 'tabs in the path', bytes: got('/api\ttags') },
  { name: 'a whole address', bytes: got('http://evil.example/api/tags') },
  { name: 'a star', bytes: got('*') },
  { name: 'CONNECT', bytes: `CONNECT example.org:443 HTTP/1.1\r\n${host}\r\n` },
  { name: 'TRACE', bytes: `TRACE / HTTP/1.1\r\n${host}${close}\r\n` },
  { name: 'a path upwards', bytes: got('/../../../../etc/passwd') },
  { name: 'an escaped path upwards', bytes: got('/%2e%2e/%2e%2e/etc/passwd') },
  { name: 'half an escape', bytes: got('/%zz%') },
  { name: 'an escaped NUL', bytes: got('/v1/models/%00') },
  { name: 'overlong UTF-8', bytes: got('/v1/models/%c0%ae%c0%ae/') },
  { name: 'raw bytes in the path', bytes: Buffer.from(got('/v1/models/\xff\xfe'), 'latin1') },
  { name: 'a fragment', bytes: got('/#x') },
  { name: 'ten thousand slashes', bytes: got('/'.repeat(10_000)) },
];

const headers: readonly Shape[] = [
  { name: 'no Host', bytes: `GET / HTTP/1.1\r\n${close}\r\n` },
  { name: 'two Hosts', bytes: got('/', 'Host: other\r\n') },
  { name: 'no colon', bytes: got('/', 'nothing\r\n') },
  { name: 'no name', bytes: got('/', ': x\r\n') },
  { name: 'a space in a name', bytes: got('/', 'X Y: z\r\n') },
  { name: 'a space before the colon', bytes: posted(`Content-Length : ${show.length}\r\n`, show) },
  { name: 'a folded line', bytes: got('/', 'X: a\r\n b\r\n') },
  { name: 'NUL in a value', bytes: got('/', 'X: a\0b\r\n') },
  { name: 'a carriage return in a value', bytes: got('/', 'X: a\rb\r\n') },
  { name: 'lines without carriage returns', bytes: `GET / HTTP/1.1\n${host.trim()}\n\n` },
  { name: 'an endless name', bytes: got('/', `${long}: x\r\n`) },
  { name: 'an endless value', bytes: got('/', `X: ${long}\r\n`) },
  { name: 'five thousand headers', bytes: got('/', 'X: y\r\n'.repeat(5000)) },
  { name: 'raw bytes in a value', bytes: Buffer.from(got('/', 'X: \xff\xfe\r\n'), 'latin1') },
  { name: 'a header called __proto__', bytes: got('/', '__proto__: x\r\nconstructor: y\r\n') },
  { name: 'an upgrade to WebSocket', bytes: got('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n') },
  { name: 'an upgrade to HTTP/2', bytes: got('/', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n') },
  { name: 'an unknown expectation', bytes: posted('Expect: the-best\r\nContent-Length: 2\r\n', '{}') },
  { name: 'an expectation and no body', bytes: posted('Expect: 100-continue\r\nContent-Length: 100\r\n') },
  { name: 'ten thousand ranges', bytes: got('/', `Range: bytes=${'0-,'.repeat(10_000)}\r\n`) },
];

const lengths: readonly Shape[] = [
  ...['-1', '+18', '0x12', '1e1', '18, 18', '18 18', '', 'x', '99999999999999999999999', '9007199254740993'].map(
    (length) => ({ name: `a length of "${length}"`, bytes: sized(length) }),
  ),
  { name: 'two lengths', bytes: posted('Content-Length: 18\r\nContent-Length: 5\r\n', show) },
  {
    name: 'a length and chunks',
    bytes: chunked(`0\r\n\r\n${hidden}`, `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`),
    answers: 1,
  },
  {
    name: 'chunks and a length',
    bytes: chunked(`5\r\nhello\r\n0\r\n\r\n${hidden}`, 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n'),
    answers: 1,
  },
  ...[
    'chunked, identity',
    'xchunked',
    'identity, chunked',
    'chunked, chunked',
    '\x0bchunked',
    'gzip, chunked',
    'CHUNKED ',
  ].map((coding) => ({
    name: `a coding of "${coding}"`,
    bytes: chunked(`0\r\n\r\n${hidden}`, `Transfer-Encoding: ${coding}\r\n`),
    answers: 1,
  })),
  {
    name: 'two codings',
    bytes: chunked(`0\r\n\r\n${hidden}`, 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'),
    answers: 1,
  },
  ...['g', '-1', '0x5', 'ffffffffffffffff', '5 5', ''].map((size) => ({
    name: `a chunk of "${size}" bytes`,
    bytes: chunked(`${size}\r\nhello\r\n0\r\n\r\n`),
  })),
  { name: 'a chunk that is longer than it says', bytes: chunked('2\r\nhello\r\n0\r\n\r\n') },
  { name: 'an endless chunk extension', bytes: chunked(`5;${long}\r\nhello\r\n0\r\n\r\n`) },
  { name: 'endless trailers', bytes: chunked(`0\r\nX: ${long}\r\n\r\n`) },
  { name: 'a length as a trailer', bytes: chunked(`0\r\nContent-Length: 50\r\n\r\n${hidden}`), answers: 1 },
  { name: 'chunks of one byte', bytes: chunked(`${[...show].map((c) => `1\r\n${c}\r\n`).join('')}0\r\n\r\n`) },
  { name: 'a GET with a body', bytes: `${got('/', `Content-Length: ${hidden.length}\r\n`)}${hidden}`, answers: 1 },
];

const zipped = (body: Buffer, coding = 'gzip'): Buffer =>
  Buffer.concat([Buffer.from(posted(`Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n`)), body]);

const bodies: readonly Shape[] = [
  { name: 'a compressed bomb', bytes: zipped(gzipSync(Buffer.alloc(200 * 2 ** 20, ' '))) },
  { name: 'a bomb compressed twice', bytes: zipped(gzipSync(gzipSync(Buffer.alloc(100 * 2 ** 20))), 'gzip, gzip') },
  { name: 'compression that is none', bytes: zipped(Buffer.from('hello')) },
  { name: 'half a compressed body', bytes: zipped(gzipSync('{"model":"victim"}').subarray(0, 15)) },
  { name: 'an unknown compression', bytes: zipped(Buffer.from(show), 'snappy') },
  { name: 'a body in UTF-16', bytes: posted('Content-Length: 36\r\n', [...show].join('\0').concat('\0')) },
  { name: 'HTTP/1.0 without a length', bytes: `POST /api/show HTTP/1.0\r\n\r\n${show}` },
  { name: 'a thousand requests at once', bytes: hidden.repeat(1000) },
  { name: 'a bad request behind a good one', bytes: `${hidden}nonsense\r\n\r\n`, answers: 2 },
];

const manners: readonly Shape[] = [
  { name: 'byte by byte', bytes: posted(`Content-Length: ${show.length}\r\n`, show), how: 'drip' },
  { name: 'half closed', bytes: posted(`Content-Length: ${show.length}\r\n`, show), how: 'half-closed' },
  { name: 'half a request, half closed', bytes: posted('Content-Length: 100\r\n', show), how: 'half-closed' },
  { name: 'half of the headers, half closed', bytes: posted('X: y').slice(0, 40), how: 'half-closed' },
  { name: 'cut after the headers', bytes: posted('Content-Length: 100\r\n'), how: 'cut' },
  { name: 'cut in the body', bytes: posted('Content-Length: 100\r\n', show), how: 'cut' },
  { name: 'cut in the start line', bytes: 'GET /api/ta', how: 'cut' },
];

export const shapes: readonly Shape[] = [...startLines, ...headers, ...lengths, ...bodies, ...manners];
