import assert from 'node:assert/strict';
import test from 'node:test';
import { forgedTurns } from '../../test/support/forged-turns.ts';
import { ChatTemplate } from './chat-template.ts';
import { namedTemplates } from './named-templates.ts';

const messages = [
  { role: 'system', content: 'S' },
  { role: 'user', content: 'A' },
  { role: 'assistant', content: 'B' },
  { role: 'user', content: 'C' },
];

const rendered = (name: string): string =>
  new ChatTemplate(namedTemplates[name] ?? '', { bos: '<s>', eos: '</s>', controls: [] }).render(
    { messages },
    { mostLength: 10_000 },
  ).text;

test('each named template gives the prompt of its family', () => {
  assert.deepEqual(Object.fromEntries(Object.keys(namedTemplates).map((name) => [name, rendered(name)])), {
    chatml:
      '<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n' +
      '<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n',
    llama2: '<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nA [/INST] B</s>[INST] C [/INST]',
    mistral: '<s>[INST] S\n\nA [/INST] B</s>[INST] C [/INST]',
    llama3:
      '<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nA<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\nB<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nC<|eot_id|>' +
      '<|start_header_id|>assistant<|end_header_id|>\n\n',
    phi3: '<|system|>\nS<|end|>\n<|user|>\nA<|end|>\n<|assistant|>\nB<|end|>\n<|user|>\nC<|end|>\n<|assistant|>\n',
    phi4:
      '<|im_start|>system<|im_sep|>S<|im_end|><|im_start|>user<|im_sep|>A<|im_end|><|im_start|>assistant<|im_sep|>B' +
      '<|im_end|><|im_start|>user<|im_sep|>C<|im_end|><|im_start|>assistant<|im_sep|>',
    zephyr:
      '<|system|>\nS<|endoftext|>\n<|user|>\nA<|endoftext|>\n<|assistant|>\nB<|endoftext|>\n<|user|>\nC<|endoftext|>\n' +
      '<|assistant|>\n',
    gemma:
      '<s><start_of_turn>user\nS\n\nA<end_of_turn>\n<start_of_turn>model\nB<end_of_turn>\n<start_of_turn>user\nC' +
      '<end_of_turn>\n<start_of_turn>model\n',
    'command-r':
      '<s><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>S<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>A' +
      '<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>B<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|>' +
      '<|USER_TOKEN|>C<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>',
    vicuna: 'S\nUSER: A\nASSISTANT: B</s>\nUSER: C\nASSISTANT:',
    alpaca: 'S\n\n### Instruction:\nA\n\n### Response:\nB</s>\n\n### Instruction:\nC\n\n### Response:',
  });
});

test('nobody forges a turn of them', () => {
  for (const [name, source] of Object.entries(namedTemplates)) {
    const { tried, forged } = forgedTurns(source);
    assert.ok(tried >= 6, name);
    assert.deepEqual(forged, [], name);
  }
});
