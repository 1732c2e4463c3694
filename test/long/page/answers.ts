import type { Delta } from '../../../src/worker/backend.ts';

/** Answers that try to be more than text. */
export const hostileAnswers: readonly string[] = [
  '<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>',
  '[a](javascript:alert(4)) [b](data:text/html,<script>alert(5)</script>) ![c](https://evil.example/pixel.png)',
  '```"><img src=x onerror=alert(6)>\n</code></pre><iframe src="https://evil.example"></iframe>\n```',
  '# <style>*{display:none}</style>\n- <a href="javascript:alert(7)" onclick="alert(8)">x</a>\n> <form action="https://evil.example"><button>',
  '\u202e{{constructor.constructor("alert(9)")()}} &lt;script&gt;alert(10)&lt;/script&gt;',
];

/** An answer with thoughts, Markdown and a call of a tool. */
export const fullAnswer: readonly Delta[] = [
  { text: '', thinking: 'The user wants fruits. Two are enough, and a program that prints them.', logprobs: [] },
  {
    text: 'Here are **two** fruits, with `code` behind them:\n\n1. a plum\n2. a pear\n\n```python\nfor fruit in ["plum", "pear"]:\n    print(fruit)\n```\n',
    logprobs: [],
  },
  { text: '', toolCalls: [{ index: 0, id: 'call_1', name: 'price', arguments: '{"fruit":"plum"}' }], logprobs: [] },
];
