import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { readTextFile } from '../base/regular-file.ts';
import { usualHub } from '../download/pull-source.ts';
import type { WebOptions } from '../download/web.ts';
import { currentUser, type User } from './environment.ts';

const mostToken = 4096;

/**
 * The ways to where models are downloaded from, as Hugging Face's tools and others have them in the environment: HF_ENDPOINT, HF_TOKEN or
 * the file with it, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY. Throws BAD_OPTION.
 */
export function webOptions({ home, environment }: User = currentUser()): WebOptions {
  const either = (name: string): string => environment[name.toLowerCase()] || environment[name] || '';
  const all = either('ALL_PROXY');
  const hub = address('HF_ENDPOINT', environment['HF_ENDPOINT'] || usualHub);
  return {
    hub,
    token: environment['HF_TOKEN'] || environment['HUGGING_FACE_HUB_TOKEN'] || savedToken(home, environment),
    proxies: {
      http: address('HTTP_PROXY', either('HTTP_PROXY') || all),
      https: address('HTTPS_PROXY', either('HTTPS_PROXY') || all),
      none: either('NO_PROXY'),
    },
  };
}

/** A variable that is the address of a server, or empty. Throws BAD_OPTION. */
function address(name: string, text: string): string {
  const whole = name !== 'HF_ENDPOINT' && text !== '' && !text.includes('://') ? `http://${text}` : text;
  if (whole === '' || (URL.canParse(whole) && /^https?:$/.test(new URL(whole).protocol))) return whole;
  throw new EngineError('BAD_OPTION', { option: name, value: text, expected: 'an address such as https://host:port' });
}

/** The token that "hf auth login" has saved. */
function savedToken(home: string | undefined, environment: User['environment']): string | undefined {
  const cache = environment['XDG_CACHE_HOME'] || (home && join(home, '.cache'));
  const folder = environment['HF_HOME'] || (cache && join(cache, 'huggingface'));
  const file = environment['HF_TOKEN_PATH'] || (folder && join(folder, 'token'));
  return (file && attempt(() => readTextFile(file, mostToken).trim())) || undefined;
}
