import { grammarError } from '../grammar-error.ts';
import { isObject, type PlacedSchema, under } from './keywords.ts';

/** References that lead to references. */
const longestChain = 100;

/** The schema that a reference means, within the whole. Throws BAD_GRAMMAR. */
export function resolve(root: unknown, { schema, place }: PlacedSchema): PlacedSchema {
  let found: PlacedSchema = { schema, place };
  for (let i = 0; i <= longestChain; i += 1) {
    if (!isObject(found.schema) || found.schema.$ref === undefined) return found;
    found = target(root, found.schema.$ref, under(found.place, '$ref'));
  }
  throw grammarError(under(place, '$ref'), 'references lead nowhere');
}

function target(root: unknown, reference: unknown, place: string): PlacedSchema {
  if (typeof reference !== 'string') throw grammarError(place, 'expected a text');
  if (!reference.startsWith('#')) throw grammarError(place, `${reference} is not within this schema`);
  if (reference !== '#' && !reference.startsWith('#/')) {
    const anchored = findAnchor({ schema: root, place: '#' }, reference.slice(1));
    if (!anchored) throw grammarError(place, `nothing in the schema has the anchor ${reference}`);
    return anchored;
  }
  let found: unknown = root;
  for (const part of decoded(reference, place).split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const isThere = typeof found === 'object' && found !== null && Object.hasOwn(found, name);
    if (!isThere) throw grammarError(place, `the schema has no ${reference}`);
    found = (found as Record<string, unknown>)[name];
  }
  return { schema: found, place: reference };
}

function decoded(reference: string, place: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    throw grammarError(place, `${reference} is no reference`);
  }
}

function findAnchor({ schema, place }: PlacedSchema, anchor: string): PlacedSchema | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  if (isObject(schema) && schema.$anchor === anchor) return { schema, place };
  for (const [name, inner] of Object.entries(schema)) {
    const found = findAnchor({ schema: inner, place: under(place, name) }, anchor);
    if (found) return found;
  }
  return undefined;
}
