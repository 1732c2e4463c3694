import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { ChatTemplate } from './chat-template.ts';

test('a template that refuses messages is asked again only if it speaks of what is said otherwise then', () => {
  const reads = (source: string): number => {
    let count = 0;
    const probe = {
      get text(): string {
        count += 1;
        return '';
      },
    };
    const template = new ChatTemplate(source, { bos: '', eos: '', controls: [] });
    const conversation = { messages: [{ role: 'user', content: 'Hi' }], templateArguments: { probe } };
    assert.throws(() => template.render(conversation, { mostLength: 100 }), engineError('TEMPLATE_FAILED'));
    return count;
  };
  const refusing = `{{ probe.text }}{{ raise_exception('no') }}`;
  const once = reads(refusing);
  assert.ok(once > 0);
  assert.equal(reads(`${refusing}{{ datetime }}`), 2 * once);
});
