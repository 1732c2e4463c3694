import { type ChatAnswer, type ChatLine, type ChatMessage, emptyAnswer, withLine } from './chat-answer.ts';
import { byId, element } from './dom.ts';
import { formatNumber, formatSpeed, formatTokens } from './format.ts';
import { markdownView } from './markdown-view.ts';
import { bodyTexts, request } from './server.ts';
import { LineReader } from './server-events.ts';

/** The chat beside the status. */
export interface ChatPanel {
  /** Offers these models; `loaded` is the one that is chosen first. */
  offer(models: readonly string[], loaded: string | undefined): void;
}

const noModel = 'There is no model yet. In a terminal, "ssd-llm pull NAME" downloads one.';

/** Fills the place of the chat. */
export function chatPanel(): ChatPanel {
  const section = byId('chat');
  const model = element('select', { 'aria-label': 'Model' });
  const anew = element('button', { type: 'button' }, 'New chat');
  const log = element('div', { id: 'log', role: 'log', 'aria-label': 'Conversation', tabindex: 0 });
  const text = element('textarea', {
    id: 'text',
    'aria-label': 'Message',
    rows: 3,
    placeholder: 'Ask something. Enter sends it, Shift+Enter begins a line.',
  });
  const send = element('button', { type: 'submit' }, 'Send');
  const note = element('p', { class: 'muted', role: 'status' });
  const form = element('form', { id: 'ask' }, text, note, send);
  const title = element('h2', { id: 'chat-title' }, 'Chat');
  section.append(element('div', { class: 'chat-head' }, title, model, anew), log, form);

  let messages: readonly ChatMessage[] = [];
  let running: AbortController | undefined;

  const ask = async (): Promise<void> => {
    const content = text.value.trim();
    if (content === '') return;
    if (model.value === '') {
      note.textContent = noModel;
      return;
    }
    text.value = '';
    log.append(messageView('You', 'user', element('div', {}, content)));
    const asked: readonly ChatMessage[] = [...messages, { role: 'user', content }];
    const view = answerView();
    log.append(view.element);
    log.scrollTop = log.scrollHeight;
    const own = new AbortController();
    running = own;
    send.textContent = 'Stop';
    note.textContent = '';
    const answer = await answerTo({ model: model.value, messages: asked }, own.signal, (part) => {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
      view.show(part);
      if (atEnd) log.scrollTop = log.scrollHeight;
    });
    // A new chat began meanwhile, which this answer is no part of.
    if (running !== own) return;
    running = undefined;
    send.textContent = 'Send';
    note.textContent = own.signal.aborted ? 'Stopped.' : costOf(answer);
    if (answer.text !== '') messages = [...asked, { role: 'assistant', content: answer.text }];
    // A question without an answer may be asked again.
    else if (text.value === '') text.value = content;
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (running) running.abort();
    else void ask();
  });
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') running?.abort();
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!running) void ask();
  });
  anew.addEventListener('click', () => {
    running?.abort();
    running = undefined;
    send.textContent = 'Send';
    messages = [];
    log.replaceChildren();
    note.textContent = '';
    text.focus();
  });
  return {
    offer: (models, loaded) => {
      const chosen = model.value || loaded || models[0];
      model.replaceChildren(...models.map((name) => element('option', {}, name)));
      if (chosen !== undefined && models.includes(chosen)) model.value = chosen;
      if (models.length === 0) note.textContent = noModel;
      else if (note.textContent === noModel) note.textContent = '';
    },
  };
}

/** Asks, and tells of the answer as it comes, once for each picture of the screen at most. */
async function answerTo(
  body: { readonly model: string; readonly messages: readonly ChatMessage[] },
  signal: AbortSignal,
  onPart: (answer: ChatAnswer) => void,
): Promise<ChatAnswer> {
  let answer = emptyAnswer;
  let planned = 0;
  const show = (): void => {
    planned = 0;
    onPart(answer);
  };
  try {
    const lines = new LineReader();
    for await (const text of bodyTexts(await request('/api/chat', { body, signal }))) {
      for (const line of lines.push(text)) answer = withLine(answer, JSON.parse(line) as ChatLine);
      planned ||= requestAnimationFrame(show);
    }
  } catch (error) {
    if (!signal.aborted) answer = { ...answer, error: (error as Error).message };
  }
  cancelAnimationFrame(planned);
  show();
  return answer;
}

const messageView = (who: string, kind: string, ...parts: readonly HTMLElement[]): HTMLElement =>
  element('div', { class: `message ${kind}` }, element('p', { class: 'who' }, who), ...parts);

/** The place of an answer, which shows it as far as it has come. */
function answerView(): { readonly element: HTMLElement; show(answer: ChatAnswer): void } {
  const thoughts = element('div');
  const box = element('details', { class: 'thoughts' }, element('summary', {}, 'Thoughts'), thoughts);
  const body = element('div', {}, element('p', { class: 'muted' }, '…'));
  box.hidden = true;
  return {
    element: messageView('Model', 'model', box, body),
    show: (answer) => {
      if (answer.thoughts !== '' && box.hidden) box.open = true;
      box.hidden = answer.thoughts === '';
      thoughts.textContent = answer.thoughts;
      const calls = answer.calls.map(({ function: { name, arguments: given } }) =>
        element(
          'pre',
          { tabindex: 0 },
          element('code', {}, `${name}(${typeof given === 'string' ? given : JSON.stringify(given, null, 2)})`),
        ),
      );
      const failure = answer.error === undefined ? [] : [element('p', { class: 'error' }, answer.error)];
      body.replaceChildren(...markdownView(answer.text), ...calls, ...failure);
    },
  };
}

function costOf({ cost }: ChatAnswer): string {
  if (!cost) return '';
  const rate = cost.rate === undefined ? '' : ` at ${formatSpeed(cost.rate)} a second`;
  return `${formatTokens(cost.answer)}${rate}; the prompt had ${formatNumber(cost.prompt)}.`;
}
