// Applies the stored theme before the first paint. `state/page/theme.ts` writes it.
try {
  const theme = localStorage.getItem('webchat.theme');
  if (theme === 'white' || theme === 'g100') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage, the system's theme applies.
}
