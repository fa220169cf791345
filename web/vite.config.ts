import { defineConfig } from 'vite';

import { compress } from './vite-compress.ts';

export default defineConfig({
  // The page works under any path: its `base` element has it.
  base: './',
  plugins: [compress()],
  build: {
    // The Content-Security-Policy forbids inlined assets.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    // The first browsers with `light-dark()`, which the themes need; a fallback could not be mixed on one page.
    cssTarget: ['chrome123', 'firefox125', 'safari17.5'],
    // The chat page, the API page, the admin page, and the page for unknown addresses.
    rolldownOptions: { input: ['index.html', 'docs.html', 'admin.html', '404.html'] },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/ws'].map((path) => [path, { target: 'http://127.0.0.1:8080', ws: true }]),
    ),
  },
});
