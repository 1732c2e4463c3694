const stored = 'ssd-llm-theme';
const themes = ['system', 'light', 'dark'] as const;

/** Lets a button change the colours of the page: those of the system, light or dark ones. */
export function themeButton(button: HTMLButtonElement): void {
  let theme = themes.find((name) => name === localStorage.getItem(stored)) ?? 'system';
  const apply = (): void => {
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    button.textContent = `Colours: ${theme}`;
  };
  button.addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
    localStorage.setItem(stored, theme);
    apply();
  });
  apply();
}
