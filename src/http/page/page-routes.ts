import { Hono } from 'hono';
import { builtFile } from './built-files.ts';

/** The files of the page, by path, and their types. */
const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/ui': ['ui/index.html', 'text/html; charset=utf-8'],
  '/ui/page.js': ['ui/page.js', 'text/javascript; charset=utf-8'],
  '/ui/page.css': ['ui/page.css', 'text/css; charset=utf-8'],
};

/** Paths that the page consists of. They tell nothing of the server. */
export const pagePaths: readonly string[] = Object.keys(files);

/** The page asks this server alone, takes scripts and styles from it alone, and makes no HTML of texts. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The page that shows what the server does. */
export function pageRoutes(): Hono {
  const app = new Hono();
  for (const [path, [file, type]] of Object.entries(files)) {
    app.get(path, async (c) =>
      c.body(await builtFile(file), 200, {
        'content-type': type,
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      }),
    );
  }
  return app;
}
