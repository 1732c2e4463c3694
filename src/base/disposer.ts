/** Holds resources and disposes them last in, first out: `DisposableStack`, which Node 20 does not have. */
export class Disposer implements Disposable {
  readonly #resources: Disposable[] = [];

  use<R extends Disposable>(resource: R): R {
    this.#resources.push(resource);
    return resource;
  }

  /** Runs the steps of a constructor; if one of them throws, all that is held is disposed. */
  building<T>(steps: () => T): T {
    try {
      return steps();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const resource of this.#resources.splice(0).reverse()) resource[Symbol.dispose]();
  }
}
