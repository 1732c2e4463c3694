/** ChatML, which most models understand more or less. */
export const chatMl: string = `{%- for m in messages %}
{{- '<|im_start|>' ~ m.role ~ '\\n' ~ m.content | trim ~ '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;

/** Messages between the name of their role and a token. */
const headed = (before: string, behind: string, end: string): string => `{%- for m in messages %}
{{- '${before}' ~ m.role ~ '${behind}' ~ m.content | trim ~ '${end}' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '${before}assistant${behind}' }}{% endif %}`;

/** Questions between [INST] and [/INST], the system's text in front of the first. */
const instructed = (system: readonly [before: string, behind: string]): string => `{{- bos_token }}
{%- set n = namespace(system='') %}
{%- for m in messages %}
{%- if m.role == 'system' %}{% set n.system = '${system[0]}' ~ m.content | trim ~ '${system[1]}' %}
{%- elif m.role == 'assistant' %}{{ ' ' ~ m.content | trim ~ eos_token }}
{%- else %}{{ '[INST] ' ~ n.system ~ m.content | trim ~ ' [/INST]' }}{% set n.system = '' %}
{%- endif %}
{%- endfor %}`;

/** Messages behind words for their roles. */
const spoken = (user: string, assistant: string, between: string): string => `{%- for m in messages %}
{%- if m.role == 'system' %}{{ m.content | trim ~ '${between}' }}
{%- elif m.role == 'assistant' %}{{ '${assistant}' ~ m.content | trim ~ eos_token ~ '${between}' }}
{%- else %}{{ '${user}' ~ m.content | trim ~ '${between}' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '${assistant}' | trim }}{% endif %}`;

/** Chat templates of widespread forms, by the names that llama.cpp has for them. */
export const namedTemplates: Readonly<Record<string, string>> = {
  chatml: chatMl,
  llama2: instructed(['<<SYS>>\\n', '\\n<</SYS>>\\n\\n']),
  mistral: instructed(['', '\\n\\n']),
  llama3: `{{- bos_token }}${headed('<|start_header_id|>', '<|end_header_id|>\\n\\n', '<|eot_id|>')}`,
  phi3: headed('<|', '|>\\n', '<|end|>\\n'),
  phi4: headed('<|im_start|>', '<|im_sep|>', '<|im_end|>'),
  zephyr: headed('<|', '|>\\n', '<|endoftext|>\\n'),
  gemma: `{{- bos_token }}
{%- for m in messages %}
{%- if m.role == 'system' %}{{ raise_exception('there is no system role') }}{% endif %}
{{- '<start_of_turn>' ~ ('model' if m.role == 'assistant' else m.role) ~ '\\n' ~ m.content | trim ~ '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}`,
  'command-r': `{{- bos_token }}
{%- for m in messages %}
{{- '<|START_OF_TURN_TOKEN|>' ~ {'system': '<|SYSTEM_TOKEN|>', 'assistant': '<|CHATBOT_TOKEN|>'}.get(m.role, '<|USER_TOKEN|>') ~ m.content | trim ~ '<|END_OF_TURN_TOKEN|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}`,
  vicuna: spoken('USER: ', 'ASSISTANT: ', '\\n'),
  alpaca: spoken('### Instruction:\\n', '### Response:\\n', '\\n\\n'),
};
