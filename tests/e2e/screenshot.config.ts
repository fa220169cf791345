import config from './playwright.config.ts';

/** Takes the README's screenshots: `make screenshot`. */
export default { ...config, testDir: '.', testMatch: 'screenshot.ts' };
