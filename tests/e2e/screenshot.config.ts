import config from './playwright.config.ts';

/** Takes the README's screenshot: `make screenshot`. */
export default { ...config, testDir: '.', testMatch: 'screenshot.ts' };
