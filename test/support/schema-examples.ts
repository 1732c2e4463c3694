import fc from 'fast-check';

/** A schema, and values of it. */
export interface SchemaExample {
  readonly schema: object | boolean;
  readonly value: fc.Arbitrary<unknown>;
}

const example = (schema: SchemaExample['schema'], value: fc.Arbitrary<unknown>): SchemaExample => ({ schema, value });
const bound = fc.integer({ min: -150, max: 150 });
const count = fc.integer({ min: 0, max: 4 });

const scalars: fc.Arbitrary<SchemaExample> = fc.oneof(
  fc.constant(example({ type: 'null' }, fc.constant(null))),
  fc.constant(example({ type: 'boolean' }, fc.boolean())),
  fc.constant(example({ type: ['integer', 'null'] }, fc.option(fc.integer()))),
  fc
    .tuple(count, count)
    .map(([minLength, more]) =>
      example(
        { type: 'string', minLength, maxLength: minLength + more },
        fc.string({ unit: 'binary', minLength, maxLength: minLength + more }),
      ),
    ),
  fc
    .constantFrom('date', 'time', 'date-time', 'uuid', 'ipv4', 'hostname', 'email')
    .map((format) => example({ type: 'string', format }, fc.constant(undefined))),
  fc.constant(example({ type: 'string', pattern: '^[a-f"\\\\]+\\d?$' }, fc.stringMatching(/^[a-f"\\]+\d?$/))),
  fc
    .tuple(bound, count)
    .map(([minimum, more]) =>
      example({ type: 'integer', minimum, maximum: minimum + more }, fc.integer({ min: minimum, max: minimum + more })),
    ),
  fc.tuple(bound, bound).map(([a, b]) => {
    const [low, high] = [Math.min(a, b) / 4, Math.max(a, b) / 4 + 1];
    return example(
      { type: 'number', exclusiveMinimum: low, maximum: high },
      fc.integer({ min: Math.floor(low * 100) + 1, max: Math.floor(high * 100) }).map((hundredths) => hundredths / 100),
    );
  }),
  fc.constant(
    example(
      { type: 'number', multipleOf: 0.01, minimum: -1e6, maximum: 1e6 },
      fc.integer().map((n) => Math.round(n % 1e6) / 100),
    ),
  ),
  fc
    .uniqueArray(fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 4 })
    .map((values) => example({ enum: values }, fc.constantFrom(...values))),
  fc.constant(example({ const: { a: [1, 'é'] } }, fc.constant({ a: [1, 'é'] }))),
);

const names = ['a', 'b', 'ab', 'with "quotes"', 'é/~'];

const { example: examples } = fc.letrec<{ example: SchemaExample; inner: SchemaExample }>((tie) => ({
  inner: fc.oneof({ depthSize: 'small' }, scalars, tie('example')),
  example: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalars,
    fc
      .tuple(tie('inner'), count, count)
      .map(([{ schema, value }, minItems, more]) =>
        example(
          { type: 'array', items: schema, minItems, maxItems: minItems + more },
          fc.array(value, { minLength: minItems, maxLength: minItems + more }),
        ),
      ),
    fc
      .array(tie('inner'), { minLength: 1, maxLength: 3 })
      .map((items) =>
        example(
          { type: 'array', prefixItems: items.map(({ schema }) => schema), items: false },
          fc.tuple(...items.map(({ value }) => value)),
        ),
      ),
    fc
      .tuple(
        fc.subarray(names, { minLength: 1 }),
        fc.array(tie('inner'), { minLength: 5, maxLength: 5 }),
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      )
      .map(([keys, inner, flips]) => {
        const fields = keys.map((key, i) => ({ key, required: flips[i] === true, ...(inner[i] as SchemaExample) }));
        const required = fields.filter(({ required }) => required).map(({ key }) => key);
        return example(
          { type: 'object', properties: Object.fromEntries(fields.map(({ key, schema }) => [key, schema])), required },
          fc.record(Object.fromEntries(fields.map(({ key, value }) => [key, value])), { requiredKeys: required }),
        );
      }),
    tie('inner').map(({ schema, value }) =>
      example({ type: 'object', additionalProperties: schema }, fc.dictionary(fc.string(), value, { maxKeys: 3 })),
    ),
    fc
      .tuple(tie('inner'), tie('inner'))
      .map(([a, b]) => example({ anyOf: [a.schema, b.schema] }, fc.oneof(a.value, b.value))),
    tie('inner').map(({ schema, value }) => example({ allOf: [{ $ref: '#/$defs/x' }], $defs: { x: schema } }, value)),
  ),
}));

/** References count from the top, so a schema with some cannot be a part. */
const self = (text: string): boolean =>
  !/\$ref/.test(text) || /^\{"allOf":\[\{"\$ref":"#\/\$defs\/x"\}\],"\$defs":\{"x":(?!.*\$ref)/.test(text);
export const wholeSchemas: fc.Arbitrary<SchemaExample> = examples.filter(({ schema }) => self(JSON.stringify(schema)));
