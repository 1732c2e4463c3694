// A site of README.md, docs/ and the pages beside them: npm run docs:site
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import GithubSlugger from 'github-slugger';
import { Marked, type Tokens } from 'marked';

const root = fileURLToPath(new URL('../', import.meta.url));

/** A page of Markdown. */
export interface DocPage {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly title: string;
  /** Anchors of its headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  /** Targets of links and images that lead to files: paths from the repository's root, with anchors. */
  readonly links: readonly { readonly path: string; readonly anchor: string | undefined; readonly image: boolean }[];
  /** Its blocks of code. */
  readonly code: readonly { readonly language: string; readonly text: string }[];
  /** The body of its page in the site. */
  readonly html: string;
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const markdownIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map(({ name }) => posix.join(folder, name))
    .sort();

const plain = (text: string): string => text.replaceAll(/[`*]/g, '');
const elsewhere = (href: string): boolean => /^[a-z]+:/i.test(href);

/** Where a page lies in the site: README.md is the first one. */
function placeOf(path: string): string {
  if (path === 'README.md') return 'index.html';
  if (path === 'docs/adr') return 'docs/adr/index.html';
  return path.replace(/\.md$/, '.html');
}

/** Reads a page of Markdown, whose links then lead to pages of the site. */
function readPage(path: string, text: string): DocPage {
  const slugger = new GithubSlugger();
  const anchors = new Set<string>();
  const links: DocPage['links'][number][] = [];
  const code: DocPage['code'][number][] = [];
  let title = path;
  const target = (href: string, image: boolean): string => {
    if (elsewhere(href)) return href;
    const [file = '', anchor] = href.split('#');
    const to = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file));
    links.push({ path: to, anchor, image });
    return `${relativeTo(path, placeOf(to))}${anchor === undefined ? '' : `#${anchor}`}`;
  };
  const marked = new Marked({
    walkTokens: (token) => {
      if (token.type === 'code') code.push({ language: token['lang'] ?? '', text: token['text'] });
      if (token.type === 'link' || token.type === 'image')
        token['href'] = target(token['href'], token.type === 'image');
    },
    renderer: {
      heading({ tokens, text, depth }: Tokens.Heading): string {
        const id = slugger.slug(plain(text));
        anchors.add(id);
        if (depth === 1) title = plain(text);
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
    },
  });
  const html = marked.parse(text, { async: false });
  return { path, title, anchors, links, code, html };
}

/** All pages: README.md, those that it leads to in its order, others, the decisions and their list. */
export function docPages(): readonly DocPage[] {
  const adr = markdownIn('docs/adr').map((path) => readPage(path, read(path)));
  const list = adr.map(({ path, title }) => `- [${title}](${posix.basename(path)})`).join('\n');
  const index = readPage('docs/adr/index.md', `# Decisions\n\n${list}\n`);
  const others = ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  const readme = readPage('README.md', read('README.md'));
  const order = readme.links.map(({ path }) => path);
  const rank = ({ path }: DocPage): number => (order.includes(path) ? order.indexOf(path) : order.length);
  const pages = [...markdownIn('docs'), ...others].map((path) => readPage(path, read(path)));
  return [readme, ...pages.sort((a, b) => rank(a) - rank(b)), index, ...adr];
}

const relativeTo = (page: string, target: string): string => posix.relative(posix.dirname(page), target);

const style = `:root { color-scheme: light dark; --ground: light-dark(#fbfbfa, #131416); --panel: light-dark(#f1f1ee, #1d2023);
  --line: light-dark(#dcdcd8, #33363b); --text: light-dark(#1d1f21, #e6e6e3); --accent: light-dark(#1f5fae, #82b4f5); }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px / 1.55 system-ui, sans-serif; display: flex; }
nav { flex: 0 0 15rem; box-sizing: border-box; padding: 1.5rem 1rem; border-right: 1px solid var(--line); font-size: 14px; }
nav a { display: block; padding: 0.2rem 0; text-decoration: none; } nav [aria-current] { font-weight: 600; color: var(--text); }
main { flex: 1; min-width: 0; max-width: 52rem; padding: 1rem 2rem 4rem; } a { color: var(--accent); }
pre { background: var(--panel); padding: 0.8rem; overflow-x: auto; } code { font-size: 0.88em; }
:not(pre) > code { background: var(--panel); padding: 0.1em 0.3em; border-radius: 3px; } img { max-width: 100%; background: #fff; }
table { border-collapse: collapse; display: block; overflow-x: auto; } td, th { border: 1px solid var(--line); padding: 0.3rem 0.5rem; text-align: left; }
@media (max-width: 48rem) { body { display: block; } nav { border-right: 0; border-bottom: 1px solid var(--line); } nav a { display: inline-block; margin-right: 1rem; } }
`;

/** A page of the site, with links to the others beside it. */
function siteHtml(page: DocPage, pages: readonly DocPage[]): string {
  const entry = ({ path, title }: DocPage): string => {
    const current = path === page.path ? ' aria-current="page"' : '';
    return `<a href="${relativeTo(page.path, placeOf(path)) || posix.basename(placeOf(path))}"${current}>${title}</a>`;
  };
  const entries = pages.filter(({ path }) => !/^docs\/adr\/\d/.test(path)).map(entry);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${page.title}</title><link rel="stylesheet" href="${relativeTo(page.path, 'style.css')}"></head>
<body><nav aria-label="Pages">${entries.join('\n')}</nav><main>
${page.html}</main></body></html>
`;
}

/** Writes the site to a folder, with the files that its pages show or lead to. */
export function writeSite(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const pages = docPages();
  const put = (path: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    return join(folder, path);
  };
  for (const page of pages) writeFileSync(put(placeOf(page.path)), siteHtml(page, pages));
  writeFileSync(put('style.css'), style);
  const files = new Set(pages.flatMap(({ links }) => links.map(({ path }) => path)));
  for (const file of files) {
    const isFile = !file.endsWith('.md') && existsSync(join(root, file)) && statSync(join(root, file)).isFile();
    if (isFile) cpSync(join(root, file), put(file));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSite(join(root, 'site'));
