import { after } from 'node:test';

/** Keeps `resource` for all tests of a file, and disposes of it after the last one. */
export function shared<T extends Disposable | AsyncDisposable>(resource: T): T {
  after(() => (Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]()));
  return resource;
}
