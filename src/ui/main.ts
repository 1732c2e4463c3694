import { chatPanel } from './chat.ts';
import { byId, element } from './dom.ts';
import { layersPanel } from './layers-panel.ts';
import { memoryPanel } from './memory-panel.ts';
import { requestsPanel } from './requests-panel.ts';
import { KeyNeeded, modelNames, type ServerStatus, statuses, useKey } from './server.ts';
import { Rates } from './shares.ts';
import { speedPanel } from './speed-panel.ts';
import { themeButton } from './theme.ts';
import { whatIfPanel } from './what-if-panel.ts';

/** Milliseconds before the server is asked again after it was lost. */
const retry = 2000;

const headline = byId('headline');
const keyForm = byId<HTMLFormElement>('key');
const status = byId('status');
const idle = element(
  'p',
  { class: 'muted' },
  'No model is loaded: the first request loads one. Ask something in the chat.',
);
/** The panel that is there without an engine, too. */
const requests = requestsPanel();
const panels = [speedPanel(), memoryPanel(), layersPanel(), requests, whatIfPanel()];
const chat = chatPanel();
const rates = new Rates();
let offered: string | undefined;

status.append(idle, ...panels.map(({ section }) => section));
const header = byId('header');
new ResizeObserver(() => {
  document.documentElement.style.setProperty('--header', `${header.offsetHeight}px`);
}).observe(header);
themeButton(byId<HTMLButtonElement>('theme'));

function show(state: ServerStatus): void {
  const { engine, health, version } = state;
  rates.add(state);
  headline.textContent = [
    engine ? engine.model.name : 'no model loaded',
    ...(health === 'ok' ? [] : [health]),
    `version ${version}`,
  ].join(' · ');
  idle.hidden = engine !== null;
  for (const panel of panels) {
    panel.section.hidden = engine === null && panel !== requests;
    panel.update(state, rates);
  }
  status.dataset['time'] = `${state.time}`;
  const loaded = engine?.model.name ?? '';
  if (offered === loaded) return;
  offered = loaded;
  void modelNames().then(
    (names) => chat.offer(names, engine?.model.name),
    () => {
      offered = undefined;
    },
  );
}

/** Shows the server's state as it comes, while the page is seen. */
async function watch(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const state of statuses(signal)) show(state);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof KeyNeeded) {
        headline.textContent = 'The server wants its key';
        keyForm.hidden = false;
        return;
      }
    }
    if (signal.aborted) return;
    headline.textContent = 'The server does not answer; trying again …';
    await new Promise((resolve) => setTimeout(resolve, retry));
  }
}

let watching: AbortController | undefined;

function begin(): void {
  watching?.abort();
  watching = undefined;
  if (document.hidden) return;
  watching = new AbortController();
  void watch(watching.signal);
}

keyForm.addEventListener('submit', (event) => {
  event.preventDefault();
  useKey(byId<HTMLInputElement>('key-text').value);
  keyForm.hidden = true;
  begin();
});
document.addEventListener('visibilitychange', begin);
// Models may have come meanwhile, by a command.
addEventListener('focus', () => {
  offered = undefined;
});
begin();
