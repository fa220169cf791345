import { defineConfig } from 'vite';

import { compress } from './vite-compress.ts';

export default defineConfig({
  plugins: [compress()],
  build: {
    // Under the page's policy nothing may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    // The chat page, and the one that describes the API.
    rolldownOptions: { input: ['index.html', 'docs.html'] },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/ws'].map((path) => [path, { target: 'http://127.0.0.1:8080', ws: true }]),
    ),
  },
});
